import { EINVAL, errnoText } from '../../../../lnet/errno.ts';
import { queryBatch, type QueryOutcome, runBatch, stopBatch } from '../batches.ts';
import { type ConsoleNode, NODE_ACTIVE, NODE_INVALID, NODE_STATE_NAMES } from '../console-node.ts';
import { type ConsoleBatch, type ConsoleTest } from '../console-batch.ts';
import { DEFAULT_BATCH } from '../console-session.ts';
import { refusal } from '../refusal.ts';
import { printNumbered } from './group-commands.ts';
import { LST_OK, LST_REFUSED, type LstCall, type LstCommand } from './lst-command.ts';
import { complainOf, statusOf } from './outcome-text.ts';
import { nodeLine, STATE_TITLE, stateRow } from './state-table.ts';

const STOP_POLL_S = 1;
const QUERY_TIMEOUT_S = 5;
const QUERY_DELAY_S = 5;

/** selftest §9.6. */
export const ADD_BATCH: LstCommand = {
  usage: 'add_batch NAME',
  options: [],
  words: [1, 1],
  run(call) {
    call.session().addBatch(call.options.words[0] ?? '');
    return LST_OK;
  },
};

export const LIST_BATCH: LstCommand = {
  usage: 'list_batch [--test INDEX] [--server] [--active] [--invalid] [--all] [NAME]',
  options: [
    { long: 'test', short: 't', takes: 'number' },
    { long: 'server', short: 's' },
    { long: 'active', short: 'a' },
    { long: 'invalid', short: 'i' },
    { long: 'all', short: 'l' },
  ],
  words: [0, 1],
  run(call) {
    const session = call.session();
    const { options } = call;
    const [name] = options.words;
    if (name === undefined) {
      printNumbered(call, [...session.batches.keys()], 'batches');
      return LST_OK;
    }
    const batch = session.batchOf(name, 'list batch');
    const test = options.has('test') ? testOf(call, batch, options.number('test', 0)) : undefined;
    if (test === null) return LST_REFUSED;
    let states = 0;
    if (options.has('active')) states |= NODE_ACTIVE;
    if (options.has('invalid')) states |= NODE_INVALID;
    if (options.has('all')) states |= NODE_ACTIVE | NODE_INVALID;
    if (states !== 0) printNodes(call, sideOf(test ?? batch, options.has('server')), states);
    else if (test) printTest(call, test);
    else printBatch(call, batch);
    return LST_OK;
  },
};

/** The test of an index; null after a complaint. */
function testOf(call: LstCall, batch: ConsoleBatch, index: number): ConsoleTest | null {
  if (index < 1) {
    call.complain('Invalid test id, test id starts from 1');
    return null;
  }
  const test = batch.tests[index - 1];
  if (test) return test;
  call.complain(`Can't find test ${index} of batch ${batch.name} in current session`);
  return null;
}

function sideOf(of: ConsoleBatch | ConsoleTest, isServer: boolean): ConsoleNode[] {
  const side = isServer ? of.servers : of.clients;
  return side.map((entry) => ('node' in entry ? entry.node : entry));
}

function printNodes(call: LstCall, nodes: readonly ConsoleNode[], states: number): void {
  const chosen = nodes.filter((node) => (node.state & states) !== 0);
  for (const node of chosen) call.print(nodeLine(node));
  call.print(`Total ${chosen.length} nodes`);
}

function printBatch(call: LstCall, batch: ConsoleBatch): void {
  call.print(`Batch: ${batch.name} Tests: ${batch.tests.length} State: ${batch.state}`);
  printSides(call, batch);
  for (const test of batch.tests) printTest(call, test);
}

function printTest(call: LstCall, test: ConsoleTest): void {
  call.print(`\tTest ${test.index}(${test.kind.type}) (loop: ${test.loop}, concurrency: ${test.concurrency})`);
  printSides(call, test);
}

function printSides(call: LstCall, of: ConsoleBatch | ConsoleTest): void {
  call.print(STATE_TITLE);
  call.print(`client\t${stateRow(sideOf(of, false))}`);
  call.print(`server\t${stateRow(sideOf(of, true))}`);
}

/** selftest §9.8. */
export const RUN: LstCommand = {
  usage: 'run [--timeout TIME] [NAME]',
  options: [{ long: 'timeout', short: 't', takes: 'number' }],
  words: [0, 1],
  async run(call) {
    const session = call.session();
    const name = call.options.words[0] ?? DEFAULT_BATCH;
    const timeoutS = call.options.number('timeout', 0);
    if (timeoutS < 0) throw refusal(EINVAL, { doing: 'run batch' });
    const outcomes = await runBatch(session, session.batchOf(name, 'run batch'), timeoutS);
    const status = complainOf(call, 'run batch', outcomes);
    if (status === LST_OK) call.print(`${name} is running now`);
    return status;
  },
};

