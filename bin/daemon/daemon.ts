import { Selftest } from '../../bench/selftest/selftest.ts';
import { setTimeout } from 'node:timers/promises';
import { DEFAULT_NALS, systemClock, systemRandom } from '../../index.ts';
import { EINVAL } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import type { NodePlan } from '../../lnet/config/plan.ts';
import { readPlan } from '../../lnet/config/read-plan.ts';
import { ConfigReader } from '../../lnet/config/reader.ts';
import { LnetNode } from '../../lnet/node.ts';
import { CaptureHub } from '../capture/hub.ts';
import { readYaml } from '../config/yaml-tree.ts';
import type { TreeMap } from '../print/tree.ts';
import { ShareServer } from '../share/server.ts';
import { packageVersion } from '../version.ts';
import { ControlServer, type Handlers } from './control-server.ts';
import { captureHandlers } from './handlers/capture.ts';
import { deleteHandlers } from './handlers/delete.ts';
import { DAEMON_KEYS, importHandlers } from './handlers/import.ts';
import { lstHandlers } from './handlers/lst.ts';
import { pingHandlers } from './handlers/ping.ts';
import { setHandlers } from './handlers/set.ts';
import { shareHandlers } from './handlers/share.ts';
import { showHandlers } from './handlers/show.ts';
import { HOST } from './host.ts';

export interface DaemonOptions {
  /** Text of the configuration and the name to give in complaints. */
  readonly config: { readonly text: string; readonly file: string };
  /** Name of the daemon, for greetings and `status`. */
  readonly name: string;
  readonly socketPath: string;
  /** Directory to share; default: what the configuration's `share:` says, else none. */
  readonly share?: string;
  readonly log: (level: 'info' | 'warn', text: string) => void;
}

/** How long the end of a selftest session may take when the daemon ends. */
const SELFTEST_GRACE_MS = 1_000;

/** What a daemon is put together from. */
interface DaemonParts {
  readonly plan: NodePlan;
  readonly node: LnetNode;
  readonly share: ShareServer | undefined;
  readonly selftest: Selftest | undefined;
}

/** A node with its control socket. */
export class Daemon {
  readonly node: LnetNode;
  readonly plan: NodePlan;
  readonly #options: DaemonOptions;
  readonly #share: ShareServer | undefined;
  readonly #selftest: Selftest | undefined;
  readonly #control: ControlServer;
  readonly #startedAt = performance.now();
  #closing: Promise<void> | undefined;
  #onDown = (): void => {};

  private constructor(options: DaemonOptions, { plan, node, share, selftest }: DaemonParts) {
    this.#options = options;
    this.plan = plan;
    this.node = node;
    this.#share = share;
    this.#selftest = selftest;
    this.#control = new ControlServer({
      name: options.name,
      handlers: this.#handlers(),
      onDefect: (error) => options.log('warn', error instanceof Error ? (error.stack ?? error.message) : String(error)),
    });
  }

  /**
   * Reads the configuration, starts the node and listens for commands. Rejects with {@link LnetError}; nothing is left running
   * then.
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const { config, log } = options;
    const reader = new ConfigReader(config.file, HOST, (text) => log('warn', text));
    const { plan, extensions } = readPlan(reader, await readYaml(config.text, config.file), DAEMON_KEYS);
    const shareEntry = extensions.get('share');
    const directory = options.share ?? (shareEntry && reader.text(shareEntry));
    const selftestEntry = extensions.get('selftest');
    const hasSelftest = selftestEntry !== undefined && reader.flag(selftestEntry);
    const node = await LnetNode.start({ plan, nals: DEFAULT_NALS, clock: systemClock(), random: systemRandom(), log });
    let share: ShareServer | undefined;
    try {
      share = directory === undefined ? undefined : await ShareServer.open(node, directory);
      const selftest = hasSelftest ? new Selftest(node.core) : undefined;
      selftest?.open();
      const daemon = new Daemon(options, { plan, node, share, selftest });
      await daemon.#listen();
      return daemon;
    } catch (error) {
      await share?.close();
      await node.close();
      throw error;
    }
  }

  async #listen(): Promise<void> {
    const { socketPath } = this.#options;
    try {
      await this.#control.listen(socketPath);
    } catch (error) {
      throw new LnetError('ERR_LNET_LISTEN', {
        errno: -EINVAL,
        message: `cannot listen for commands at ${socketPath}: ${error instanceof Error ? error.message : String(error)}`,
        hint: 'choose another socket with --socket',
        cause: error,
      });
    }
  }

  /** Called once when a command asks the daemon to end. */
  onDown(listener: () => void): void {
    this.#onDown = listener;
  }

  /** Ends everything in order: transfers, node, and last the socket, so that who waits there sees the end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#share?.close();
    // Nodes of its session are told, but one that does not answer must not keep this daemon: the node's end frees what is left.
    await Promise.race([this.#selftest?.close(), setTimeout(SELFTEST_GRACE_MS, undefined, { ref: false })]);
    await this.node.close();
    await this.#control.close();
  }

  #handlers(): Handlers {
    const { node, plan } = this;
    // The capture's format is socklnd's, so only links that speak it can be captured.
    const hub = new CaptureHub(
      node.nals.filter((nal) => nal.name === 'tcp'),
      node.core.clock,
    );
    return {
      ...showHandlers(node),
      ...pingHandlers(node),
      ...setHandlers(node),
      ...deleteHandlers(node),
      ...importHandlers(node, HOST, plan),
      ...shareHandlers(node),
      ...captureHandlers(hub),
      ...lstHandlers(this.#selftest),
      status: () => this.status(),
      down: () => {
        setImmediate(this.#onDown);
        return null;
      },
    };
  }

  /** What `lnet status` prints. */
  status(): TreeMap {
    const { name, config, socketPath } = this.#options;
    return {
      name,
      version: packageVersion(),
      pid: process.pid,
      uptime_s: Math.floor((performance.now() - this.#startedAt) / 1000),
      config: config.file,
      socket: socketPath,
      accept: this.plan.accept,
      accept_port: this.plan.acceptPort,
      interfaces: this.node.nis
        .filter((ni) => !ni.isLoopback)
        .map((ni) => ({
          nid: ni.nid.toString(),
          interface: ni.link.interfaceName,
          nal: ni.link.nal.name,
          status: ni.isUp ? 'up' : 'down',
        })),
      share: this.#share ? { directory: this.#share.directory, ...this.#share.counters } : null,
      control: { ...this.#control.counters },
    };
  }
}
