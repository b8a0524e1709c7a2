import type { ExecutionContext } from 'ava';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon } from '../daemon/daemon.ts';
import { freePort } from '../daemon/node.test-support.ts';
import { runLine } from '../interactive.ts';
import { Shell } from './shell.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Bench {
  /** Of this test alone; removed afterwards. */
  readonly folder: string;
  readonly port: number;
  readonly daemon: Daemon;
  /** Runs `lnet WORDS` against the daemon. */
  readonly run: (...words: string[]) => Promise<Outcome>;
}

let nextHost = 101;

/** An address that no other test of this file uses. */
export function nextAddress(): string {
  return `127.0.0.${nextHost++}`;
}

/** Configuration of a node on these addresses. */
export function configText(addresses: readonly string[], port: number, more = ''): string {
  return `net: [{net type: tcp, interfaces: ${JSON.stringify(addresses)}}]\nglobal: {accept: all, accept_port: ${port}}\n${more}`;
}

/** A folder that goes with the test. */
export function testFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-command-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs a command line without a process of its own. */
export async function runCommand(
  socketPath: string,
  words: readonly string[],
  interrupt = new AbortController().signal,
): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const shell = new Shell({
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    isTerminal: false,
    environment: { runtimeDirectory: '/nowhere', temporaryDirectory: '/nowhere', uid: 0 },
    socketVariable: socketPath,
    interrupt,
  });
  const exitCode = await runLine(shell, words);
  return { exitCode, stdout, stderr };
}

/** A daemon in this process, and commands against it. */
export async function startBench(
  t: ExecutionContext,
  options: { address?: string; port?: number; share?: string; more?: string } = {},
): Promise<Bench> {
  const folder = testFolder(t);
  const port = options.port ?? (await freePort());
  const socketPath = join(folder, 'a.sock');
  const daemon = await Daemon.start({
    config: { text: configText([options.address ?? nextAddress()], port, options.more), file: 'a.yaml' },
    name: 'a',
    socketPath,
    log: () => {},
    ...(options.share === undefined ? {} : { share: options.share }),
  });
  t.teardown(() => daemon.close());
  return { folder, port, daemon, run: (...words) => runCommand(socketPath, words) };
}