export const STOP: LstCommand = {
  usage: 'stop [--force] [NAME]',
  options: [{ long: 'force', short: 'f' }],
  words: [0, 1],
  async run(call) {
    const session = call.session();
    const name = call.options.words[0] ?? DEFAULT_BATCH;
    const batch = session.batchOf(name, 'stop batch');
    const status = complainOf(call, 'stop batch', await stopBatch(session, batch, call.options.has('force')));
    if (status !== LST_OK) return status;
    for (;;) {
      const outcomes = await queryBatch(session, { batch, timeoutS: QUERY_TIMEOUT_S });
      const failed = complainOf(call, 'query', outcomes);
      if (failed !== LST_OK) return failed;
      const { running } = tally(outcomes);
      if (running === 0) break;
      call.print(`${running} batch in stopping`);
      await call.sleep(STOP_POLL_S);
      call.session();
      if (call.world.interrupt.aborted) return LST_REFUSED;
    }
    call.print('Batch is stopped');
    return LST_OK;
  },
};

export const QUERY: LstCommand = {
  usage:
    'query [--test INDEX] [--server] [--loop COUNT] [--delay TIME] [--timeout TIME] [--active] [--idle] [--error] [--all] [NAME]',
  options: [
    { long: 'test', short: 't', takes: 'number' },
    { long: 'server', short: 's' },
    { long: 'loop', short: 'c', takes: 'number' },
    { long: 'delay', short: 'd', takes: 'number' },
    { long: 'timeout', short: 'o', takes: 'number' },
    { long: 'active', short: 'a' },
    { long: 'idle', short: 'i' },
    { long: 'error', short: 'e' },
    { long: 'all', short: 'l' },
  ],
  words: [0, 1],
  async run(call) {
    const { options } = call;
    const session = call.session();
    const name = options.words[0] ?? DEFAULT_BATCH;
    const loop = options.number('loop', 1);
    const delayS = options.number('delay', QUERY_DELAY_S);
    const index = options.number('test', 0);
    const timeoutS = options.number('timeout', QUERY_TIMEOUT_S);
    if (loop < 1 || delayS < 0 || index < 0 || timeoutS < 0) throw refusal(EINVAL, { doing: 'query' });
    const batch = session.batchOf(name, 'query');
    const test = index === 0 ? undefined : testOf(call, batch, index);
    if (test === null) return LST_REFUSED;
    const title = `${name} [${index}]`;
    let status = LST_OK;
    for (let count = 0; count < loop && !call.world.interrupt.aborted; count++) {
      if (count > 0) await call.sleep(delayS);
      call.session();
      const asksServers = options.has('server');
      const outcomes = await queryBatch(session, { batch, ...(test ? { test } : {}), asksServers, timeoutS });
      if (outcomes.length === 0) {
        call.print('Batch or test is empty');
        return LST_OK;
      }
      if (NODE_OPTIONS.some((option) => options.has(option))) printEach(call, outcomes);
      else call.print(`${title} ${summary(outcomes)}`);
      status = statusOf(outcomes);
    }
    return status;
  },
};

const NODE_OPTIONS = ['active', 'idle', 'error', 'all'];

interface Tally {
  readonly idle: number;
  readonly running: number;
  readonly refused: number;
  readonly unknown: number;
}

function tally(outcomes: readonly QueryOutcome[]): Tally {
  const counts = { idle: 0, running: 0, refused: 0, unknown: 0 };
  for (const outcome of outcomes) {
    if (outcome.kind === 'rpc') counts.unknown++;
    else if (outcome.kind === 'framework') counts.refused++;
    else if (outcome.reply.active === 0) counts.idle++;
    else counts.running++;
  }
  return counts;
}

/** What a query without node options says behind `batch [test]`. */
function summary(outcomes: readonly QueryOutcome[]): string {
  const { idle, running, refused, unknown } = tally(outcomes);
  if (idle === outcomes.length) return 'is stopped';
  if (running === outcomes.length) return 'is running';
  const strangers = unknown > 0 ? `${unknown} of ${outcomes.length} nodes are unknown, ` : '';
  return `${strangers}stopped: ${idle} , running: ${running}, failed: ${refused}`;
}

/** One line for each node: `--active` hides idle ones, `--idle` running ones, `--error` those without error, `--all` none. */
function printEach({ options, print }: LstCall, outcomes: readonly QueryOutcome[]): void {
  for (const outcome of outcomes) {
    const isIdle = outcome.kind === 'ok' && outcome.reply.active === 0;
    const isRunning = outcome.kind === 'ok' && outcome.reply.active > 0;
    if (!options.has('all')) {
      if (options.has('active') && isIdle) continue;
      if (options.has('idle') && isRunning) continue;
      if (options.has('error') && outcome.kind !== 'framework') continue;
    }
    const text = outcome.kind === 'ok' ? (isIdle ? 'Idle' : 'Running') : errnoText(outcome.errno);
    print(`${outcome.node} [${NODE_STATE_NAMES[outcome.node.state]}]: ${text}`);
  }
}
