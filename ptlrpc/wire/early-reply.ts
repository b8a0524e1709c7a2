import { viewOf } from '../../lnet/wire/layout.ts';
import { encodeMessage, type LustreMessage } from './message.ts';
import { LUSTRE_MSG } from './message-header.ts';
import { EMPTY_BODY, encodeBody, PTL_RPC_MSG_REPLY, type PtlrpcBody } from './ptlrpc-body.ts';

/** Where the final reply of a null-policy request stands that understands early replies; they stand before it (ptlrpc §2.4). */
export const NULL_REPLY_OFFSET = 224;

const CRC32_POLYNOMIAL = 0xedb88320;

const CRC32_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ CRC32_POLYNOMIAL;
  return crc >>> 0;
});

/** CRC-32 without the usual inversion at the end: ptlrpc §7.6. */
export function crc32Raw(bytes: Uint8Array, start = 0xffffffff): number {
  let crc = start;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC32_TABLE[(crc ^ byte) & 0xff] as number);
  return crc >>> 0;
}

/** Writes an early reply of the null policy: body only, with the checksum of the body in the header. */
export function encodeEarlyReply(body: Pick<PtlrpcBody, 'opc' | 'timeout' | 'serviceTime'>): Uint8Array {
  const bytes = encodeBody({ ...EMPTY_BODY, ...body, type: PTL_RPC_MSG_REPLY });
  return encodeMessage([bytes], { cksum: crc32Raw(bytes) });
}

/** Whether an early reply of the null policy is what its checksum says; one that is not is ignored. */
export function isEarlyReplyIntact(message: LustreMessage): boolean {
  const body = message.buffer(0);
  return (
    body !== undefined && viewOf(message.bytes).getUint32(LUSTRE_MSG.at.cksum, message.littleEndian) === crc32Raw(body)
  );
}
