import test from 'ava';
import { type LstBench, lstBench } from '../../testing/lst-bench.test-support.ts';
import { nidAt } from '../../testing/node-bench.test-support.ts';

const S = 1_000_000;

/** A session with groups `c` (.12) and `s` (.13), .14 known to nobody. */
async function session(): Promise<LstBench> {
  const b = await lstBench({ nids: [nidAt(0), nidAt(1), nidAt(2)] });
  await b.ok('new_session x');
  await b.ok('add_group c 10.77.0.12@tcp');
  await b.ok('add_group s 10.77.0.13@tcp');
  return b;
}

test('a test is refused in a running batch, and for groups and batches that do not exist', async (t) => {
  const b = await session();
  await b.ok('add_test --from c --to s ping');
  await b.ok('run');
  t.like(await b.lst('add_test --from c --to s ping'), {
    status: 255,
    err: 'Invalid parameters list in command line\n',
  });
  t.like(await b.lst('add_test --batch nosuch --from c --to s ping'), {
    status: 255,
    err: "Can't find batch nosuch in current session\n",
  });
  t.like(await b.lst('add_test --from nosuch --to s ping'), { err: "Can't find group nosuch in current session\n" });
  t.like(await b.lst('run nosuch'), { err: "Can't find batch nosuch in current session\n" });
  await b.ok('add_batch empty');
  t.is((await b.lst('run empty')).status, 255);
  t.is(await b.ok('query empty'), 'Batch or test is empty\n');
  t.is(await b.ok('stop empty'), 'Batch is stopped\n');
});

test('a batch that has run out is idle again once a query has seen it, and can be run again', async (t) => {
  const b = await session();
  await b.ok('add_test --loop 10 --concurrency 2 --from c --to s brw write size=16K check=full');
  await b.ok('run');
  t.regex(await b.ok('list_batch batch'), /State: 177/);
  b.net.advance({ us: S });
  t.is(await b.ok('query'), 'batch [0] is stopped\n');
  t.regex(await b.ok('list_batch batch'), /State: 176/);
  await b.ok('run');
  b.net.advance({ us: S });
  t.is(await b.ok('query'), 'batch [0] is stopped\n');
  t.is(b.nodes[0]?.selftest.context.counters.rpcsSent, 40);
});

test('a query of one test asks each node by the index that the test has there', async (t) => {
  const b = await session();
  // On .13 test 1 is a server instance only, test 2 both sides, test 3 is unknown to .12.
  await b.ok('add_group w 10.77.0.14@tcp');
  await b.ok('add_test --loop 1 --from c --to s ping');
  await b.ok('add_test --from s --to c ping');
  await b.ok('add_test --concurrency 3 --from w --to s ping');
  await b.ok('run');
  b.net.advance({ us: S });
  t.is(await b.ok('query --test 1'), 'batch [1] is stopped\n');
  t.is(await b.ok('query --test 2'), 'batch [2] is running\n');
  t.is(await b.ok('query --test 3'), 'batch [3] is running\n');
  t.is(await b.ok('query -t 3 --server'), 'batch [3] is stopped\n', 'server instances are never active');
  t.is(await b.ok('query'), 'batch [0] stopped: 1 , running: 2, failed: 0\n');
  t.is(
    await b.ok('query --all'),
    '12345-10.77.0.12@tcp [Active]: Idle\n12345-10.77.0.13@tcp [Active]: Running\n12345-10.77.0.14@tcp [Active]: Running\n',
  );
  t.is(await b.ok('query --idle'), '12345-10.77.0.12@tcp [Active]: Idle\n');
  t.is(
    await b.ok('query --active'),
    '12345-10.77.0.13@tcp [Active]: Running\n12345-10.77.0.14@tcp [Active]: Running\n',
  );
  t.is(await b.ok('query --active --idle'), '');
  t.is(await b.ok('query --error'), '');
  t.is((await b.lst('query --test 4')).status, 255);
  t.like(await b.lst('list_batch --test 0 batch'), { status: 255, err: 'Invalid test id, test id starts from 1\n' });
});

test('a query says how many nodes are unknown and how many refuse', async (t) => {
  const b = await lstBench({ nids: [nidAt(0), nidAt(1), nidAt(2), nidAt(3)] });
  await b.ok('new_session x');
  await b.ok('add_group c 10.77.0.[12-14]@tcp');
  await b.ok('add_group s 10.77.0.15@tcp');
  await b.ok('add_test --from c --to s ping');
  await b.ok('run');
  b.net.node(nidAt(0)).crash();
  b.nodes[1]?.selftest.node.sessions.close(() => undefined);
  const said = await b.lst('query --timeout 4');
  t.deepEqual(said, {
    status: 254,
    out: 'batch [0] 1 of 3 nodes are unknown, stopped: 0 , running: 1, failed: 1\n',
    err: '',
  });
  t.deepEqual(await b.lst('query --all --timeout 6'), {
    status: 254,
    out: '12345-10.77.0.12@tcp [Down]: Connection timed out\n12345-10.77.0.14@tcp [Active]: Running\n',
    err: '',
  });
  t.is((await b.lst('run')).err, 'Failed to run batch: Network is down\n');
});

test('query --loop repeats after --delay', async (t) => {
  const b = await session();
  await b.ok('add_test --from c --to s ping');
  await b.ok('run');
  const before = b.net.clock.now();
  t.is(await b.ok('query --loop 3 --delay 2'), 'batch [0] is running\n'.repeat(3));
  const seconds = (b.net.clock.now() - before) / S;
  t.true(seconds >= 4 && seconds < 4.1, String(seconds));
});

test('stop waits, looking each second, until nothing runs; with --force it aborts', async (t) => {
  const b = await session();
  await b.ok('add_test --concurrency 2 --from c --to s ping');
  await b.ok('run');
  b.net.shape({ from: nidAt(1) }, { latencyUs: 2_500_000 });
  b.net.advance({ us: S });
  t.is(await b.ok('stop'), '1 batch in stopping\n'.repeat(2) + 'Batch is stopped\n');
  await b.ok('run');
  b.net.advance({ us: S });
  const before = b.net.clock.now();
  t.is(await b.ok('stop --force'), 'Batch is stopped\n');
  t.true(b.net.clock.now() - before < 10_000);
  t.regex(await b.ok('list_batch batch'), /State: 176/);
  t.is(await b.ok('stop'), 'Batch is stopped\n', 'the stop goes out to an idle batch too');
});

test('list_batch lists the nodes of a side in a state', async (t) => {
  const b = await session();
  await b.ok('add_test --from c --to s ping');
  t.is(await b.ok('list_batch --all batch'), '\t12345-10.77.0.12@tcp: Active\nTotal 1 nodes\n');
  t.is(await b.ok('list_batch --all --server batch'), '\t12345-10.77.0.13@tcp: Active\nTotal 1 nodes\n');
  t.is(await b.ok('list_batch -i -s -t 1 batch'), 'Total 0 nodes\n');
  t.is(
    await b.ok('list_batch --test 1 batch'),
    '\tTest 1(ping) (loop: -1, concurrency: 1)\n\tACTIVE\tBUSY\tDOWN\tUNKNOWN\tTOTAL\nclient\t1\t0\t0\t0\t1\nserver\t1\t0\t0\t0\t1\n',
  );
});
