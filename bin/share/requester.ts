import { randomBytes } from 'node:crypto';
import { EACCES, EBUSY, ECANCELED, EEXIST, EIO, EPROTO, ETIMEDOUT, errnoText } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import type { LnetEvent } from '../../lnet/event.ts';
import { LNET_MD_OP_GET, LNET_MD_OP_PUT, LNET_MD_TRUNCATE, type MdHandle } from '../../lnet/portals/md.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import {
  decodeReply,
  encodeRequest,
  REPLY_BYTES_MAX,
  SHARE_DATA_PORTAL,
  SHARE_MATCH_BITS,
  SHARE_REPLY_PORTAL,
  SHARE_REQUEST_PORTAL,
  type ShareReply,
  type ShareRequest,
} from './protocol.ts';
import type { LnetNode } from '../../lnet/node.ts';

/** How long an answer may take: LNet itself never says that nobody serves. */
export const ANSWER_MS = 30_000;

/** Memory that the other side reads or writes while it carries out a request. */
export interface ExposedChunk {
  readonly memory: Uint8Array;
  readonly access: 'read' | 'write';
}

/** Sends requests of file transfers to one node and waits for the answers. */
export class ShareRequester {
  readonly #node: LnetNode;
  readonly #target: Nid;
  readonly #signal: AbortSignal;

  constructor(node: LnetNode, target: Nid, signal: AbortSignal) {
    this.#node = node;
    this.#target = target;
    this.#signal = signal;
  }

  /** Rejects with {@link LnetError}: what the other side answered, or that it did not. */
  async call(
    request: Omit<Partial<ShareRequest>, 'requestId'> & Pick<ShareRequest, 'op'>,
    chunk?: ExposedChunk,
  ): Promise<ShareReply> {
    const requestId = randomId();
    const timeout = AbortSignal.timeout(ANSWER_MS);
    const signal = AbortSignal.any([this.#signal, timeout]);
    const exposed: MdHandle[] = [];
    try {
      const reply = this.#awaitReply(requestId, exposed, signal);
      // It is awaited below; until then a failure of the request itself comes first.
      reply.catch(() => {});
      if (chunk) this.#expose(requestId, chunk, exposed);
      await this.#node.put({
        memory: encodeRequest({ ...request, requestId }),
        target: this.#target,
        portal: SHARE_REQUEST_PORTAL,
        matchBits: SHARE_MATCH_BITS,
        ack: true,
        signal,
      });
      return checked(await reply, this.#target);
    } catch (error) {
      if (this.#signal.aborted) throw canceled(this.#target, error);
      throw timeout.aborted ? noAnswer(this.#target, error) : error;
    } finally {
      for (const md of exposed) if (md.isLive) this.#node.unlinkMd(md);
    }
  }

  #awaitReply(requestId: bigint, exposed: MdHandle[], signal: AbortSignal): Promise<ShareReply> {
    const memory = new Uint8Array(REPLY_BYTES_MAX);
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      const handler = (event: LnetEvent): void => {
        if (event.typeName !== 'PUT') return;
        signal.removeEventListener('abort', abort);
        try {
          resolve(decodeReply(memory.subarray(event.offset, event.offset + event.mlength)));
        } catch (error) {
          reject(
            new LnetError('ERR_LNET_PROTOCOL', {
              errno: -EPROTO,
              message: `${this.#target} answered what is no answer`,
              cause: error,
            }),
          );
        }
      };
      const me = this.#node.attachMe({ portal: SHARE_REPLY_PORTAL, matchBits: requestId });
      exposed.push(
        this.#node.attachMd(me, { memory, options: LNET_MD_OP_PUT | LNET_MD_TRUNCATE, threshold: 1, handler }, true),
      );
    });
  }

  #expose(requestId: bigint, { memory, access }: ExposedChunk, exposed: MdHandle[]): void {
    const me = this.#node.attachMe({ portal: SHARE_DATA_PORTAL, matchBits: requestId });
    // Truncating, so that a GET of more than there is gets an answer that shows it.
    const options = access === 'read' ? LNET_MD_OP_GET | LNET_MD_TRUNCATE : LNET_MD_OP_PUT;
    exposed.push(this.#node.attachMd(me, { memory, options, threshold: 1 }, true));
  }
}

function randomId(): bigint {
  return randomBytes(8).readBigUInt64LE();
}

function checked(reply: ShareReply, target: Nid): ShareReply {
  const { status } = reply;
  if (status === 0) return reply;
  const code = { [EEXIST]: 'ERR_LNET_EXISTS', [EBUSY]: 'ERR_LNET_BUSY', [EACCES]: 'ERR_LNET_NOT_PERMITTED' } as const;
  throw new LnetError(code[status as keyof typeof code] ?? 'ERR_LNET_IO', {
    errno: -(status || EIO),
    message: `${target}: ${reply.text || errnoText(status)}`,
    nids: [String(target)],
  });
}

/** The wish to stop, whichever step it met. */
export function canceled(target: Nid, cause: unknown): LnetError {
  return new LnetError('ERR_LNET_CANCELED', {
    errno: -ECANCELED,
    message: `the transfer with ${target} was stopped`,
    nids: [String(target)],
    cause,
  });
}

function noAnswer(target: Nid, cause: unknown): LnetError {
  return new LnetError('ERR_LNET_TIMED_OUT', {
    errno: -ETIMEDOUT,
    message: `${target} did not answer within ${ANSWER_MS / 1000} s`,
    hint: "does it share a directory? Start its daemon with 'lnet up --share DIR', and try 'lnet ping' first",
    nids: [String(target)],
    cause,
  });
}
