/** Two nodes over TCP on this machine: one offers memory, the other puts a text into it. */
import { createNode, EventQueue, LNET_MD_OP_PUT } from '../index.ts';

const network = { accept: 'all', acceptPort: 7988 } as const;
const server = await createNode({ ...network, nets: { tcp: '127.0.0.11' } });
const client = await createNode({ ...network, nets: { tcp: '127.0.0.12' } });

const memory = new Uint8Array(4096);
const events = new EventQueue();
const me = server.attachMe({ portal: 40, matchBits: 0x1n });
server.attachMd(me, { memory, options: LNET_MD_OP_PUT, handler: events.handler });

const text = new TextEncoder().encode('hello, LNet');
await client.put({ target: '127.0.0.11@tcp', portal: 40, matchBits: 0x1n, memory: text });

for await (const event of events) {
  const words = new TextDecoder().decode(memory.subarray(0, event.mlength));
  console.log(`${event.typeName} from ${event.initiatorNid}: ${words}`);
  break;
}
await client.close();
await server.close();
