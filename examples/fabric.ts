/**
 * The in-memory fabric: how to test a program of yours without a network. Time is virtual, every fault comes from the seed,
 * and the second run does exactly what the first one did.
 */
import { createFabric, createFabricNode, LNET_MD_MANAGE_REMOTE, LNET_MD_OP_PUT } from '../index.ts';

const fabric = createFabric({ seed: 7 });
const server = await createFabricNode(fabric, { name: 'server', nids: ['10.0.0.1@tcp'] });
const client = await createFabricNode(fabric, { name: 'client', nids: ['10.0.0.2@tcp'] });
fabric.shape({ between: ['client', 'server'] }, { latencyUs: 250 });

const me = server.attachMe({ portal: 40, matchBits: 0x1n });
server.attachMd(me, { memory: new Uint8Array(64), options: LNET_MD_OP_PUT | LNET_MD_MANAGE_REMOTE }, false);

const put = { target: '10.0.0.1@tcp', portal: 40, matchBits: 0x1n, memory: new Uint8Array(64) };
const begun = fabric.clock.now();
await fabric.settled(client.put(put));
console.log(`first PUT, with discovery: ${fabric.clock.now() - begun} virtual microseconds`);

const again = fabric.clock.now();
await fabric.settled(client.put(put));
console.log(`second PUT: ${fabric.clock.now() - again} virtual microseconds`);

fabric.isolate('server');
const outcome = await fabric.settled(
  client.put(put).then(
    () => 'arrived',
    (error: Error) => error.message,
  ),
);
console.log(`after a partition: ${outcome}`);
await fabric.settled(Promise.all([client.close(), server.close()]));
