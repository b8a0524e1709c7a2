import { readFileSync } from 'node:fs';
import { viewOf } from '../../../lnet/wire/layout.ts';
import {
  LNET_GET,
  LNET_HDR4,
  LNET_MSG_GET,
  LNET_MSG_NAMES,
  LNET_MSG_PUT,
  LNET_PUT,
} from '../../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../../lnet/wire/nid.ts';

/** Bytes of socklnd's own header in front of the LNet header. */
const KSOCK_HDR_BYTES = 24;

/** One LNet message of a capture. */
export interface CapturedMessage {
  /** Line of the capture, from 1. */
  readonly line: number;
  readonly atUs: number;
  readonly type: number;
  readonly source: Nid;
  readonly target: Nid;
  /** PUT and GET; 0 and 0n for others. */
  readonly portal: number;
  readonly matchBits: bigint;
  /** GET. */
  readonly sinkLength: number;
  readonly offset: number;
  readonly payloadLength: number;
  /** The whole payload, or its first 1,024 bytes. */
  readonly payload: Uint8Array;
  /** Of the whole payload where that is cut. */
  readonly payloadSha256: string | undefined;
}

interface Line {
  readonly t: number;
  readonly kind: string;
  readonly type?: string;
  readonly hex: string;
  readonly payloadLength?: number;
  readonly payload?: string;
  readonly payloadSha256?: string;
}

/** The LNet messages of `test/golden/NAME.jsonl`, in recorded order. */
export function readCapture(name: string): CapturedMessage[] {
  const lines = readFileSync(new URL(`../../../test/golden/${name}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n');
  return lines.flatMap((text, index) => {
    const line = JSON.parse(text) as Line;
    if (line.kind !== 'message') return [];
    const view = viewOf(Buffer.from(line.hex, 'hex').subarray(KSOCK_HDR_BYTES));
    const { srcNid, destNid, payloadLength } = LNET_HDR4.decode(view);
    const type = LNET_MSG_NAMES.findIndex((known) => known === line.type);
    const put = type === LNET_MSG_PUT ? LNET_PUT.decode(view, LNET_HDR4.size) : undefined;
    const get = type === LNET_MSG_GET ? LNET_GET.decode(view, LNET_HDR4.size) : undefined;
    return [
      {
        line: index + 1,
        atUs: Math.round(line.t * 1e6),
        type,
        source: srcNid,
        target: destNid,
        portal: put?.portal ?? get?.portal ?? 0,
        matchBits: put?.matchBits ?? get?.matchBits ?? 0n,
        sinkLength: get?.sinkLength ?? 0,
        offset: put?.offset ?? get?.offset ?? 0,
        payloadLength,
        payload: Buffer.from(line.payload ?? '', 'hex'),
        payloadSha256: line.payloadSha256,
      },
    ];
  });
}
