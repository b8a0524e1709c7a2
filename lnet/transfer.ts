import { EINVAL, errnoName } from './errno.ts';
import { LnetError } from './error-code.ts';
import type { Iov } from './iov.ts';
import { MAX_PORTALS } from './portals/portal.ts';
import type { RequestOptions } from './request.ts';
import { isU64, u64High, u64Low } from './wire/lnet-hdr.ts';
import { NID_ANY, type Nid, tryParseNid } from './wire/nid.ts';
import { LNET_PID_LUSTRE } from './wire/process-id.ts';

/** A NID as the API takes it: parsed, or its text. */
export type NidLike = Nid | string;

/** A PUT or GET with a promise. What is out of its range is refused with ERR_LNET_BAD_ARGUMENT or ERR_LNET_BAD_NID. */
export interface TransferOptions {
  /** At most 1 MiB, in one piece or in up to 256 fragments. Must stay untouched until the promise settles. */
  readonly memory: Uint8Array | Iov;
  readonly target: NidLike;
  /** 0..63; portal 0 is LNet's own. */
  readonly portal: number;
  /** 64 bits. */
  readonly matchBits: bigint;
  /** Offset in the target's memory descriptor, bytes, below 2^32; honoured if that is remote-managed. Default 0. */
  readonly offset?: number;
  /** Local NID to send from; default: the core chooses. */
  readonly self?: NidLike;
  /** Process id of the target; default 12345. */
  readonly pid?: number;
  /** Gives the transfer up: it rejects with ERR_LNET_CANCELED as soon as the memory is free. */
  readonly signal?: AbortSignal;
}

/** As {@link TransferOptions}, for a PUT. */
export interface PutOptions extends TransferOptions {
  /** 64 bits delivered with the target's event. Default 0. */
  readonly hdrData?: bigint;
  /** Wait for the target's acknowledgement. Default true. */
  readonly ack?: boolean;
}

/** The NID that a caller means. Throws {@link LnetError} ERR_LNET_BAD_NID for a text that is none. */
export function nidOf(nid: NidLike): Nid {
  const parsed = typeof nid === 'string' ? tryParseNid(nid) : nid;
  if (parsed) return parsed;
  throw new LnetError('ERR_LNET_BAD_NID', {
    errno: -EINVAL,
    message: `'${nid}' is not a NID`,
    hint: 'expected ADDRESS@NET, such as 192.168.1.10@tcp',
  });
}

/** Checks a transfer and gives it in the form of the core. */
export function requestOf(options: PutOptions): RequestOptions {
  const { memory, portal, matchBits, offset = 0, pid = LNET_PID_LUSTRE, hdrData = 0n, signal } = options;
  const target = nidOf(options.target);
  if (target.isAny) throw misuse(`a transfer needs one target, not ${target}`);
  if (!isU32(portal) || portal >= MAX_PORTALS) throw misuse(`portal ${portal} is outside 0..${MAX_PORTALS - 1}`);
  if (!isU32(offset)) throw misuse(`offset ${offset} is no whole number below 2^32`);
  if (!isU32(pid)) throw misuse(`process id ${pid} is no whole number below 2^32`);
  if (!isU64(matchBits)) throw misuse(`match bits ${matchBits} do not fit into 64 bits`);
  if (!isU64(hdrData)) throw misuse(`header data ${hdrData} do not fit into 64 bits`);
  return {
    memory,
    target,
    targetPid: pid,
    self: options.self === undefined ? NID_ANY : nidOf(options.self),
    portal,
    matchBitsLow: u64Low(matchBits),
    matchBitsHigh: u64High(matchBits),
    offset,
    hdrDataLow: u64Low(hdrData),
    hdrDataHigh: u64High(hdrData),
    signal,
  };
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
}

function misuse(what: string): LnetError {
  return new LnetError('ERR_LNET_BAD_ARGUMENT', { errno: -EINVAL, message: `${errnoName(EINVAL)}: ${what}` });
}
