import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './oracle-node.ts';

/** Most that waits to be written, MiB: a busy machine must not make it lose packets. */
const BUFFER_MIB = 64;

/** What the last packet carries, and the address that nobody else uses it at. */
const MARK = 'the last packet of this capture';
const MARK_ADDRESS = '127.0.11.250';

/** The packets of one TCP port on the loopback device, as the kernel of this machine sees them. */
export class LoopbackCapture {
  readonly file: string;
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #port: number;

  private constructor(folder: string, process: ChildProcess, port: number) {
    this.#port = port;
    this.#folder = folder;
    this.file = join(folder, 'loopback.pcapng');
    this.#process = process;
  }

  /** Resolves when packets are being captured. */
  static async start(port: number): Promise<LoopbackCapture> {
    const folder = mkdtempSync(join(tmpdir(), 'lnet-loopback-'));
    const file = join(folder, 'loopback.pcapng');
    const args = ['-q', '-i', 'lo', '-f', `tcp port ${port}`, '-B', String(BUFFER_MIB), '-w', file];
    const child = spawn('dumpcap', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    await new Promise<void>((resolve, reject) => {
      let said = '';
      // It names the file once it listens.
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('File: ')) resolve();
      });
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`dumpcap: ${said}`)));
    });
    return new LoopbackCapture(folder, child, port);
  }

  /** Ends the capture when all packets sent so far are in the file, which stays until {@link remove}. */
  async stop(): Promise<void> {
    await this.#sendMark();
    await until(() => readFileSync(this.file).includes(MARK), 'the last packet in the capture');
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGINT');
    await exited;
  }

  /** Packets are kept in order: when this one is there, all earlier ones are. */
  async #sendMark(): Promise<void> {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen({ host: MARK_ADDRESS, port: this.#port }, resolve));
    const socket = connect({ host: MARK_ADDRESS, port: this.#port });
    socket.end(MARK);
    socket.resume();
    await once(socket, 'close');
    server.close();
  }

  remove(): void {
    this.#process.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
