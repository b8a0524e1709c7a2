import test from 'ava';
import { assert as check, array, constantFrom, integer, oneof, property, tuple } from 'fast-check';
import { areBrwParamsKernelSafe } from '../brw-hazard.ts';
import { lstBench } from '../../testing/lst-bench.test-support.ts';
import { nidAt, tapped } from '../../testing/node-bench.test-support.ts';
import { viewOf } from '../../../../lnet/wire/layout.ts';
import { SRPC_BODY_AT, SRPC_HDR } from '../../wire/srpc-message.ts';
import { decodeBrwParams, TEST_REQUEST } from '../../wire/test-message.ts';
import { parseTest } from './test-arguments.ts';

const pages = (bytes: number): number => Math.ceil(bytes / 4096);

const parse = (line: string): unknown => {
  const parsed = parseTest(line.split(' '), 1);
  if ('fault' in parsed) return parsed.fault;
  return parsed.value.type === 'ping' ? 'ping' : parsed.value.params;
};

const BRW = { opc: 1, flags: 1, length: 4096, offset: 0 };

test('All options of 9.7 with their defaults and limits; sizes with k/m suffixes.', async (t) => {
  t.is(parse('ping extra words'), 'ping');
  t.deepEqual(parse('brw'), BRW);
  t.deepEqual(parse('BRW W'), { ...BRW, opc: 2 });
  t.deepEqual(parse('brw READ check=FULL size=1m'), { ...BRW, flags: 3, length: 1_048_576 });
  t.deepEqual(parse('brw c=simple s=16K write'), { ...BRW, opc: 2, flags: 2, length: 16_384 });
  t.deepEqual(parse('brw size=0x1000'), BRW);
  t.deepEqual(parse('brw size=010'), { ...BRW, length: 8 });
  t.deepEqual(parse('brw off=8 size=4088'), { ...BRW, offset: 8, length: 4088 });
  t.deepEqual(parse('brw read write size=8K size=4K'), { ...BRW, opc: 2 }, 'later arguments win');
  t.is(parse('nosuch'), 'Unknow test name nosuch');
  t.is(parse('brw sideways'), 'Unknow parameter: sideways');
  t.is(parse('brw check=half'), 'Unknow flag half');
  t.is(parse('brw size=many'), 'Invalid size many');
  t.is(parse('brw size=0'), 'Invalid size 0');
  t.is(parse('brw size=2M'), 'Size exceed limitation: 2097152 bytes');
  t.is(parse('brw off=4'), 'Invalid offset 4');
  t.is(parse('brw off=-8'), 'Invalid offset -8');

  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group c 10.77.0.12@tcp');
  await b.ok('add_group s 10.77.0.13@tcp');
  for (const [options, complaint] of [
    ['--loop 0', 'Invalid loop count of test: 0'],
    ['--concurrency 0', 'Invalid concurrency of test: 0'],
    ['--concurrency 1025', 'Invalid concurrency of test: 1025'],
    ['--distribute 1', 'Invalid distribution: 1'],
    ['--distribute 0:1', 'Invalid distribution: 0:1'],
    ['--distribute 1:0', 'Invalid distribution: 1:0'],
  ])
    t.deepEqual(await b.lst(`add_test ${options} --from c --to s ping`), {
      status: 255,
      out: '',
      err: `${complaint}\n`,
    });
  t.like(await b.lst('add_test --distribute 1:2 --from c --to s ping'), {
    status: 255,
    err: 'Invalid parameters list in command line\n',
  });
  t.deepEqual(await b.lst('add_test --from c --to s brw size=12'), {
    status: 255,
    out: '',
    err: 'Invalid size 12\nFailed to add test (brw)\n',
  });

  const sent = tapped(b.console.core);
  await b.ok('add_batch other');
  await b.ok('add_test --from c --to s ping');
  await b.ok('add_test -b other -l 7 -c 1024 -d 2:1 -f c -t s ping');
  const tests = sent
    .filter(({ portal, payload }) => portal === 51 && SRPC_HDR.decode(viewOf(payload)).type === TEST_REQUEST.type)
    .map(({ payload }) => TEST_REQUEST.body.decode(viewOf(payload), SRPC_BODY_AT));
  t.like(tests[1], { bid: 1n, loop: 0xffffffff, concur: 1, isClient: 1, stopOnError: 1, ndest: 1, service: 12 });
  t.like(tests[3], { bid: 2n, loop: 7, concur: 1024, isClient: 1, stopOnError: 1, ndest: 1, service: 12 });
});

