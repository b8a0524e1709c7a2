import { constants } from 'node:os';
import { EINVAL, EIO, errnoText } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import { ControlClient } from '../daemon/control-client.ts';
import { faultOf, ReportedError } from '../daemon/fault.ts';
import { onlySocket, type SocketEnvironment, socketPathOf, UsageError } from '../daemon/socket-path.ts';
import { printClassicReport, printReport, withErrnoText } from '../print/report.ts';
import type { Tree } from '../print/tree.ts';

/** Exit status of everything that is rejected on the netlink path, and of bad arguments: lnetctl §2 rule 8. */
export const EXIT_REJECTED = 234;
/** Exit status of a failed ping or discovery, and of a value that cannot be read. */
export const EXIT_FAILED = 255;

/** What the commands see of the world: replaced in tests. */
export interface World {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Whether a person watches stderr. */
  readonly isTerminal: boolean;
  readonly environment: SocketEnvironment;
  /** `LNET_SOCKET`: a daemon to talk to when `--socket` names none. */
  readonly socketVariable: string | undefined;
  /** Aborted by Ctrl-C. */
  readonly interrupt: AbortSignal;
}

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly socket?: string;
}

/** How a failure is reported, as `lnetctl` does for this command: lnetctl §3. */
export type FailureStyle =
  /** Netlink format. `description` is said when LNet gives no words of its own. */
  | { readonly format: 'N'; readonly action: string; readonly item: string; readonly description?: string }
  /** Classic format: `cannot get statistics: Network is down`. */
  | { readonly format: 'C'; readonly action: string; readonly item: string; readonly description: string }
  /** For commands that `lnetctl` does not have. */
  | { readonly format: 'plain' };

/** Runs commands: output, daemon, and the way failures are told. */
export class Shell {
  readonly world: World;
  exitCode = 0;

  constructor(world: World) {
    this.world = world;
  }

  print(text: string): void {
    this.world.stdout(text);
  }

  /** The machine's form of any answer. */
  printJson(tree: unknown): void {
    this.world.stdout(`${JSON.stringify(tree, null, 2)}\n`);
  }

  /** Where the daemon of a command is. */
  socketPath({ socket }: CommonOptions): string {
    const given = socket ?? this.world.socketVariable;
    return given === undefined ? onlySocket(this.world.environment) : socketPathOf(given, this.world.environment);
  }

  /** Runs `use` with a connection to the daemon, closed afterwards. */
  async withDaemon<T>(options: CommonOptions, use: (client: ControlClient) => Promise<T>): Promise<T> {
    const client = await ControlClient.connect(this.socketPath(options));
    try {
      return await use(client);
    } finally {
      client.close();
    }
  }

  /** Runs one operation of the daemon. */
  request(options: CommonOptions, op: string, args: Record<string, Tree> = {}): Promise<Tree> {
    return this.withDaemon(options, (client) => client.request(op, args, { signal: this.world.interrupt }));
  }

  /** Runs a command; what it throws is told in its style, and decides the exit status. */
  async run(options: CommonOptions, style: FailureStyle, command: () => Promise<void>): Promise<void> {
    try {
      await command();
    } catch (error) {
      if (!(error instanceof LnetError)) throw error;
      this.fail(options, style, error);
    }
  }

  fail({ json }: CommonOptions, style: FailureStyle, error: LnetError): void {
    if (error instanceof UsageError && !json) {
      this.exitCode = EXIT_REJECTED;
      this.world.stderr(`lnet: ${error.message}\n`);
      return;
    }
    const reported = error instanceof ReportedError ? error : undefined;
    const isNetlink = style.format === 'N' || reported !== undefined;
    this.exitCode = isNetlink ? EXIT_REJECTED : statusOf(error.errno);
    if (json) {
      this.world.stderr(`${JSON.stringify({ error: faultOf(error) })}\n`);
      return;
    }
    this.world.stderr(reported ? printReport({ ...reported.report, errno: error.errno }) : this.#report(style, error));
    this.#explain(style, error, reported?.place);
  }

  /** A file that cannot be opened: lnetctl §3.2. */
  cannotOpen(file: string, error: unknown): void {
    const { code } = error as NodeJS.ErrnoException;
    const errno = (code !== undefined && (constants.errno as Record<string, number>)[code]) || EIO;
    const description = `cannot open '${file}': ${errnoText(errno)}`;
    this.world.stderr(printClassicReport({ action: 'yaml', item: 'builder', errno: -1, description }));
    this.exitCode = EXIT_FAILED;
  }

  #report(style: FailureStyle, error: LnetError): string {
    const { errno } = error;
    const isDown = error.code === 'ERR_LNET_DOWN';
    if (style.format === 'plain') return `lnet: ${error.message}\n`;
    const { action, item } = style;
    if (style.format === 'C')
      return printClassicReport({ action, item, errno, description: withErrnoText(style.description, errno) });
    return printReport({
      action,
      item,
      errno,
      description: isDown ? 'Network is down' : (style.description ?? error.message),
    });
  }

  /**
   * The block of a report has a fixed form. What a person needs besides it follows as a comment, which leaves the text valid
   * YAML: the place in a file, or how to reach a daemon.
   */
  #explain(style: FailureStyle, error: LnetError, place: string | undefined): void {
    if (style.format === 'plain') return;
    if (place !== undefined) this.world.stderr(`# ${place}: ${error.message}\n`);
    else if (error.code === 'ERR_LNET_DOWN') this.world.stderr(`# ${error.message}\n`);
  }
}

/** The low eight bits of a negative errno: lnetctl §2 rule 8. */
export function statusOf(errno: number): number {
  return (errno || -EINVAL) & 0xff;
}
