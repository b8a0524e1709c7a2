import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';

/** A file with content that nobody has seen before. */
export interface SourceFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

const CHUNK_BYTES = 4 << 20;

/** Writes a file of random bytes and gives its SHA-256: every transfer is checked against it. */
export async function makeSourceFile(path: string, bytes: number): Promise<SourceFile> {
  // A cipher over zeros under a fresh key: as unpredictable as it need be, and several times faster than `randomBytes`.
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const zeros = Buffer.alloc(CHUNK_BYTES);
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
      const chunk = cipher.update(left < CHUNK_BYTES ? zeros.subarray(0, left) : zeros);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  return { path, bytes, sha256: hash.digest('hex') };
}
