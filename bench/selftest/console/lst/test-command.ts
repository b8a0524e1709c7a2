import { LST_CONCURRENCY_MAX } from '../../wire/test-message.ts';
import { addTest } from '../add-test.ts';
import { DEFAULT_BATCH } from '../console-session.ts';
import type { Distribution } from '../distribution.ts';
import { LST_OK, refuse, type LstCommand, UsageError } from './lst-command.ts';
import { complainOf } from './outcome-text.ts';
import { parseTest } from './test-arguments.ts';

/** selftest §9.7. */
export const ADD_TEST: LstCommand = {
  usage:
    'add_test [--batch NAME] [--loop #] [--concurrency #] [--distribute #:#] --from GROUP --to GROUP TEST [ARGUMENTS]...',
  options: [
    { long: 'batch', short: 'b', takes: 'text' },
    { long: 'loop', short: 'l', takes: 'number' },
    { long: 'concurrency', short: 'c', takes: 'number' },
    { long: 'distribute', short: 'd', takes: 'text' },
    { long: 'from', short: 'f', takes: 'text' },
    { long: 'to', short: 't', takes: 'text' },
  ],
  words: [1, Number.POSITIVE_INFINITY],
  async run(call) {
    const { options } = call;
    const from = options.text('from');
    const to = options.text('to');
    if (from === undefined || to === undefined) throw new UsageError();
    const session = call.session();
    const loop = options.number('loop', -1);
    const concurrency = options.number('concurrency', 1);
    const distribution = distributionOf(options.text('distribute') ?? '1:1');
    if (loop === 0 || loop < -1 || loop > 0x7fffffff) return refuse(call, `Invalid loop count of test: ${loop}`);
    if (concurrency < 1 || concurrency > LST_CONCURRENCY_MAX)
      return refuse(call, `Invalid concurrency of test: ${concurrency}`);
    if (!distribution) return refuse(call, `Invalid distribution: ${options.text('distribute')}`);
    const test = parseTest(options.words, session.features);
    if ('fault' in test) {
      call.complain(test.fault);
      return refuse(call, `Failed to add test (${options.words[0]})`);
    }
    const outcomes = await addTest(session, {
      batch: session.batchOf(options.text('batch') ?? DEFAULT_BATCH, 'add test'),
      kind: test.value,
      loop,
      concurrency,
      distribution,
      source: session.groupOf(from, 'add test'),
      target: session.groupOf(to, 'add test'),
    });
    const status = complainOf(call, 'add test', outcomes);
    if (status === LST_OK) call.print('Test was added successfully');
    return status;
  },
};

/** `dist:span`, both above 0. */
function distributionOf(text: string): Distribution | undefined {
  const [, dist, span] = /^([0-9]{1,9}):([0-9]{1,9})$/.exec(text) ?? [];
  const distribution = { dist: Number(dist ?? 0), span: Number(span ?? 0) };
  return distribution.dist > 0 && distribution.span > 0 ? distribution : undefined;
}
