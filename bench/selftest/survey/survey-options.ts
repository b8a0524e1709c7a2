import type { Nid } from '../../../lnet/wire/nid.ts';
import { expandNodeIds } from '../console/node-id-list.ts';
import { type OptionSpec, parseOptions } from '../console/lst/options.ts';

export const SURVEY_MODES = ['read', 'write', 'rw', 'ping'] as const;
export type SurveyMode = (typeof SURVEY_MODES)[number];

/** What a sweep measures: selftest §10.2. */
export interface SurveySpec {
  /** Groups of NIDs; every client group is run against every server group. */
  readonly clients: readonly (readonly Nid[])[];
  readonly servers: readonly (readonly Nid[])[];
  readonly modes: readonly SurveyMode[];
  /** As `size=` takes them. */
  readonly sizes: readonly string[];
  readonly concurrency: number;
  readonly delayS: number;
  readonly samples: number;
  /** Whose statistics are taken. */
  readonly of: 'servers' | 'clients';
  readonly separator: string;
  readonly showsErrors: boolean;
  /** Only print the commands. */
  readonly isDry: boolean;
  /**
   * Ours: steps of concurrency 1, 2, 4, … up to `concurrency`; it ends early when bandwidth grows by less than this
   * percentage twice in a row. Absent: one step.
   */
  readonly rampPercent?: number;
}

export const SURVEY_USAGE =
  'survey -f CLIENTS -t SERVERS [-M CLIENT_GROUP_SIZE] [-N SERVER_GROUP_SIZE] [-m MODES] [-s SIZES] [-c CONCURRENCY] [-D SECONDS] [-n SAMPLES] [-g servers|clients] [-S SEPARATOR] [-e] [-d] [--ramp PERCENT]';

const OPTIONS: readonly OptionSpec[] = [
  { long: 'from', short: 'f', takes: 'text' },
  { long: 'to', short: 't', takes: 'text' },
  { long: 'client-group', short: 'M', takes: 'number' },
  { long: 'server-group', short: 'N', takes: 'number' },
  { long: 'modes', short: 'm', takes: 'text' },
  { long: 'sizes', short: 's', takes: 'text' },
  { long: 'concurrency', short: 'c', takes: 'number' },
  { long: 'delay', short: 'D', takes: 'number' },
  { long: 'samples', short: 'n', takes: 'number' },
  { long: 'group', short: 'g', takes: 'text' },
  { long: 'separator', short: 'S', takes: 'text' },
  { long: 'errors', short: 'e' },
  { long: 'dry-run', short: 'd' },
  { long: 'ramp', takes: 'number' },
];

const CONCURRENCY = 64;
const DELAY_S = 3;
const SAMPLES = 3;

/** Reads a command line. Undefined when the usage is wrong, otherwise the sweep or a complaint. */
export function parseSurvey(
  argv: readonly string[],
): { readonly spec: SurveySpec } | { readonly fault: string } | undefined {
  const options = parseOptions(argv, OPTIONS);
  const from = options?.text('from');
  const to = options?.text('to');
  if (!options || options.words.length > 0 || from === undefined || to === undefined) return undefined;
  const clients = nidsOf(from);
  const servers = nidsOf(to);
  if (typeof clients === 'string') return { fault: clients };
  if (typeof servers === 'string') return { fault: servers };
  const modes = wordsOf(options.text('modes') ?? 'read write ping');
  const unknown = modes.find((mode) => !SURVEY_MODES.some((known) => known === mode));
  if (unknown !== undefined) return { fault: `Unknown mode: ${unknown}` };
  const group = options.text('group') ?? 'servers';
  if (group !== 'servers' && group !== 'clients') return { fault: `Unknown group: ${group}` };
  const number = (name: string, otherwise: number): number => Math.max(options.number(name, otherwise), 1);
  const spec: SurveySpec = {
    clients: groupsOf(clients, number('client-group', clients.length)),
    servers: groupsOf(servers, number('server-group', servers.length)),
    modes: modes as SurveyMode[],
    sizes: wordsOf(options.text('sizes') ?? '4k 1m'),
    concurrency: number('concurrency', CONCURRENCY),
    delayS: number('delay', DELAY_S),
    samples: number('samples', SAMPLES),
    of: group,
    separator: options.text('separator') ?? ',',
    showsErrors: options.has('errors'),
    isDry: options.has('dry-run'),
    ...(options.has('ramp') ? { rampPercent: options.number('ramp', 0) } : {}),
  };
  if (spec.clients.length === 0 || spec.servers.length === 0) return { fault: 'A group is larger than its list' };
  return { spec };
}

/** Blank- or comma-separated words; commas inside brackets belong to their word. */
function wordsOf(text: string): string[] {
  return text.split(/[\s,]+(?![^[]*\])/).filter((word) => word !== '');
}

function nidsOf(text: string): Nid[] | string {
  const nids: Nid[] = [];
  for (const word of wordsOf(text)) {
    const list = expandNodeIds(word);
    if ('fault' in list) return list.fault;
    nids.push(...list.nids);
  }
  return nids.length === 0 ? 'No nodes are named' : nids;
}

/** Consecutive groups of exactly `size`; a remainder is left out. */
function groupsOf(nids: readonly Nid[], size: number): Nid[][] {
  return Array.from({ length: Math.floor(nids.length / size) }, (_, index) =>
    nids.slice(index * size, (index + 1) * size),
  );
}
