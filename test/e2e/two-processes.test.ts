import test, { type ExecutionContext } from 'ava';
import { ECANCELED, EHOSTUNREACH, EIO, ETIMEDOUT } from '../../lnet/errno.ts';
import { ChildNode } from './child-node.ts';

/** Short timeouts, so that an end that the kernel's defaults put at minutes comes in seconds. */
const SETTINGS = { transaction_timeout: 4, retry_count: 0 };
const TIMEOUT_S = 2;

/** What a transfer may end with when its peer dies: the link broke, nobody listens, no answer in time. */
const ENDS_OF_A_LOST_PEER: readonly number[] = [-EIO, -EHOSTUNREACH, -ETIMEDOUT, -ECANCELED, -104, -111];

const MATCH = '0x77';
const MIB = 1 << 20;

interface Pair {
  readonly server: ChildNode;
  readonly client: ChildNode;
  readonly serverNid: string;
  readonly restartServer: () => Promise<ChildNode>;
  /** One more node, at an address of its own. */
  readonly startOther: () => Promise<ChildNode>;
}

let lastAddress = 20;

/** Two nodes in two processes, the server with a descriptor that takes PUTs. */
async function startPair(t: ExecutionContext): Promise<Pair> {
  const acceptPort = 20_000 + Math.floor(Math.random() * 20_000);
  const serverNid = `127.0.3.${lastAddress++}@tcp`;
  const options = { acceptPort, settings: SETTINGS, timeoutS: TIMEOUT_S };
  const startServer = async (): Promise<ChildNode> => {
    const server = await ChildNode.start({ nid: serverNid, ...options });
    t.teardown(() => server.kill());
    server.send({ kind: 'serve', matchBits: MATCH, bytes: MIB });
    await server.report('serving');
    return server;
  };
  const server = await startServer();
  const startOther = async (): Promise<ChildNode> => {
    const other = await ChildNode.start({ nid: `127.0.3.${lastAddress++}@tcp`, ...options });
    t.teardown(() => other.kill());
    return other;
  };
  const client = await startOther();
  client.send({ kind: 'put', target: serverNid, matchBits: MATCH, bytes: MIB, count: 4 });
  t.is((await client.report('putDone')).ok, 4);
  return { server, client, serverNid, restartServer: startServer, startOther };
}

test('a target killed in mid-transfer: each PUT ends with an error in time, and the restarted target is reached without a restart of the sender', async (t) => {
  const { server, client, serverNid, restartServer } = await startPair(t);
  client.send({ kind: 'put', target: serverNid, matchBits: MATCH, bytes: MIB, count: 400 });
  await server.report('event', (event) => event.type === 'PUT');
  await server.kill();
  const { ok, failures, ms } = await client.report('putDone');
  t.is(ok + failures.length, 400);
  t.true(failures.length > 0);
  t.deepEqual(
    failures.filter((errno) => !ENDS_OF_A_LOST_PEER.includes(errno)),
    [],
  );
  // Response trackers are looked at twice per transaction timeout: lnet-semantics §11.7.
  t.true(ms < 2 * SETTINGS.transaction_timeout * 1000 + 2000, `took ${ms} ms`);
  await restartServer();
  let reached = 0;
  for (let attempt = 0; attempt < 10 && reached === 0; attempt++) {
    client.send({ kind: 'put', target: serverNid, matchBits: MATCH, bytes: MIB, count: 1 });
    reached = (await client.report('putDone')).ok;
    if (reached === 0) await new Promise((resolve) => setTimeout(resolve, 500));
  }
  t.is(reached, 1);
});

test('a sender killed in mid-transfer: the target reports a PUT that broke off, and serves others', async (t) => {
  const { server, client, serverNid, startOther } = await startPair(t);
  let broken = 0;
  let sender = client;
  // The kill can fall between two messages; three times in a row it does not.
  for (let attempt = 0; attempt < 3 && broken === 0; attempt++) {
    sender.send({ kind: 'put', target: serverNid, matchBits: MATCH, bytes: MIB, count: 4000 });
    for (let seen = 0; seen < 20; seen++) await server.report('event', (event) => event.type === 'PUT');
    await sender.kill();
    broken = await server
      .report('event', (event) => event.status !== 0, 3000)
      .then((event) => event.status)
      .catch(() => 0);
    sender = await startOther();
  }
  t.is(broken, -EIO);
  sender.send({ kind: 'put', target: serverNid, matchBits: MATCH, bytes: MIB, count: 4 });
  t.is((await sender.report('putDone')).ok, 4);
});

test('a target that stops answering: PUTs end with -ETIMEDOUT or a broken link within the timeouts, and it is reached again when it goes on', async (t) => {
  const { server, client, serverNid } = await startPair(t);
  server.signal('SIGSTOP');
  t.teardown(() => server.signal('SIGCONT'));
  client.send({ kind: 'put', target: serverNid, matchBits: MATCH, bytes: MIB, count: 32 });
  const { ok, failures, ms } = await client.report('putDone', undefined, 30_000);
  t.is(ok, 0);
  t.is(failures.length, 32);
  t.deepEqual(
    failures.filter((errno) => !ENDS_OF_A_LOST_PEER.includes(errno)),
    [],
  );
  t.true(ms < 2 * SETTINGS.transaction_timeout * 1000 + 4000, `took ${ms} ms`);
  server.signal('SIGCONT');
  let reached = 0;
  for (let attempt = 0; attempt < 20 && reached === 0; attempt++) {
    client.send({ kind: 'put', target: serverNid, matchBits: MATCH, bytes: MIB, count: 1 });
    reached = (await client.report('putDone')).ok;
    if (reached === 0) await new Promise((resolve) => setTimeout(resolve, 500));
  }
  t.is(reached, 1);
});
