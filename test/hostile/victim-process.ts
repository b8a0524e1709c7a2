import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { VictimReport, VictimRequest, VictimState } from './victim-protocol.ts';

/** What the node's process may take of JavaScript memory, MiB. */
export const HEAP_MIB = 64;

/** What is left open that an attack must not leave open: equal before and after. */
export const TABLES = ['links', 'messages', 'memoryDescriptors', 'delayed'] as const;

/** A node in a process with little memory. A crash of it fails whatever waits for a report. */
export class VictimProcess {
  readonly #process: ChildProcess;
  readonly #waiting: { readonly accepts: (report: VictimReport) => boolean; readonly settle: Settle }[] = [];
  #said = '';
  #death: Error | undefined;

  private constructor(child: ChildProcess) {
    this.#process = child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-4000);
    });
    child.on('message', (report: VictimReport) => {
      const at = this.#waiting.findIndex(({ accepts }) => accepts(report));
      if (at >= 0) this.#waiting.splice(at, 1)[0]?.settle.resolve(report);
    });
    child.once('close', (code, signal) => {
      this.#death = new Error(`the node died (${code ?? signal}): ${this.#said}`);
      for (const { settle } of this.#waiting.splice(0)) settle.reject(this.#death);
    });
  }

  static async start(address: string, acceptPort: number): Promise<VictimProcess> {
    const program = fileURLToPath(new URL('victim.ts', import.meta.url));
    const execArgv = ['--import', 'tsx', '--expose-gc', `--max-old-space-size=${HEAP_MIB}`];
    const victim = new VictimProcess(fork(program, { execArgv, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] }));
    await victim.#ask({ kind: 'start', address, acceptPort }, ({ kind }) => kind === 'started');
    return victim;
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  look(): Promise<VictimState> {
    return this.#ask({ kind: 'look' }, ({ kind }) => kind === 'state') as Promise<VictimReport & { kind: 'state' }>;
  }

  /** Lets the node ping somebody. */
  ping(target: string, timeoutMs: number): Promise<Extract<VictimReport, { kind: 'pong' }>> {
    return this.#ask(
      { kind: 'ping', target, timeoutMs },
      (report) => report.kind === 'pong' && report.target === target,
    ) as Promise<Extract<VictimReport, { kind: 'pong' }>>;
  }

  /** Looks until nothing is open that was not open before. Gives the last state when `timeoutMs` are over. */
  async settled(before: VictimState, timeoutMs = 6000): Promise<VictimState> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const state = await this.look();
      if (TABLES.every((table) => state[table] <= before[table]) || performance.now() > deadline) return state;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #ask(request: VictimRequest, accepts: (report: VictimReport) => boolean): Promise<VictimReport> {
    return new Promise((resolve, reject) => {
      if (this.#death) reject(this.#death);
      else {
        this.#waiting.push({ accepts, settle: { resolve, reject } });
        this.#process.send(request);
      }
    });
  }

  async stop(): Promise<void> {
    if (this.#death) return;
    const closed = once(this.#process, 'close');
    this.#process.kill('SIGKILL');
    await closed;
  }
}

interface Settle {
  readonly resolve: (report: VictimReport) => void;
  readonly reject: (reason: Error) => void;
}
