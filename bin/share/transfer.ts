import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { EEXIST, EINVAL, EIO, ENOENT, EPROTO } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import { toSafeNumber } from '../../lnet/wire/layout.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { isSafeFileName } from './file-name.ts';
import {
  CHUNK_BYTES,
  CHUNKS_IN_FLIGHT,
  chunkBytes,
  chunkCount,
  SHARE_CLOSE,
  SHARE_COMMIT,
  SHARE_OFFER,
  SHARE_OPEN,
  SHARE_READ,
  SHARE_WRITE,
} from './protocol.ts';
import { canceled, ShareRequester } from './requester.ts';
import { digestOf, openPlainFile, PartialFile, readChunk } from './share-file.ts';
import type { LnetNode } from '../../lnet/node.ts';

/** One transfer as the asking side wants it. */
export interface TransferOptions {
  readonly node: LnetNode;
  readonly target: Nid;
  /** Of the file on this machine. */
  readonly path: string;
  /** Of the file in the other node's directory. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

export interface TransferResult {
  readonly bytes: number;
  readonly sha256: string;
}

/** Sends a file into the directory that another node shares. Rejects with {@link LnetError}; the other side then has nothing of it. */
export async function sendFile(options: TransferOptions): Promise<TransferResult> {
  checkName(options.name);
  const { file, size } = await openPlainFile(options.path).catch((error: unknown) => {
    throw ownFileError(options.path, error);
  });
  try {
    const sha256 = await digestOf(file, size);
    const requester = new ShareRequester(options.node, options.target, options.signal);
    const { transferId } = await requester.call({ op: SHARE_OFFER, name: options.name, size: BigInt(size), sha256 });
    await orClose(options, transferId, async () => {
      await eachChunk(size, options, async (chunk, memory) => {
        const bytes = await readChunk(file, size, chunk, memory);
        await requester.call({ op: SHARE_WRITE, transferId, chunk }, { memory: bytes, access: 'read' });
        return bytes.length;
      });
      await requester.call({ op: SHARE_COMMIT, transferId });
    });
    return { bytes: size, sha256: sha256.toString('hex') };
  } finally {
    await file.close();
  }
}

/** Fetches a file out of the directory that another node shares. `replaces`: whether a file may be there already. */
export async function fetchFile(options: TransferOptions & { readonly replaces: boolean }): Promise<TransferResult> {
  checkName(options.name);
  if (!options.replaces && (await exists(options.path))) throw ownFileError(options.path, { code: 'EEXIST' });
  const requester = new ShareRequester(options.node, options.target, options.signal);
  const opened = await requester.call({ op: SHARE_OPEN, name: options.name });
  const size = sizeOf(opened.size, options.target);
  return orClose(options, opened.transferId, async () => {
    const partPath = `${options.path}.${randomBytes(4).toString('hex')}.part`;
    const part = await PartialFile.create(options.path, partPath, size, opened.sha256).catch((error: unknown) => {
      throw ownFileError(options.path, error);
    });
    try {
      await eachChunk(size, options, async (chunk, memory) => {
        const bytes = memory.subarray(0, chunkBytes(size, chunk));
        await requester.call(
          { op: SHARE_READ, transferId: opened.transferId, chunk },
          { memory: bytes, access: 'write' },
        );
        await part.write(chunk, bytes);
        return bytes.length;
      });
      await part.commit(options.replaces);
    } catch (error) {
      await part.discard();
      throw error instanceof LnetError ? error : ownFileError(options.path, error);
    }
    await requester.call({ op: SHARE_CLOSE, transferId: opened.transferId });
    return { bytes: size, sha256: Buffer.from(opened.sha256).toString('hex') };
  });
}

/** Runs `move` for every chunk, several at once, each with memory of its own. The first failure ends all. */
async function eachChunk(
  size: number,
  { onProgress, signal, target }: TransferOptions,
  move: (chunk: number, memory: Buffer) => Promise<number>,
): Promise<void> {
  const count = chunkCount(size);
  let next = 0;
  let done = 0;
  let isBroken = false;
  const lane = async (): Promise<void> => {
    const memory = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, size));
    while (next < count && !isBroken) {
      try {
        if (signal.aborted) throw canceled(target, signal.reason);
        const moved = await move(next++, memory);
        done += moved;
      } catch (error) {
        isBroken = true;
        throw error;
      }
      onProgress(done, size);
    }
  };
  const lanes = Array.from({ length: Math.min(CHUNKS_IN_FLIGHT, count) }, lane);
  const outcomes = await Promise.allSettled(lanes);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Tells the other side when we give up, so that it need not wait for its own time-out. */
async function orClose<T>({ node, target }: TransferOptions, transferId: bigint, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    // What stopped the transfer must not stop this; it ends by its own time-out.
    const closing = new ShareRequester(node, target, new AbortController().signal);
    await closing.call({ op: SHARE_CLOSE, transferId }).catch(() => {});
    throw error;
  }
}

function checkName(name: string): void {
  if (isSafeFileName(name)) return;
  throw new LnetError('ERR_LNET_BAD_ARGUMENT', {
    errno: -EINVAL,
    message: `'${name}' is no name of a file that can be shared`,
    hint: `one plain name of at most 255 bytes, without slash and not beginning with a dot, such as ${basename(name) || 'data.bin'}`,
  });
}

function sizeOf(size: bigint, target: Nid): number {
  try {
    return toSafeNumber(size);
  } catch (error) {
    throw new LnetError('ERR_LNET_PROTOCOL', {
      errno: -EPROTO,
      message: `${target} offers a file of ${size} bytes`,
      cause: error,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

/** What the system says of a file of our own, for a person. */
function ownFileError(path: string, error: unknown): LnetError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') {
    return new LnetError('ERR_LNET_EXISTS', {
      errno: -EEXIST,
      message: `${path} exists already`,
      hint: 'choose another name, or --force to replace it',
    });
  }
  if (code === 'ENOENT') {
    return new LnetError('ERR_LNET_NOT_FOUND', {
      errno: -ENOENT,
      message: `${path} does not exist`,
      hint: 'the daemon looks for it as its own user',
    });
  }
  return new LnetError('ERR_LNET_IO', { errno: -EIO, message: `${path}: ${message ?? code}`, cause: error });
}
