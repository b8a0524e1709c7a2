import type { Console } from '../console/console.ts';
import { LST_OK, LST_REFUSED, LST_USAGE, type LstWorld } from '../console/lst/lst-command.ts';
import { runLst } from '../console/lst/lst.ts';
import type { Nid } from '../../../lnet/wire/nid.ts';
import { parseSurvey, SURVEY_USAGE, type SurveySpec } from './survey-options.ts';
import { commandsOf, labelOf, resultOf, type SurveyResult, type SurveyRun } from './survey-run.ts';

/** Where a sweep puts what it finds. */
export interface SurveyWorld extends LstWorld {
  /** A line of `results.*.csv`. */
  readonly csv: (line: string) => void;
  /** What the commands printed: `lst.*.out`. */
  readonly raw: (text: string) => void;
}

const CSV_TITLE = [
  'Servers',
  'Clients',
  'Mode',
  'Read_BW',
  'Read_Rate',
  'Write_BW',
  'Write_Rate',
  'Server_Errors',
  'Client_Errors',
];
/** Commands at the end of a run that are its clean-up. */
const CLEAN_UP = 2;
/** Widths of the columns of the table. */
const WIDTHS = [14, 14, 15, 14, 15];
const TITLES = ['Mode', 'Read MB/s', 'Read RPC/s', 'Write MB/S', 'Write RPC/s'];

/** Runs a throughput sweep, as `lst-survey` does: selftest §10.2. Gives the exit status. */
export async function runSurvey(console: Console, argv: readonly string[], world: SurveyWorld): Promise<number> {
  const parsed = parseSurvey(argv);
  if (!parsed) {
    world.stdout(`Usage: ${SURVEY_USAGE}\n`);
    return LST_USAGE;
  }
  if ('fault' in parsed) {
    world.stderr(`${parsed.fault}\n`);
    return LST_REFUSED;
  }
  const { spec } = parsed;
  const survey = new Survey(console, spec, { ...world, sessionKey: String(console.newKey()) });
  if (!spec.isDry) world.csv(csvLine([...CSV_TITLE, ...(isRamp(spec) ? ['Concurrency'] : [])], spec));
  for (const servers of spec.servers)
    for (const clients of spec.clients) if (!(await survey.pair(servers, clients))) return LST_REFUSED;
  return LST_OK;
}

class Survey {
  readonly #console: Console;
  readonly #spec: SurveySpec;
  readonly #world: SurveyWorld;

  constructor(console: Console, spec: SurveySpec, world: SurveyWorld) {
    this.#console = console;
    this.#spec = spec;
    this.#world = world;
  }

  /** Everything between one group of servers and one of clients. False when the sweep must end. */
  async pair(servers: readonly Nid[], clients: readonly Nid[]): Promise<boolean> {
    const { modes, sizes, showsErrors } = this.#spec;
    this.#print(`Server Group: ${servers.join(' ')}`);
    this.#print(`Client Group: ${clients.join(' ')}`);
    this.#print('');
    this.#print(tableLine([...TITLES, ...(isRamp(this.#spec) ? ['Concurrency'] : [])]));
    const errors = { servers: 0, clients: 0 };
    for (const mode of modes) {
      for (const size of mode === 'ping' ? [undefined] : sizes) {
        const results = await this.#ramp({ servers, clients, mode, size });
        if (!results) return false;
        for (const { serverErrors, clientErrors } of results) {
          errors.servers += serverErrors;
          errors.clients += clientErrors;
        }
      }
    }
    if (showsErrors) this.#print(`Errors: ${errors.servers} server nodes, ${errors.clients} client nodes`);
    this.#print('');
    return true;
  }

  /** One run, or one for each step of concurrency. Undefined when a run failed. */
  async #ramp(what: Omit<SurveyRun, 'concurrency'>): Promise<SurveyResult[] | undefined> {
    const { concurrency: most, rampPercent } = this.#spec;
    const results: SurveyResult[] = [];
    let weakSteps = 0;
    let before = 0;
    for (let step = rampPercent === undefined ? most : 1; step <= most; step = nextStep(step, most)) {
      const run = { ...what, concurrency: step };
      const result = await this.#run(run);
      if (!result) return undefined;
      results.push(result);
      if (!this.#spec.isDry) this.#report(run, result);
      const throughput = throughputOf(run, result);
      weakSteps = before > 0 && throughput < before * (1 + (rampPercent ?? 0) / 100) ? weakSteps + 1 : 0;
      before = throughput;
      if (weakSteps === 2) break;
    }
    return results;
  }

  async #run(run: SurveyRun): Promise<SurveyResult | undefined> {
    const commands = commandsOf(run, this.#spec);
    if (this.#spec.isDry) {
      for (const words of commands) this.#print(`lst ${words.join(' ')}`);
      return NOTHING;
    }
    let output = '';
    const world = {
      ...this.#world,
      stdout: (text: string) => {
        output += text;
        this.#world.raw(text);
      },
      stderr: (text: string) => this.#world.raw(text),
    };
    let status = LST_OK;
    for (const [index, words] of commands.entries()) {
      if (status !== LST_OK && index < commands.length - CLEAN_UP) continue;
      this.#world.raw(`$ lst ${words.join(' ')}\n`);
      const ended = await runLst(this.#console, words, world);
      if (status === LST_OK) status = ended;
    }
    const result = resultOf(output, this.#spec.samples);
    if (!('fault' in result)) return result;
    this.#world.stderr(`${result.fault}\n`);
    return undefined;
  }

  #report(run: SurveyRun, result: SurveyResult): void {
    const { receivedBandwidth, receivedRate, sentBandwidth, sentRate, serverErrors, clientErrors } = result;
    const steps = isRamp(this.#spec) ? [run.concurrency] : [];
    const values = [receivedBandwidth, receivedRate, sentBandwidth, sentRate];
    this.#print(tableLine([labelOf(run), ...values.map(String), ...steps.map(String)]));
    const nodes = [run.servers.join(' '), run.clients.join(' '), labelOf(run)];
    this.#world.csv(csvLine([...nodes, ...[...values, serverErrors, clientErrors, ...steps].map(String)], this.#spec));
  }

  #print(line: string): void {
    this.#world.stdout(`${line}\n`);
  }
}

const NOTHING: SurveyResult = {
  receivedRate: 0,
  sentRate: 0,
  receivedBandwidth: 0,
  sentBandwidth: 0,
  serverErrors: 0,
  clientErrors: 0,
};

function isRamp(spec: SurveySpec): boolean {
  return spec.rampPercent !== undefined;
}

/** 1, 2, 4, … and the largest one itself. */
function nextStep(step: number, most: number): number {
  return step < most ? Math.min(step * 2, most) : step + 1;
}

/** What must grow for another step of the ramp: messages for pings, bytes for everything else. */
function throughputOf({ mode }: SurveyRun, result: SurveyResult): number {
  if (mode === 'ping') return result.receivedRate + result.sentRate;
  return result.receivedBandwidth + result.sentBandwidth;
}

function tableLine(cells: readonly string[]): string {
  return cells.map((cell, index) => cell.padStart(WIDTHS[index] ?? 15)).join('  ');
}

function csvLine(cells: readonly string[], { separator }: SurveySpec): string {
  return cells.join(separator);
}
