import type { Command } from 'commander';
import { parseCInteger } from '../../lnet/config/c-integer.ts';
import { expandNidList } from '../../lnet/config/nid-list.ts';
import { LnetError } from '../../lnet/error-code.ts';
import { ReportedError } from '../daemon/fault.ts';
import type { ControlClient } from '../daemon/control-client.ts';
import { DIALECT_N2, printBlock } from '../print/block.ts';
import { selectItems } from '../print/keys.ts';
import { printManageFailures, type Report } from '../print/report.ts';
import { PING_KEYS } from '../print/tables.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import { common } from './options.ts';
import { type CommonOptions, EXIT_FAILED, type Shell } from './shell.ts';

interface PingOptions extends CommonOptions {
  readonly timeout?: string;
  readonly source?: string;
}

/** `ping`: lnetctl §5.9. */
export function addPing(program: Command, shell: Shell): void {
  common(program.command('ping').description('ask nodes for their NIDs'))
    .argument('[nids...]', 'NIDs, with ranges and commas')
    .option('-t, --timeout <s>', 'seconds to wait for each answer; default 1')
    .option('-s, --source <nid>', 'NID of this node to ask from')
    .action(async (words: string[], options: PingOptions) => {
      const seconds = parseCInteger(options.timeout ?? '');
      await askAll(shell, options, 'ping', words, {
        ...(seconds === undefined ? {} : { timeout_ms: seconds * 1000 }),
        ...(options.source === undefined ? {} : { source: options.source }),
      });
    });
}

/** `discover`: lnetctl §5.10. */
export function addDiscover(program: Command, shell: Shell): void {
  common(program.command('discover').description('discover peers: their NIDs, and whether they are Multi-Rail'))
    .argument('[nids...]', 'NIDs, with ranges and commas')
    .option('-f, --force', 'also peers that are up to date')
    .action((words: string[], options: CommonOptions & { force?: boolean }) =>
      askAll(shell, options, 'discover', words, { force: options.force === true }),
    );
}

type Asking = 'ping' | 'discover';

async function askAll(
  shell: Shell,
  options: CommonOptions,
  op: Asking,
  words: readonly string[],
  args: TreeMap,
): Promise<void> {
  if (words.length === 0) {
    shell.print('Missing nid argument\n');
    shell.exitCode = EXIT_FAILED;
    return;
  }
  await shell.run(options, { format: 'N', action: 'manage', item: op }, async () => {
    const nids = words.flatMap((word) => nidsOf(op, word));
    await shell.withDaemon(options, (client) => ask(shell, options, client, [{ op, nids, args }]));
  });
}

/** A text that is no list of NIDs ends the command before anything is sent: lnetctl §3.3. */
function nidsOf(op: Asking, word: string): string[] {
  try {
    return expandNidList(word).map(String);
  } catch (error) {
    if (!(error instanceof LnetError)) throw error;
    throw new ReportedError(
      error.code,
      { action: 'manage', item: op, description: `"${error.message}"` },
      { errno: error.errno },
    );
  }
}

/** Some nodes to ask in one way. */
export interface Question {
  readonly op: Asking;
  readonly nids: readonly string[];
  readonly args: TreeMap;
}

/** Asks one node after the other; prints the answers, and all failures after them. */
export async function ask(
  shell: Shell,
  options: CommonOptions,
  client: ControlClient,
  questions: readonly Question[],
): Promise<void> {
  const answers: Record<string, Tree[]> = {};
  const failures: Report[] = [];
  for (const { op, nids, args } of questions) {
    for (const nid of nids) {
      try {
        const found = await client.request(op, { nid, ...args }, { signal: shell.world.interrupt });
        (answers[op] ??= []).push(found);
      } catch (error) {
        if (!(error instanceof ReportedError)) throw error;
        failures.push({ ...error.report, errno: error.errno });
      }
    }
  }
  if (failures.length > 0) shell.exitCode = EXIT_FAILED;
  if (options.json) {
    const manage = failures.map(({ item, errno, description }) => ({ [item]: null, errno, descr: description }));
    shell.printJson({ ...answers, ...(manage.length > 0 ? { manage } : {}) });
    return;
  }
  for (const [op, found] of Object.entries(answers)) {
    shell.print(printBlock({ [op]: selectItems(PING_KEYS, found, { level: 0, isBackup: false }) }, DIALECT_N2));
  }
  shell.print(printManageFailures(failures));
}
