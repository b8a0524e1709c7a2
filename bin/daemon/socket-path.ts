import { lstatSync, mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { EACCES, EBUSY, EINVAL, ENETDOWN } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';

/** The parts of the environment that decide where sockets are. */
export interface SocketEnvironment {
  readonly runtimeDirectory: string | undefined;
  readonly temporaryDirectory: string;
  readonly uid: number;
}

/** A command line that cannot mean one daemon. */
export class UsageError extends LnetError {}

/** Longest path of a Unix socket on Linux, bytes. */
const PATH_BYTES_MAX = 107;
const SUFFIX = '.sock';

/** Where the sockets of this user's daemons are: `$XDG_RUNTIME_DIR/lnet`, else `/tmp/lnet-UID`. */
export function socketDirectory({ runtimeDirectory, temporaryDirectory, uid }: SocketEnvironment): string {
  return runtimeDirectory ? join(runtimeDirectory, 'lnet') : join(temporaryDirectory, `lnet-${uid}`);
}

/** Name of a daemon: that of its configuration file without its ending. */
export function daemonNameOf(configFile: string): string {
  const base = basename(configFile);
  return base.slice(0, base.length - extname(base).length) || base;
}

/** Path that `--socket` means: a path when it has a slash, else the name of a daemon of this user. */
export function socketPathOf(given: string, environment: SocketEnvironment): string {
  const path =
    given.includes('/') || isAbsolute(given) ? resolve(given) : join(socketDirectory(environment), given + SUFFIX);
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw new UsageError('ERR_LNET_BAD_ARGUMENT', {
      errno: -EINVAL,
      message: `'${path}' is too long for a socket: ${PATH_BYTES_MAX} bytes at most`,
      hint: 'name a shorter path with --socket',
    });
  }
  return path;
}

/** The socket of the one daemon of this user, for a command that names none. Throws when there is none, or several. */
export function onlySocket(environment: SocketEnvironment): string {
  const directory = socketDirectory(environment);
  const names = namesIn(directory);
  const [only] = names;
  if (only !== undefined && names.length === 1) return join(directory, only + SUFFIX);
  if (only === undefined) {
    throw new LnetError('ERR_LNET_DOWN', {
      errno: -ENETDOWN,
      message: `no lnet daemon of yours is running (none in ${directory})`,
      hint: "start one with 'lnet up FILE.yaml', or name another with --socket",
    });
  }
  throw new UsageError('ERR_LNET_BAD_ARGUMENT', {
    errno: -EINVAL,
    message: `several lnet daemons of yours are running: ${names.join(', ')}`,
    hint: `name one: --socket ${only}`,
  });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => name.slice(0, -SUFFIX.length))
      .toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Makes room for a socket at `path`: its directory exists, in our default place it is ours alone, and what a dead daemon left
 * is gone. Rejects with `ERR_LNET_BUSY` when a daemon answers there.
 */
export async function prepareSocket(path: string, environment: SocketEnvironment): Promise<void> {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (directory === socketDirectory(environment)) checkOwned(directory, environment.uid);
  const before = inodeOf(path);
  if (before === undefined) return;
  if (await isAnswered(path)) {
    throw new LnetError('ERR_LNET_BUSY', {
      errno: -EBUSY,
      message: `an lnet daemon answers at ${path} already`,
      hint: `stop it with 'lnet down --socket ${path}', or choose another socket with --socket`,
    });
  }
  // Only what was found dead is removed, not what another daemon may have put there meanwhile.
  if (inodeOf(path) === before) unlinkSync(path);
}

/** Anybody may make a directory below /tmp: one that is not ours, or open to others, is not used. */
function checkOwned(directory: string, uid: number): void {
  const stat = lstatSync(directory);
  if (stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0) return;
  throw new LnetError('ERR_LNET_NOT_PERMITTED', {
    errno: -EACCES,
    message: `${directory} must be a directory of yours that nobody else can enter`,
    hint: `remove it, or 'chmod 700 ${directory}', or choose another place with --socket`,
  });
}

/** Identity of the socket at a path; undefined when nothing is there. Throws when it is something else. */
function inodeOf(path: string): number | undefined {
  try {
    const stat = lstatSync(path);
    if (stat.isSocket()) return stat.ino;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  throw new LnetError('ERR_LNET_EXISTS', {
    errno: -EINVAL,
    message: `${path} exists and is no socket`,
    hint: 'choose another path with --socket',
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(path);
    const settle = (isAlive: boolean): void => {
      socket.destroy();
      answer(isAlive);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
