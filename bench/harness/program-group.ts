import { type ChildProcess, fork, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { packageRoot } from './package-root.ts';
import { Program } from './program.ts';

/** How long a program may live in all unless told otherwise, ms: a bound against hanging, not a measure. */
const LIFETIME_MS = 60_000;

/** How long a program told to end may take, ms, before it is killed. */
const GRACE_MS = 1_000;

export interface ProgramOptions {
  readonly nodeArguments?: readonly string[];
  readonly lifetimeMs?: number;
  /** Receives what the program tells unasked. */
  readonly onNote?: (note: unknown) => void;
}

/** Most characters kept of what a foreign server wrote. */
const SAID_MAX = 4_096;

/** What a foreign command gave. */
export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

/** The processes that one measurement started. Each is known by its own handle and ended with the group. */
export class ProgramGroup {
  readonly #live = new Map<ChildProcess, NodeJS.Timeout>();
  #isEnded = false;

  /** Starts one of our own programs as a Node process that answers calls. */
  start(module: URL, options: ProgramOptions = {}): Program {
    const path = fileURLToPath(module);
    // Programs of a source tree (tests) need the loader that runs TypeScript; compiled ones need none.
    const loader = path.endsWith('.ts') ? ['--import', 'tsx'] : [];
    const child = fork(path, [], {
      execArgv: [...loader, ...(options.nodeArguments ?? [])],
      cwd: packageRoot(),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#hold(child, options.lifetimeMs ?? LIFETIME_MS);
    return new Program(child, options.onNote);
  }

  /** Starts a foreign command that keeps running (a server) and waits until it has written `readyText`. */
  serve(command: string, args: readonly string[], readyText: string): Promise<void> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#hold(child, LIFETIME_MS);
    return new Promise((resolve, reject) => {
      let said = '';
      const listen = (text: string): void => {
        said = (said + text).slice(-SAID_MAX);
        if (said.includes(readyText)) resolve();
      };
      child.stdout.setEncoding('utf8').on('data', listen);
      child.stderr.setEncoding('utf8').on('data', listen);
      child.on('error', reject);
      child.on('close', (code) =>
        reject(new Error(`${command} ended with exit code ${code}; it said: ${said.trim()}`)),
      );
    });
  }

  /** Runs a foreign command to its end. Rejects when it cannot be started. */
  run(command: string, args: readonly string[], lifetimeMs = LIFETIME_MS): Promise<CommandOutput> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#hold(child, lifetimeMs);
    return new Promise((resolve, reject) => {
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.on('error', reject);
      child.on('close', (exitCode) => resolve({ stdout, stderr, exitCode }));
    });
  }

  /** Ends every process of the group and waits until they are gone. The group takes no new ones. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await Promise.all([...this.#live.keys()].map((child) => this.#stop(child)));
  }

  /** Ends every process at once, without waiting: for the way out of this process. */
  kill(): void {
    this.#isEnded = true;
    for (const child of this.#live.keys()) child.kill('SIGKILL');
  }

  #hold(child: ChildProcess, lifetimeMs: number): void {
    const limit = setTimeout(() => child.kill('SIGKILL'), lifetimeMs);
    limit.unref();
    this.#live.set(child, limit);
    child.on('exit', () => this.#release(child));
    child.on('error', () => this.#release(child));
    if (this.#isEnded) child.kill('SIGKILL');
  }

  #release(child: ChildProcess): void {
    clearTimeout(this.#live.get(child));
    this.#live.delete(child);
  }

  #stop(child: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#live.has(child)) return resolve();
      const force = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      child.on('exit', () => {
        clearTimeout(force);
        resolve();
      });
      child.kill('SIGTERM');
    });
  }
}
