import { EINVAL } from '../../../../lnet/errno.ts';
import { statNodes } from '../queries.ts';
import { refusal } from '../refusal.ts';
import { LST_OK, LST_REFUSED, type LstCall, type LstCommand } from './lst-command.ts';
import { groupOrNodes } from './node-argument.ts';
import type { Options } from './options.ts';
import { areSameNodes, ratesBetween, reportLines, type Sample, type StatView } from './stat-report.ts';

const TIMEOUT_S = 5;
const DELAY_S = 5;

/** selftest §9.9. */
export const STAT: LstCommand = {
  usage:
    'stat [--bw] [--rate] [--read] [--write] [--max] [--min] [--avg] [--mbs] [--timeout TIME] [--delay TIME] [--count COUNT] [--lnet] [--rpc] GROUP|IDs...',
  options: [
    { long: 'bw', short: 'b' },
    { long: 'rate', short: 'a' },
    { long: 'read', short: 'r' },
    { long: 'write', short: 'w' },
    { long: 'avg', short: 'g' },
    { long: 'min', short: 'n' },
    { long: 'max', short: 'x' },
    { long: 'mbs', short: 'm' },
    { long: 'timeout', short: 't', takes: 'number' },
    { long: 'delay', short: 'd', takes: 'number' },
    { long: 'count', takes: 'number' },
    { long: 'lnet', short: 'l' },
    { long: 'rpc', short: 'c' },
  ],
  words: [1, Number.POSITIVE_INFINITY],
  async run(call) {
    const { options, world } = call;
    const view = viewOf(options);
    const timeoutS = options.number('timeout', TIMEOUT_S);
    const delayS = options.number('delay', DELAY_S);
    const count = options.number('count', Number.POSITIVE_INFINITY);
    if (timeoutS <= 0 || delayS <= 0 || count <= 0) throw refusal(EINVAL, { doing: 'stat' });
    const before = new Map<string, Sample>();
    for (let report = 0; report <= count && !world.interrupt.aborted; report++) {
      if (report > 0) await call.sleep(delayS);
      if (world.interrupt.aborted) break;
      for (const argument of options.words) {
        const session = call.session();
        const after = await statNodes(session, groupOrNodes(session, argument, 'stat'), timeoutS);
        const last = before.get(argument);
        before.set(argument, after);
        if (last && !printReport(call, argument, { last, after, view })) return LST_REFUSED;
      }
    }
    return LST_OK;
  },
};

interface Report {
  readonly last: Sample;
  readonly after: Sample;
  readonly view: StatView;
}

/** False when the group is not the same as before. */
function printReport(call: LstCall, group: string, { last, after, view }: Report): boolean {
  if (!areSameNodes(last, after)) {
    call.complain('Group is changed, re-run stat');
    return false;
  }
  // `--rpc` without `--lnet` prints nothing: its counters have no report.
  if (call.options.has('rpc') && !call.options.has('lnet')) return true;
  const rates = ratesBetween(last, after);
  if (rates.failed > 0) call.print(`Failed to stat on ${rates.failed} nodes`);
  for (const line of reportLines(group, rates, view)) call.print(line);
  return true;
}

function viewOf(options: Options): StatView {
  const chosen = (first: string, second: string): boolean => options.has(first) || !options.has(second);
  const columns = (['Avg', 'Min', 'Max'] as const).filter((column) => options.has(column.toLowerCase()));
  return {
    showsRate: chosen('rate', 'bw'),
    showsBandwidth: chosen('bw', 'rate'),
    // `--read` is meant from the servers' view: what is read leaves them (rule 6).
    showsReceived: chosen('write', 'read'),
    showsSent: chosen('read', 'write'),
    columns: columns.length > 0 ? columns : ['Avg', 'Min', 'Max'],
    isDecimal: options.has('mbs'),
  };
}