test('No request that 11.1 forbids can be produced by any CLI input.', async (t) => {
  const size = oneof(
    integer({ min: 0, max: 1_100_000 }),
    integer({ min: 0, max: 140_000 }).map((n) => n * 8),
  );
  const words = array(
    oneof(
      constantFrom('read', 'write', 'check=simple', 'check=full', 'size=4K', 'size=1M', 'off=0', 'off=4096', 'off=8'),
      size.map((n) => `size=${n}`),
      integer({ min: 0, max: 10_000 }).map((n) => `off=${n}`),
      integer({ min: 0, max: 1000 }).map((n) => `off=${n * 8}`),
    ),
    { maxLength: 5 },
  );
  let accepted = 0;
  check(
    property(tuple(words, integer({ min: 0, max: 1 })), ([list, features]) => {
      const parsed = parseTest(['brw', ...list], features);
      if ('fault' in parsed || parsed.value.type !== 'brw') return;
      accepted++;
      const { length, offset, opc, flags } = parsed.value.params;
      if (length < 1 || length > 1_048_576 || length % 8 !== 0 || offset % 8 !== 0) throw new Error('row 1');
      if (offset >= 4096 || pages(offset + length) !== pages(length)) throw new Error('row 2');
      if (![1, 2].includes(opc) || ![1, 2, 3].includes(flags)) throw new Error('row 3');
      if (features === 0 && (length % 4096 !== 0 || offset !== 0)) throw new Error('pages');
    }),
    { numRuns: 3000, seed: 7 },
  );
  t.true(accepted > 100, String(accepted));
  t.false(areBrwParamsKernelSafe({ ...BRW, offset: 8 }, 1), 'the example of row 2');
  t.true(areBrwParamsKernelSafe({ ...BRW, offset: 8, length: 4088 }, 1));

  // Row 4: a list of more than 341 destinations. Row 5: names are cut by the wire layer, and refused before.
  const b = await lstBench({ nids: [nidAt(0)] });
  await b.ok('new_session x');
  await b.ok('add_group c 10.77.0.12@tcp');
  const session = b.console.selftest.console.look();
  const many = session.addGroup('s');
  const [node] = session.groups.get('c')?.nodes ?? [];
  if (!node) throw new Error('no node');
  for (let count = 0; count < 342; count++) many.nodes.push(node);
  t.is((await b.lst('add_test --distribute 1:342 --from c --to s ping')).status, 255);
  t.is((await b.lst('add_test --distribute 1:341 --from c --to s ping')).status, 0);
});

test('requests of a test that runs never exceed what a kernel server survives', async (t) => {
  const b = await lstBench();
  await b.ok('new_session x');
  await b.ok('add_group c 10.77.0.12@tcp');
  await b.ok('add_group s 10.77.0.13@tcp');
  const sent = tapped(b.console.core);
  for (const line of ['brw size=8', 'brw w size=1M check=full', 'brw r off=4088 size=8', 'brw off=16 size=4080'])
    await b.ok(`add_test --from c --to s ${line}`);
  const params = sent
    .filter(({ portal, payload }) => portal === 51 && SRPC_HDR.decode(viewOf(payload)).type === TEST_REQUEST.type)
    .map(({ payload }) => decodeBrwParams(TEST_REQUEST.body.decode(viewOf(payload), SRPC_BODY_AT).params, 1, true));
  t.is(params.length, 8);
  t.true(params.every((each) => areBrwParamsKernelSafe(each, 1)));
});
