import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChildReport, ChildRequest } from './child.ts';

type ReportOf<K extends ChildReport['kind']> = Extract<ChildReport, { kind: K }>;

/** A node in another process: requests go to it, reports come back. Ends with {@link kill}, or when this process ends. */
export class ChildNode {
  readonly process: ChildProcess;
  readonly #reports: ChildReport[] = [];
  readonly #waiting: { readonly matches: (report: ChildReport) => boolean; readonly resolve: () => void }[] = [];

  private constructor(process: ChildProcess) {
    this.process = process;
    process.on('message', (report: ChildReport) => {
      this.#reports.push(report);
      for (const waiter of this.#waiting) if (waiter.matches(report)) waiter.resolve();
    });
  }

  static async start(request: Omit<Extract<ChildRequest, { kind: 'start' }>, 'kind'>): Promise<ChildNode> {
    const program = fileURLToPath(new URL('child.ts', import.meta.url));
    const child = new ChildNode(fork(program, { execArgv: ['--import', 'tsx'], stdio: 'inherit' }));
    child.send({ kind: 'start', ...request });
    await child.report('started');
    return child;
  }

  send(request: ChildRequest): void {
    this.process.send(request);
  }

  /** The next report of a kind that nobody has taken and that the condition accepts. Rejects after `timeoutMs`. */
  async report<K extends ChildReport['kind']>(
    kind: K,
    accepts: (report: ReportOf<K>) => boolean = () => true,
    timeoutMs = 20_000,
  ): Promise<ReportOf<K>> {
    const matches = (report: ChildReport): boolean => report.kind === kind && accepts(report as ReportOf<K>);
    const taken = this.#take(matches);
    if (taken) return taken as ReportOf<K>;
    await new Promise<void>((resolve, reject) => {
      const timeout = setTimeout(() => reject(new Error(`no report '${kind}' within ${timeoutMs} ms`)), timeoutMs);
      this.#waiting.push({
        matches,
        resolve: () => {
          clearTimeout(timeout);
          resolve();
        },
      });
    });
    return this.#take(matches) as ReportOf<K>;
  }

  #take(matches: (report: ChildReport) => boolean): ChildReport | undefined {
    const index = this.#reports.findIndex(matches);
    return index < 0 ? undefined : this.#reports.splice(index, 1)[0];
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.process.kill(name);
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exited;
  }
}
