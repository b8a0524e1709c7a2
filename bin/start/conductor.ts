import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/harness/free-port.ts';
import { siblingModule } from '../../bench/harness/package-root.ts';
import { ProgramGroup } from '../../bench/harness/program-group.ts';
import type { Program } from '../../bench/harness/program.ts';
import type { StreamCall } from '../../bench/load/endpoint-calls.ts';
import type { StreamResult } from '../../bench/load/stream.ts';
import type { Plan, Row, Setup } from './plan.ts';
import type { ProgressLine } from './progress-line.ts';
import type { RowResult } from './result-table.ts';
import { makeSourceFile, type SourceFile } from './source-file.ts';

/** The far end does not hold what was sent. */
export class MismatchError extends Error {}

/** Most times a file is moved in one row. */
const PASSES_MAX = 100;

/** How long one call to a process may take, ms: a bound against hanging. */
const CALL_MS = 20_000;

export interface ConductorOptions {
  readonly plan: Plan;
  readonly progress: ProgressLine;
  /** Something lasting to tell: one line. */
  readonly tell: (line: string) => void;
}

interface Ends {
  readonly source: Program;
  readonly sink: Program;
}

/** Runs the plan in processes and a folder of its own, and leaves neither behind. */
export class Conductor {
  readonly #options: ConductorOptions;
  /** Holds the file while the plan runs. */
  readonly folder = mkdtempSync(join(tmpdir(), 'lnet-start-'));
  /** Processes of the network that runs now. */
  #programs = new ProgramGroup();
  /** Told of a running stream's bytes. */
  #onBytes: (bytes: number) => void = () => undefined;

  constructor(options: ConductorOptions) {
    this.#options = options;
  }

  async run(): Promise<RowResult[]> {
    const { plan, progress, tell } = this.#options;
    const size = `${plan.fileBytes / 2 ** 20} MiB`;
    progress.show(`writing a file of ${size}`);
    const file = await makeSourceFile(join(this.folder, 'file'), plan.fileBytes);
    progress.clear();
    tell(`file: ${size} of random bytes, SHA-256 ${file.sha256.slice(0, 16)}…`);
    const results: RowResult[] = [];
    for (const setup of plan.setups) {
      const hindrance = await setup.hindrance?.();
      if (hindrance === undefined) results.push(...(await this.#runSetup(setup, file)));
      else tell(`${setup.network}: skipped, ${hindrance}`);
    }
    return results;
  }

  /** Ends all processes and removes the folder. Waits for nothing: also good for the way out. */
  abandon(): void {
    this.#programs.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #runSetup(setup: Setup, file: SourceFile): Promise<RowResult[]> {
    const { progress, tell } = this.#options;
    const roles = Object.keys(setup.nodes);
    this.#programs = new ProgramGroup();
    progress.show(`${setup.network}: starting ${roles.length} processes`);
    const programs = await this.#startNodes(setup);
    const ends: Ends = { source: programs.get('source') as Program, sink: programs.get('sink') as Program };
    await Promise.all([
      ends.source.call('load', { path: file.path }, CALL_MS),
      ends.sink.call('provide', { bytes: file.bytes }, CALL_MS),
    ]);
    progress.clear();
    const who = roles.map((role) => `${role} (pid ${programs.get(role)?.pid})`).join(', ');
    tell(`${setup.network}: ${roles.length} processes, ${who}, ${setup.sourceNid} and ${setup.sinkNid}`);
    if (setup.remark !== undefined) tell(`${setup.network}: ${setup.remark}`);
    const results: RowResult[] = [];
    for (const row of this.#options.plan.rows) results.push(await this.#runRow(setup, row, ends, file));
    await Promise.all([...programs.values()].map((program) => program.call('close', undefined, CALL_MS)));
    await this.#programs.end();
    return results;
  }

  async #startNodes(setup: Setup): Promise<Map<string, Program>> {
    const addresses = Object.values(setup.nodes).flatMap(({ nets }) => Object.values(nets));
    const acceptPort = await freePort([...new Set(addresses)]);
    const endpoint = siblingModule(import.meta.url, '../../bench/load/endpoint');
    const programs = new Map<string, Program>();
    for (const [role, options] of Object.entries(setup.nodes)) {
      const program = this.#programs.start(endpoint, { onNote: (bytes) => this.#onBytes(bytes as number) });
      programs.set(role, program);
      await program.call('open', { ...options, acceptPort }, CALL_MS);
    }
    return programs;
  }

  async #runRow(setup: Setup, row: Row, ends: Ends, file: SourceFile): Promise<RowResult> {
    const isFile = row.moves === 'file';
    const passesMax = isFile ? PASSES_MAX : 1;
    let total = { bytes: 0, messages: 0, ms: 0 };
    let passes = 0;
    let latency: StreamResult['latency'] | undefined;
    do {
      if (isFile) await ends.sink.call('clear', undefined, CALL_MS);
      const before = { ...total, pass: passes, beginMs: performance.now() };
      this.#onBytes = (bytes) => {
        const moved = { bytes: before.bytes + bytes, ms: before.ms + performance.now() - before.beginMs };
        this.#showProgress(setup, row, moved, before.pass);
      };
      const result = await this.#stream(setup, row, ends, passes > 0);
      if (isFile) await this.#check(setup, row, ends.sink, file);
      passes++;
      latency = result.latency;
      total = {
        bytes: total.bytes + result.bytes,
        messages: total.messages + result.messages,
        ms: total.ms + result.ms,
      };
    } while (total.ms < this.#options.plan.rowMs && passes < passesMax);
    this.#options.progress.clear();
    return {
      network: setup.network,
      title: row.title,
      ...total,
      p50Us: latency.p50,
      p99Us: latency.p99,
      check: isFile ? `SHA-256 equal, ${passes}×` : '',
    };
  }

  #stream(setup: Setup, row: Row, ends: Ends, isContinued: boolean): Promise<StreamResult> {
    const isPush = row.direction === 'push';
    const { messageBytes, inFlight } = row;
    const { fileBytes, rowMs } = this.#options.plan;
    const call: StreamCall = {
      operation: isPush ? 'put' : 'get',
      target: isPush ? setup.sinkNid : setup.sourceNid,
      messageBytes,
      inFlight,
      isContinued,
      ...(row.moves === 'file'
        ? { messages: Math.ceil(fileBytes / messageBytes) }
        : { spanBytes: messageBytes * inFlight, durationMs: rowMs }),
    };
    return (isPush ? ends.source : ends.sink).call('stream', call, CALL_MS);
  }

  async #check(setup: Setup, row: Row, sink: Program, file: SourceFile): Promise<void> {
    const digest = await sink.call<string>('digest', undefined, CALL_MS);
    if (digest !== file.sha256)
      throw new MismatchError(`${setup.network}, ${row.title}: the far end holds ${digest}, sent was ${file.sha256}`);
  }

  #showProgress(setup: Setup, row: Row, moved: { readonly bytes: number; readonly ms: number }, pass: number): void {
    const { fileBytes } = this.#options.plan;
    const share = Math.min(100, (100 * (moved.bytes - pass * fileBytes)) / fileBytes);
    const what =
      row.moves === 'file'
        ? `pass ${pass + 1}, ${share.toFixed(0)} %, ${(moved.bytes / moved.ms / 1e6).toFixed(2)} GB/s`
        : `${Math.round((moved.bytes / row.messageBytes / moved.ms) * 1_000).toLocaleString('en')} messages/s`;
    this.#options.progress.show(`${setup.network}: ${row.title}: ${what}`);
  }
}
