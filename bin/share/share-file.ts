import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises';
import { CHUNK_BYTES, chunkBytes, chunkCount } from './protocol.ts';

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Opens a plain file for reading: no symbolic link, no device, no pipe that would block. Rejects with the system's error. */
export async function openPlainFile(path: string): Promise<{ readonly file: FileHandle; readonly size: number }> {
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw Object.assign(new Error(`${path} is no plain file`), { code: 'EINVAL' });
    return { file, size: stat.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** SHA-256 of the first `size` bytes. Rejects when the file is shorter. */
export async function digestOf(file: FileHandle, size: number): Promise<Buffer> {
  const hash = createHash('sha256');
  const memory = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(size, 1)));
  for (let chunk = 0; chunk < chunkCount(size); chunk++) {
    hash.update(await readChunk(file, size, chunk, memory));
  }
  return hash.digest();
}

/** Reads one chunk into the start of `memory`. Rejects when the file has become shorter. */
export async function readChunk(file: FileHandle, size: number, chunk: number, memory: Buffer): Promise<Buffer> {
  const wanted = chunkBytes(size, chunk);
  for (let done = 0; done < wanted; ) {
    const { bytesRead } = await file.read(memory, done, wanted - done, chunk * CHUNK_BYTES + done);
    if (bytesRead === 0)
      throw Object.assign(new Error('the file became shorter while it was read'), { code: 'ESTALE' });
    done += bytesRead;
  }
  return memory.subarray(0, wanted);
}

/** A file that is being received: it has its final name only when it is complete and its digest is right. */
export class PartialFile {
  readonly #path: string;
  readonly #partPath: string;
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #sha256: Uint8Array;
  readonly #missing: Set<number>;
  #isOver = false;

  private constructor(path: string, partPath: string, file: FileHandle, size: number, sha256: Uint8Array) {
    this.#path = path;
    this.#partPath = partPath;
    this.#file = file;
    this.#size = size;
    this.#sha256 = sha256;
    this.#missing = new Set(Array.from({ length: chunkCount(size) }, (_, chunk) => chunk));
  }

  /** Makes `partPath`, which must not exist. */
  static async create(path: string, partPath: string, size: number, sha256: Uint8Array): Promise<PartialFile> {
    const file = await open(partPath, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    return new PartialFile(path, partPath, file, size, sha256);
  }

  async write(chunk: number, bytes: Uint8Array): Promise<void> {
    if (!this.#missing.has(chunk)) throw Object.assign(new Error(`chunk ${chunk} is not awaited`), { code: 'EINVAL' });
    await this.#file.write(bytes, 0, bytes.length, chunk * CHUNK_BYTES);
    this.#missing.delete(chunk);
  }

  /**
   * Checks what is on disk and gives it its name. `replaces`: whether a file of that name may be there. Rejects, leaving nothing
   * behind, when chunks are missing, the digest is another, or the name is taken.
   */
  async commit(replaces: boolean): Promise<void> {
    try {
      if (this.#missing.size > 0)
        throw Object.assign(new Error(`${this.#missing.size} chunks are missing`), { code: 'EINVAL' });
      const digest = await digestOf(this.#file, this.#size);
      if (!digest.equals(this.#sha256)) throw Object.assign(new Error('SHA-256 differs'), { code: 'EIO' });
      await this.#file.sync();
      if (replaces) {
        await rename(this.#partPath, this.#path);
      } else {
        // link() refuses a name that is taken; rename() would replace it.
        await link(this.#partPath, this.#path);
      }
    } finally {
      await this.discard();
    }
  }

  /** Ends it: the part goes, the final name stays as it is. */
  async discard(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#file.close();
    await unlink(this.#partPath).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}
