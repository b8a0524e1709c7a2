import test from 'ava';
import { createServer } from 'node:net';
import { createNode, type LnetNode } from '../../index.ts';
import type { LstWorld } from './console/lst/lst-command.ts';
import { runLst } from './console/lst/lst.ts';
import { Selftest } from './selftest.ts';

const HOSTS = ['127.0.0.41', '127.0.0.42', '127.0.0.43'];

/** A port that nobody has at this moment, on the first address. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, HOSTS[0], () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

test('console, client and server over TCP on this machine: ping and brw both ways at 4 KiB and 1 MiB with check=full, zero errors', async (t) => {
  const acceptPort = await freePort();
  const nodes: LnetNode[] = [];
  const selftests: Selftest[] = [];
  t.teardown(async () => {
    for (const selftest of selftests) await selftest.close();
    for (const node of nodes) await node.close();
  });
  for (const host of HOSTS) {
    const node = await createNode({ nets: { tcp: host }, accept: 'all', acceptPort });
    nodes.push(node);
    const selftest = new Selftest(node.core);
    selftest.open();
    selftests.push(selftest);
  }
  const [console] = selftests;
  if (!console) throw new Error('no console');
  const said = { out: '', err: '' };
  const world: LstWorld = {
    stdout: (text) => {
      said.out += text;
    },
    stderr: (text) => {
      said.err += text;
    },
    sessionKey: '1',
    features: undefined,
    userAtHost: 'x@y',
    interrupt: new AbortController().signal,
  };
  const ok = async (line: string): Promise<string> => {
    said.out = '';
    const status = await runLst(console.console, line.split(' '), world);
    if (status !== 0 || said.err !== '') throw new Error(`lst ${line}: ${status} ${said.out}${said.err}`);
    return said.out;
  };
  await ok('new_session e2e');
  await ok('add_group a 127.0.0.42@tcp');
  await ok('add_group b 127.0.0.43@tcp');
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ]) {
    await ok(`add_test --loop 40 --concurrency 4 --from ${from} --to ${to} ping`);
    for (const size of ['4K', '1M'])
      for (const rw of ['read', 'write'])
        await ok(`add_test --loop 10 --concurrency 2 --from ${from} --to ${to} brw ${rw} check=full size=${size}`);
  }
  await ok('run');
  // As `lst stop` does, but leaving the units their loops.
  for (let asked = 0; (await ok('query')) !== 'batch [0] is stopped\n'; asked++) {
    if (asked > 500) throw new Error('the batch does not end');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.is(await ok('show_error a b'), 'a:\nTotal 0 error nodes in a\nb:\nTotal 0 error nodes in b\n');
  t.is(selftests[1]?.context.counters.rpcsSent, 4 * 40 + 4 * 2 * 10);
  t.is(selftests[2]?.context.counters.rpcsRcvd, selftests[1]?.context.counters.rpcsRcvd);
  t.is(await ok('end_session'), 'session is ended\n');
});
