import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { readdir, realpath, stat, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { constants as system } from 'node:os';
import { join } from 'node:path';
import { EBUSY, EINVAL, EIO, ENOENT, errnoText } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import type { LnetEvent } from '../../lnet/event.ts';
import { LNET_MD_MAX_SIZE, LNET_MD_OP_PUT, type MdHandle } from '../../lnet/portals/md.ts';
import { toSafeNumber } from '../../lnet/wire/layout.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import { isSafeFileName } from './file-name.ts';
import {
  CHUNKS_IN_FLIGHT,
  chunkBytes,
  chunkCount,
  decodeRequest,
  encodeReply,
  REQUEST_BYTES_MAX,
  SHARE_CLOSE,
  SHARE_COMMIT,
  SHARE_DATA_PORTAL,
  SHARE_MATCH_BITS,
  SHARE_OFFER,
  SHARE_OPEN,
  SHARE_READ,
  SHARE_REPLY_PORTAL,
  SHARE_REQUEST_PORTAL,
  SHARE_WRITE,
  type ShareReply,
  type ShareRequest,
} from './protocol.ts';
import { ANSWER_MS } from './requester.ts';
import { digestOf, openPlainFile, PartialFile, readChunk } from './share-file.ts';
import type { LnetNode } from '../../lnet/node.ts';

/** Requests that one buffer takes, and buffers that wait for them. */
const BUFFER_REQUESTS = 256;
const BUFFERS = 2;
/** Requests accepted and not answered yet. */
const REQUESTS_MAX = 1_024;
/** Transfers open at once. */
const TRANSFERS_MAX = 64;
/** A transfer that nobody goes on with is given up after this time. */
const IDLE_MS = 120_000;

const PART_NAME = /^\.lnet-[0-9a-f]{16}\.part$/;

/** What the server refused or could not do, by reason. */
export const SHARE_COUNTERS = {
  requests: 'requests answered',
  malformed: 'messages to the portal that are no request: ignored',
  overload: 'requests refused because too many wait',
  files_received: 'files received whole',
  files_sent: 'files sent whole',
  transfers_given_up: 'transfers ended before they were complete',
} as const;

interface Transfer {
  readonly owner: Nid;
  readonly size: number;
  /** Receiving. */
  readonly part: PartialFile | undefined;
  /** Sending. */
  readonly file: FileHandle | undefined;
  timer: NodeJS.Timeout;
}

/** Serves one directory to other nodes: they may put files into it and get files out of it, nothing else. */
export class ShareServer {
  readonly counters = Object.fromEntries(Object.keys(SHARE_COUNTERS).map((name) => [name, 0])) as Record<
    keyof typeof SHARE_COUNTERS,
    number
  >;
  readonly directory: string;
  readonly #node: LnetNode;
  readonly #buffers = new Set<MdHandle>();
  readonly #transfers = new Map<bigint, Transfer>();
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  /** Chunks being moved, and those that wait for a place. */
  #moving = 0;
  readonly #waiting: (() => void)[] = [];
  #isClosing = false;

  private constructor(node: LnetNode, directory: string) {
    this.#node = node;
    this.directory = directory;
    // Every answer under way listens to it.
    setMaxListeners(REQUESTS_MAX, this.#abort.signal);
  }

  /** Opens a directory to others. Rejects with {@link LnetError} when it is none. */
  static async open(node: LnetNode, directory: string): Promise<ShareServer> {
    const server = new ShareServer(node, await directoryPath(directory));
    await server.#removeLeftovers();
    for (let i = 0; i < BUFFERS; i++) server.#postBuffer();
    return server;
  }

  /** Takes no request any more and ends the transfers. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#abort.abort();
    for (const buffer of this.#buffers) if (buffer.isLive) this.#node.unlinkMd(buffer);
    await Promise.all(this.#running);
    for (const id of this.#transfers.keys()) await this.#end(id, 'transfers_given_up');
  }

  /** What a process that was killed left of files it was receiving. */
  async #removeLeftovers(): Promise<void> {
    const names = await readdir(this.directory);
    await Promise.all(names.filter((name) => PART_NAME.test(name)).map((name) => unlink(join(this.directory, name))));
  }

  #postBuffer(): void {
    const memory = Buffer.alloc(BUFFER_REQUESTS * REQUEST_BYTES_MAX);
    const me = this.#node.attachMe({ portal: SHARE_REQUEST_PORTAL, matchBits: SHARE_MATCH_BITS });
    const buffer = this.#node.attachMd(
      me,
      {
        memory,
        options: LNET_MD_OP_PUT | LNET_MD_MAX_SIZE,
        maxSize: REQUEST_BYTES_MAX,
        handler: (event) => this.#arrived(event, memory),
      },
      true,
    );
    this.#buffers.add(buffer);
  }

  #arrived(event: LnetEvent, memory: Buffer): void {
    if (event.typeName === 'PUT' && event.status === 0) {
      this.#accept(event, memory.subarray(event.offset, event.offset + event.mlength));
    }
    if (!event.isUnlinked) return;
    this.#buffers.delete(event.md);
    // A handler must not attach to the list that is being searched: the next buffer comes when the core has returned.
    if (!this.#isClosing) queueMicrotask(() => this.#postBuffer());
  }

  #accept(event: LnetEvent, bytes: Buffer): void {
    const from = event.initiatorNid;
    let request: ShareRequest;
    try {
      request = decodeRequest(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.counters.malformed++;
      return;
    }
    if (this.#running.size >= REQUESTS_MAX) {
      this.counters.overload++;
      return;
    }
    const run = this.#serve(request, from).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #serve(request: ShareRequest, from: Nid): Promise<void> {
    this.counters.requests++;
    let reply: Omit<Partial<ShareReply>, 'requestId'> & { readonly status: number };
    try {
      reply = { status: 0, ...(await this.#carryOut(request, from)) };
    } catch (error) {
      reply = failureOf(error);
    }
    const { requestId } = request;
    try {
      await this.#node.put({
        memory: encodeReply({ ...reply, requestId }),
        target: from,
        portal: SHARE_REPLY_PORTAL,
        matchBits: requestId,
        signal: this.#abort.signal,
      });
    } catch (error) {
      // Who asked is gone or unreachable; its transfer ends by its own time-out.
      if (!(error instanceof LnetError)) throw error;
    }
  }

  #carryOut(request: ShareRequest, from: Nid): Promise<Partial<ShareReply>> {
    switch (request.op) {
      case SHARE_OFFER:
        return this.#offer(request, from);
      case SHARE_OPEN:
        return this.#openFile(request, from);
      case SHARE_WRITE:
        return this.#moveChunk(request, from, 'part');
      case SHARE_READ:
        return this.#moveChunk(request, from, 'file');
      case SHARE_COMMIT:
        return this.#commit(request, from);
      case SHARE_CLOSE:
        return this.#closeTransfer(request, from);
      default:
        throw refusal(EINVAL, `operation ${request.op} is unknown`);
    }
  }

  async #offer({ name, size, sha256 }: ShareRequest, from: Nid): Promise<Partial<ShareReply>> {
    const path = this.#pathOf(name);
    if (await stat(path).catch(() => undefined)) throw refusal(system.errno.EEXIST, `'${name}' is there already`);
    const transferId = this.#newId();
    const partPath = join(this.directory, `.lnet-${transferId.toString(16).padStart(16, '0')}.part`);
    const bytes = toSafeNumber(size);
    const part = await PartialFile.create(path, partPath, bytes, sha256);
    this.#add(transferId, { owner: from, size: bytes, part, file: undefined });
    return { transferId };
  }

  async #openFile({ name }: ShareRequest, from: Nid): Promise<Partial<ShareReply>> {
    const transferId = this.#newId();
    const { file, size } = await openPlainFile(this.#pathOf(name)).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? refusal(ENOENT, `there is no '${name}'`) : error;
    });
    try {
      const sha256 = await digestOf(file, size);
      this.#add(transferId, { owner: from, size, part: undefined, file });
      return { transferId, size: BigInt(size), sha256 };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #moveChunk(
    { requestId, transferId, chunk }: ShareRequest,
    from: Nid,
    kind: 'part' | 'file',
  ): Promise<Partial<ShareReply>> {
    const transfer = this.#transferOf(transferId, from);
    if (!transfer[kind] || chunk >= chunkCount(transfer.size))
      throw refusal(EINVAL, `chunk ${chunk} is not part of this transfer`);
    await this.#takePlace();
    try {
      const bytes = Buffer.allocUnsafe(chunkBytes(transfer.size, chunk));
      const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(ANSWER_MS)]);
      const link = { target: from, portal: SHARE_DATA_PORTAL, matchBits: requestId, signal };
      if (transfer.part) {
        const { mlength } = await this.#node.get({ ...link, memory: bytes });
        if (mlength !== bytes.length) throw refusal(EINVAL, `chunk ${chunk} has ${mlength} bytes, not ${bytes.length}`);
        await transfer.part.write(chunk, bytes);
      } else if (transfer.file) {
        await readChunk(transfer.file, transfer.size, chunk, bytes);
        // With an ACK, so that the answer cannot arrive before the data.
        await this.#node.put({ ...link, memory: bytes, ack: true });
      }
      return {};
    } finally {
      this.#givePlace();
      transfer.timer.refresh();
    }
  }

  async #commit({ transferId }: ShareRequest, from: Nid): Promise<Partial<ShareReply>> {
    const { part, timer } = this.#transferOf(transferId, from);
    if (!part) throw refusal(EINVAL, 'this transfer receives nothing');
    clearTimeout(timer);
    this.#transfers.delete(transferId);
    await part.commit(false);
    this.counters.files_received++;
    return {};
  }

  async #closeTransfer({ transferId }: ShareRequest, from: Nid): Promise<Partial<ShareReply>> {
    const { file } = this.#transferOf(transferId, from);
    // Who receives closes when it has everything, who sends when it gives up.
    await this.#end(transferId, file ? 'files_sent' : 'transfers_given_up');
    return {};
  }

  #pathOf(name: string): string {
    if (!isSafeFileName(name)) throw refusal(EINVAL, 'that is no name of a file that can be shared');
    return join(this.directory, name);
  }

  #newId(): bigint {
    if (this.#transfers.size >= TRANSFERS_MAX) throw refusal(EBUSY, `${TRANSFERS_MAX} transfers are open already`);
    return randomBytes(8).readBigUInt64LE();
  }

  #add(transferId: bigint, transfer: Omit<Transfer, 'timer'>): void {
    const timer = setTimeout(() => void this.#end(transferId, 'transfers_given_up'), IDLE_MS);
    timer.unref();
    this.#transfers.set(transferId, { ...transfer, timer });
  }

  #transferOf(transferId: bigint, from: Nid): Transfer {
    const transfer = this.#transfers.get(transferId);
    if (!transfer || transfer.owner !== from) throw refusal(ENOENT, 'there is no such transfer (any more)');
    transfer.timer.refresh();
    return transfer;
  }

  async #end(transferId: bigint, outcome: keyof typeof SHARE_COUNTERS): Promise<void> {
    const transfer = this.#transfers.get(transferId);
    if (!transfer) return;
    this.#transfers.delete(transferId);
    clearTimeout(transfer.timer);
    this.counters[outcome]++;
    await transfer.part?.discard();
    await transfer.file?.close();
  }

  /** Bounds the memory that chunks take. */
  async #takePlace(): Promise<void> {
    if (this.#moving >= CHUNKS_IN_FLIGHT) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#moving++;
  }

  #givePlace(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#moving--;
  }
}

async function directoryPath(directory: string): Promise<string> {
  const path = await realpath(directory).catch(() => undefined);
  if (path !== undefined && (await stat(path)).isDirectory()) return path;
  throw new LnetError('ERR_LNET_NOT_FOUND', {
    errno: -ENOENT,
    message: `${directory} is no directory to share`,
    hint: 'make it first, or name another',
  });
}

/** A refusal with words for the other side. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.name = 'Refusal';
    this.status = status;
  }
}

function refusal(status: number, text: string): Refusal {
  return new Refusal(status, text);
}

/** What goes back of an error: words of our own, or the system's number without the paths in its message. */
function failureOf(error: unknown): { status: number; text: string } {
  if (error instanceof Refusal) return { status: error.status, text: error.message };
  if (error instanceof LnetError) return { status: -error.errno || EIO, text: error.message };
  const { code } = error as NodeJS.ErrnoException;
  const status = (code !== undefined && (system.errno as Record<string, number>)[code]) || EIO;
  return { status, text: errnoText(status) };
}
