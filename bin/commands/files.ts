import type { Command } from 'commander';
import { basename, resolve } from 'node:path';
import { EINVAL } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import { common } from './options.ts';
import type { CommonOptions, Shell } from './shell.ts';

const MIB = 1_048_576;

/** `put` and `get`: files to and from the directory that another daemon shares. docs/file-transfer.md. */
export function addFiles(program: Command, shell: Shell): void {
  common(program.command('put').description('send a file to a node that shares a directory'))
    .argument('<file>', 'the file')
    .argument('<target>', 'NID, or NID:NAME to give it another name there')
    .action((file: string, target: string, options: CommonOptions) =>
      shell.run(options, { format: 'plain' }, async () => {
        const { nid, name } = splitTarget(target);
        await transfer(shell, options, 'put', { path: resolve(file), nid, name: name ?? basename(file) });
      }),
    );
  common(program.command('get').description('fetch a file from a node that shares a directory'))
    .argument('<source>', 'NID:NAME')
    .argument('[file]', 'where to put it; default: NAME in this directory')
    .option('-f, --force', 'replace a file that is there')
    .action((source: string, file: string | undefined, options: CommonOptions & { force?: boolean }) =>
      shell.run(options, { format: 'plain' }, async () => {
        const { nid, name } = splitTarget(source);
        if (name === undefined) throw badSource(source);
        await transfer(shell, options, 'get', {
          path: resolve(file ?? name),
          nid,
          name,
          force: options.force === true,
        });
      }),
    );
}

/** A NID ends with its net, so the first colon behind the `@` begins the name; an IPv6 address has its colons before. */
function splitTarget(text: string): { nid: string; name: string | undefined } {
  const colon = text.indexOf(':', Math.max(text.indexOf('@'), 0));
  return colon < 0 ? { nid: text, name: undefined } : { nid: text.slice(0, colon), name: text.slice(colon + 1) };
}

function badSource(text: string): LnetError {
  return new LnetError('ERR_LNET_BAD_ARGUMENT', {
    errno: -EINVAL,
    message: `'${text}' names no file`,
    hint: 'write NID:NAME, such as 10.0.0.2@tcp:data.bin',
  });
}

interface FileArgs {
  readonly path: string;
  readonly nid: string;
  readonly name: string;
  readonly force?: boolean;
}

async function transfer(shell: Shell, options: CommonOptions, op: 'put' | 'get', args: FileArgs): Promise<void> {
  const started = performance.now();
  const showProgress = progressLine(shell, options);
  const signal = shell.world.interrupt;
  const result = (await shell.withDaemon(options, (client) =>
    client.request(op, { ...args }, { signal, onItem: showProgress.update }),
  )) as TreeMap;
  showProgress.clear();
  const seconds = (performance.now() - started) / 1000;
  const bytes = result['bytes'] as number;
  if (options.json) {
    shell.printJson({ ...result, seconds, mib_per_s: bytes / MIB / seconds });
    return;
  }
  const rate = `${(bytes / MIB).toFixed(1)} MiB in ${seconds.toFixed(2)} s, ${(bytes / MIB / seconds).toFixed(1)} MiB/s`;
  const where = op === 'put' ? `${args.nid}:${args.name}` : args.path;
  shell.print(`${where}: ${rate}, SHA-256 ${result['sha256'] as string}\n`);
}

/** How far a transfer is, on one line of a terminal. */
function progressLine(shell: Shell, { json }: CommonOptions): { update: (part: Tree) => void; clear: () => void } {
  if (json || !shell.world.isTerminal) return { update: () => {}, clear: () => {} };
  let percent = -1;
  return {
    update: (part) => {
      const { done, total } = part as { done: number; total: number };
      const now = Math.floor((done / Math.max(total, 1)) * 100);
      if (now === percent) return;
      percent = now;
      shell.world.stderr(`\r${(done / MIB).toFixed(0)} of ${(total / MIB).toFixed(0)} MiB (${percent} %)\u001b[K`);
    },
    clear: () => {
      if (percent >= 0) shell.world.stderr('\r\u001b[K');
    },
  };
}
