import test from 'ava';
import { type LstBench, lstBench } from '../../testing/lst-bench.test-support.ts';
import { nidAt } from '../../testing/node-bench.test-support.ts';
import { STAT_REPLY, type StatReply } from '../../wire/stat-message.ts';
import { NULL_SESSION_ID } from '../../wire/session-id.ts';
import { ConsoleNode } from '../console-node.ts';
import type { Outcome } from '../transaction.ts';
import { parseNid } from '../../../../lnet/wire/nid.ts';
import { ratesBetween, reportLines, type StatView } from './stat-report.ts';

const S = 1_000_000;

/** A session with an endless read test from .12 to .13. */
async function running(): Promise<LstBench> {
  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group c 10.77.0.12@tcp');
  await b.ok('add_group s 10.77.0.13@tcp');
  await b.ok('add_test --from c --to s brw read size=64K');
  await b.ok('run');
  return b;
}

test('`stat --count 3 --delay 2` prints 3 reports in about 6 s; `--mbs` changes divisor and unit text.', async (t) => {
  const b = await running();
  const before = b.net.clock.now();
  const out = await b.ok('stat --count 3 --delay 2 s');
  const seconds = (b.net.clock.now() - before) / S;
  t.true(seconds >= 6 && seconds < 6.1, String(seconds));
  t.is(out.match(/\[LNet Rates of s\]/g)?.length, 3);
  t.is(out.match(/\[LNet Bandwidth of s\]/g)?.length, 3);
  const binary = await b.ok('stat --count 1 --delay 10 --bw --write --avg c');
  const decimal = await b.ok('stat --count 1 --delay 10 --bw --write --avg --mbs c');
  const [, mib = ''] = /^\[LNet Bandwidth of c\]\n\[R\] Avg: ([0-9.]+) +MiB\/s \n$/.exec(binary) ?? [];
  const [, mb = ''] = /^\[LNet Bandwidth of c\]\n\[R\] Avg: ([0-9.]+) +MB\/s {2}\n$/.exec(decimal) ?? [];
  t.true(Math.abs(Number(mb) / Number(mib) - 1.048576) < 0.01, `${mib} ${mb}`);
});

test('`stat --read` prints only `[W]`, `stat --write` only `[R]`.', async (t) => {
  const b = await running();
  const lines = async (options: string): Promise<string[]> =>
    (await b.ok(`stat --count 1 --delay 1 ${options} s`)).match(/\[(?:R|W|LNet \w+)/g) ?? [];
  t.deepEqual(await lines('--read'), ['[LNet Rates', '[W', '[LNet Bandwidth', '[W']);
  t.deepEqual(await lines('--write'), ['[LNet Rates', '[R', '[LNet Bandwidth', '[R']);
  t.deepEqual(await lines('--read --write'), ['[LNet Rates', '[R', '[W', '[LNet Bandwidth', '[R', '[W']);
  t.deepEqual(await lines('--bw'), ['[LNet Bandwidth', '[R', '[W']);
  t.deepEqual(await lines('--rate'), ['[LNet Rates', '[R', '[W']);
  t.deepEqual(await lines('--rate --bw'), await lines(''));
  t.deepEqual(await lines('--rpc'), []);
  t.deepEqual(await lines('--rpc --lnet'), await lines(''));
});

function value(text: string, line: string): number {
  return Number(new RegExp(`\\[${line}\\] Avg: ([0-9.]+)`).exec(text)?.[1]);
}

test('a read shows as received on the clients and as sent on the servers', async (t) => {
  const b = await running();
  const [client = '', server = ''] = (await b.ok('stat --count 1 --delay 5 --bw --avg c s')).split(
    /(?=\[LNet Bandwidth of s)/,
  );
  t.true(value(client, 'R') > 10 && value(server, 'W') > 10);
  t.true(value(client, 'W') < 1 && value(server, 'R') < 1);
});

test('nodes that do not answer are counted, a group that changes ends the report, endless reports end by interrupt', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group all 10.77.0.[12-13]@tcp');
  const interrupt = new AbortController();
  const endless = b.lst('stat --delay 1 all', { interrupt: interrupt.signal });
  const alarm = b.net.clock.alarm(b.net.clock.now() + 3.5 * S, () => interrupt.abort());
  t.is((await endless).out.match(/Rates of all/g)?.length, 3);
  alarm.cancel();

  const changing = b.lst('stat --delay 3 --count 2 all');
  b.net.clock.alarm(b.net.clock.now() + S, () => {
    const session = b.console.selftest.console.look();
    session.groups.get('all')?.nodes.pop();
  });
  t.like(await changing, { status: 255, err: 'Group is changed, re-run stat\n' });

  b.net.node(nidAt(0)).crash();
  t.is(await b.ok('stat --delay 5 --count 1 all'), 'Failed to stat on 1 nodes\n', 'no usable node: nothing more');
  t.like(await b.lst('stat --count 1 10.77.0.99@tcp'), {
    status: 255,
    err: "Can't find 10.77.0.99@tcp in current session\n",
  });
  t.is((await b.lst('stat --delay 0 all')).status, 255);
});

test('show_error lists nodes with errors on stderr, and those that cannot tell', async (t) => {
  const b = await lstBench({ nids: [nidAt(0), nidAt(1), nidAt(2)], node: { rpcTimeoutS: 2, brwInjectErrors: 1 } });
  await b.ok('new_session x');
  await b.ok('add_group c 10.77.0.12@tcp');
  await b.ok('add_group s 10.77.0.13@tcp');
  await b.ok('add_group z 10.77.0.14@tcp');
  await b.ok('add_test --loop 50 --from c --to s brw read check=full');
  await b.ok('run');
  b.net.advance({ us: 5 * S });
  t.deepEqual(await b.lst('show_error c s'), {
    status: 0,
    out: 'c:\nTotal 1 error nodes in c\ns:\nTotal 0 error nodes in s\n',
    err: '12345-10.77.0.12@tcp: [Session 1 brw errors, 0 ping errors] [RPC: 0 errors, 0 dropped, 0 expired]\n',
  });
  t.like(await b.lst('show_error --session c'), {
    err: '12345-10.77.0.12@tcp: [Session 1 brw errors, 0 ping errors]\n',
  });
  b.nodes[1]?.selftest.node.sessions.close(() => undefined);
  b.net.node(nidAt(2)).crash();
  t.deepEqual(await b.lst('show_error 10.77.0.[13-14]@tcp'), {
    status: 0,
    out: '10.77.0.[13-14]@tcp:\nTotal 2 error nodes in 10.77.0.[13-14]@tcp\n',
    err:
      "Framework failure, can't show error on 12345-10.77.0.13@tcp\n" +
      "RPC failure, can't show error on 12345-10.77.0.14@tcp\n",
  });
});

/** A node's answer with these counters and zeros. */
function answer(host: number, counters: Partial<StatReply>): Outcome<StatReply> {
  const zeros = Object.fromEntries(
    Object.entries(STAT_REPLY.body.fields).map(([name, kind]) => [name, kind.size === 8 ? 0n : 0]),
  );
  const reply = { ...zeros, sid: NULL_SESSION_ID, ...counters } as StatReply;
  return { node: new ConsoleNode({ nid: parseNid(`10.0.0.${host}@tcp`), pid: 12345 }), kind: 'ok', reply, at: 0 };
}

const VIEW: StatView = {
  showsRate: true,
  showsBandwidth: true,
  showsReceived: true,
  showsSent: true,
  columns: ['Avg', 'Min', 'Max'],
  isDecimal: false,
};

test('a report has the lines of selftest §9.9, widths and blanks included', (t) => {
  const before = [answer(1, {}), answer(2, {})];
  const after = [
    answer(1, {
      runningMs: 1000,
      lnetRecvCount: 2297,
      lnetSendCount: 3442,
      lnetRecvLength: BigInt(Math.round(1148.2455 * 1048576)),
      lnetSendLength: BigInt(Math.round(0.349 * 1048576)),
    }),
    answer(2, {
      runningMs: 1000,
      lnetRecvCount: 2329,
      lnetSendCount: 3490,
      lnetRecvLength: BigInt(Math.round(1163.6 * 1048576)),
      lnetSendLength: BigInt(Math.round(0.356 * 1048576)),
    }),
  ];
  t.deepEqual(reportLines('servers', ratesBetween(before, after), VIEW), [
    '[LNet Rates of servers]',
    '[R] Avg: 2313     RPC/s Min: 2297     RPC/s Max: 2329     RPC/s',
    '[W] Avg: 3466     RPC/s Min: 3442     RPC/s Max: 3490     RPC/s',
    '[LNet Bandwidth of servers]',
    '[R] Avg: 1155.92  MiB/s Min: 1148.25  MiB/s Max: 1163.60  MiB/s ',
    '[W] Avg: 0.35     MiB/s Min: 0.35     MiB/s Max: 0.36     MiB/s ',
  ]);
});

test('32-bit counters wrap, a minimum of zero is replaced, each node counts by its own clock', (t) => {
  const before = [answer(1, { lnetRecvCount: 0xffffffff, runningMs: 0xffffff00 }), answer(2, {}), answer(3, {})];
  const after = [
    answer(1, { lnetRecvCount: 99, runningMs: 744 }),
    answer(2, { runningMs: 2000 }),
    answer(3, { runningMs: 2000, lnetRecvCount: 1000 }),
  ];
  const rates = ratesBetween(before, after);
  t.deepEqual(rates.receivedRate, { Avg: 200, Min: 500, Max: 500 });
  t.is(rates.usable, 3);
  t.regex(
    reportLines('g', { ...rates, sentRate: { Avg: 2.5, Min: 3.5, Max: 0.5 } }, VIEW)[2] ?? '',
    /Avg: 2 .*Min: 4 .*Max: 0 /,
  );
});
