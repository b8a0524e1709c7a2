import test from 'ava';
import { viewOf } from '../../lnet/wire/layout.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import { bytesOf, hexOf } from '../../test/hex.ts';
import { specDump } from '../../test/spec-example.ts';
import { crc32Raw, encodeEarlyReply, isEarlyReplyIntact } from './early-reply.ts';
import { encodeErrorReply, errorReplyType, replyStatus } from './error-reply.ts';
import { MDS_GETATTR_NAME, MDS_GET_ROOT, MDS_STATFS } from './format/mds.ts';
import { MDS_CONNECT, MGS_CONNECT, OBD_PING } from './format/obd.ts';
import { OST_READ } from './format/ost.ts';
import { FORMATS } from './formats.ts';
import { DLM_REQ } from './lock-request.ts';
import { encodeMessage, LustreMessage, messageBytes } from './message.ts';
import { LUSTRE_MSG_BYTES_MAX, MSGHDR_AT_SUPPORT, MSGHDR_CKSUM_INCOMPAT18 } from './message-header.ts';
import { readBuffers } from './buffer-list.ts';
import {
  EMPTY_BODY,
  encodeBody,
  MSG_CONNECT_INITIAL,
  MSG_PACK_UID_GID,
  PTL_RPC_MSG_ERR,
  PTL_RPC_MSG_REPLY,
  readBody,
} from './ptlrpc-body.ts';
import { encodeReply, encodeRequest } from './rpc-encode.ts';
import { RpcHead } from './rpc-head.ts';
import { readRpcMessage } from './rpc-message.ts';
import { OBD_CONNECT_DATA } from './struct/connect-data.ts';
import { MDT_BODY } from './struct/mdt-body.ts';
import { LCK, LDLM_FL, LDLM_IBITS, MDS_INODELOCK, policyWords } from './struct/ldlm.ts';
import { decodeDirPage, encodeDirPage, LUDA, MDS_DIR_END_OFF } from './struct/dir-page.ts';
import { decodeLayoutEa, encodeLovPlain, LOV_MAGIC_V1 } from './struct/layout-ea.ts';

const reasonOf = (act: () => unknown): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof WireError) return error.reason;
    throw error;
  }
};

/** A getattr whose name buffer holds these bytes. */
const withName = (name: string): Uint8Array =>
  encodeMessage([
    encodeBody({ ...EMPTY_BODY, opc: MDS_GETATTR_NAME.opc, version: 0x20003 }),
    new Uint8Array(MDT_BODY.size),
    new Uint8Array(0),
    bytesOf(name),
  ]);

/** A read whose array of extents has this length. */
const withNiobufs = (length: number): Uint8Array =>
  encodeMessage([
    encodeBody({ ...EMPTY_BODY, opc: OST_READ.opc, version: 0x30003 }),
    new Uint8Array(208),
    new Uint8Array(24),
    new Uint8Array(length),
    new Uint8Array(0),
    new Uint8Array(0),
  ]);

/** How many buffers a message has. */
const countOf = (bytes: Uint8Array): number => LustreMessage.read(bytes).bufferCount;

/** A regular file in a directory. */
const entry = (name: string, hash: bigint) => ({
  fid: { seq: 1n, oid: 1, ver: 0 },
  hash,
  name: bytesOf(name),
  type: 0o100000,
});

/** A dump of the specification in which runs of zero are written as a sentence. */
function withZeros(parts: readonly (readonly [at: number, hex: string])[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const [at, hex] of parts) bytes.set(bytesOf(hex), at);
  return bytes;
}

test('P1: B: a one-buffer message with a 184-byte body is exactly 224 bytes; header 40 bytes.', (t) => {
  const bytes = encodeRequest(OBD_PING, {}, {});
  t.is(bytes.length, 224);
  t.is(viewOf(bytes).getUint32(40 + 8, true), 4711);
});

test('P2: B: buffer lengths 39, 39, 8, 192, 0 after the body give offsets 240, 280, 320, 328, 520 in a 6-buffer message of 520 bytes.', (t) => {
  const lengths = [184, 39, 39, 8, 192, 0];
  t.is(messageBytes(lengths), 520);
  const message = LustreMessage.read(encodeMessage(lengths.map((length) => new Uint8Array(length))));
  t.deepEqual(
    lengths.slice(1).map((_, i) => (message.buffer(i + 1) as Uint8Array).byteOffset),
    [240, 280, 320, 328, 520],
  );
});

test('P3: B: messages with swapped magic are decoded correctly, pb_handle is returned byte-identical.', (t) => {
  const handle = 0x0102030405060708n;
  const bytes = encodeRequest(
    OBD_PING,
    { handle, connCnt: 7, transno: 0x1122334455667788n },
    {},
    { littleEndian: false },
  );
  t.is(hexOf(bytes.subarray(8, 12)), '0bd00bd3');
  const body = readBody(LustreMessage.read(bytes));
  t.like(body, { handle, connCnt: 7, transno: 0x1122334455667788n, opc: 400 });
  t.is(hexOf(bytes.subarray(40, 48)), '0807060504030201');
});

test('P4: B: bufcount 0 or 33, a buflen past the end, or a truncated header is rejected without crash.', (t) => {
  const whole = encodeRequest(OBD_PING, {}, {});
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = whole.slice();
    viewOf(bytes).setUint32(at, value, true);
    return bytes;
  };
  t.is(
    reasonOf(() => LustreMessage.read(changed(0, 0))),
    'bad_value',
  );
  t.is(
    reasonOf(() => LustreMessage.read(changed(0, 33))),
    'bad_value',
  );
  t.is(
    reasonOf(() => LustreMessage.read(changed(8, 0x0bd00bd0))),
    'bad_magic',
  );
  t.is(
    reasonOf(() => LustreMessage.read(changed(32, 185))),
    'bad_length',
  );
  t.is(
    reasonOf(() => LustreMessage.read(changed(32, 0xffffffff))),
    'bad_length',
  );
  for (let length = 0; length < whole.length; length++)
    t.regex(reasonOf(() => LustreMessage.read(whole.subarray(0, length))) ?? 'none', /^(short|bad_length)$/);
  t.is(
    reasonOf(() => LustreMessage.read(changed(0, 32))),
    'bad_length',
  );
});

test('a message just as large as allowed is read, one byte more is not', (t) => {
  const room = LUSTRE_MSG_BYTES_MAX - messageBytes([184, 0]);
  const bytes = encodeMessage([encodeBody(EMPTY_BODY), new Uint8Array(room)]);
  t.is(LustreMessage.read(bytes).buffer(1)?.length, room);
  t.throws(() => encodeMessage([encodeBody(EMPTY_BODY), new Uint8Array(room + 1)]), { instanceOf: RangeError });
  const claim = bytes.slice();
  viewOf(claim).setUint32(36, room + 1, true);
  t.is(
    reasonOf(() => LustreMessage.read(claim, bytes.length + 8)),
    'bad_length',
  );
});

test('bytes behind the last buffer are no part of the message', (t) => {
  const bytes = new Uint8Array(300);
  bytes.set(encodeRequest(OBD_PING, {}, {}));
  t.is(LustreMessage.read(bytes).usedBytes, 224);
});

test('P5: S: extra trailing buffers are ignored; missing optional trailing buffers are accepted.', (t) => {
  const body = encodeBody({ ...EMPTY_BODY, opc: MDS_GET_ROOT.opc, version: 0x20003 });
  const mdt = new Uint8Array(MDT_BODY.size);
  const missing = readRpcMessage(encodeMessage([body, mdt]));
  t.deepEqual(Object.keys(missing.values ?? {}), ['mdtBody']);
  const extra = readRpcMessage(encodeMessage([body, mdt, bytesOf('6400'), new Uint8Array(9)]));
  t.deepEqual(Object.keys(extra.values ?? {}), ['mdtBody', 'name']);
  t.is(extra.message.bufferCount, 4);
  t.is(
    reasonOf(() => readRpcMessage(encodeMessage([body]))),
    'short',
  );
});

test('P6: S: pb_version low half ≠ 3 → no reply; wrong subsystem → reply -EINVAL.', (t) => {
  const bytes = encodeMessage([encodeBody({ ...EMPTY_BODY, opc: 400, version: 0x10002 })]);
  t.is(new RpcHead().read(viewOf(bytes), 0, bytes.length), 'bad_version');
  t.is(
    reasonOf(() => readBody(LustreMessage.read(bytes))),
    'bad_version',
  );
  // What a server compares with, to answer -EINVAL.
  t.is(FORMATS.ofOpcode(400)[0]?.version, 0x10000);
  t.is(FORMATS.ofOpcode(33)[0]?.version, 0x20000);
  t.is(FORMATS.ofOpcode(253)[0]?.version, 0x60000);
});

test('P8: B: a 152-byte body (v2) is accepted, job id taken as empty.', (t) => {
  const v3 = encodeBody({ ...EMPTY_BODY, opc: 400, uid: 500, jobid: 'dd.0' });
  const v2 = encodeMessage([v3.subarray(0, 152)]);
  t.like(readBody(LustreMessage.read(v2)), { opc: 400, uid: 500, jobid: '' });
  t.is(new RpcHead().read(viewOf(v2), 0, v2.length), undefined);
  t.is(readBody(LustreMessage.read(encodeMessage([v3]))).jobid, 'dd.0');
  const shorter = encodeMessage([v3.subarray(0, 151)]);
  t.is(
    reasonOf(() => readBody(LustreMessage.read(shorter))),
    'short',
  );
  t.is(new RpcHead().read(viewOf(shorter), 0, shorter.length), 'short');
});

test('P9: S: status ENOENT/EACCES/EPERM/ENOSPC/EDQUOT/EINPROGRESS/EROFS via the error path gives type 4713, EINVAL gives 4712.', (t) => {
  for (const errno of [2, 13, 1, 28, 122, 115, 30]) t.is(errorReplyType(-errno), PTL_RPC_MSG_REPLY);
  t.is(errorReplyType(-22), PTL_RPC_MSG_ERR);
  const bytes = encodeErrorReply({ status: -22, opc: 33, lastCommitted: 9n });
  t.is(bytes.length, 224);
  t.like(readBody(LustreMessage.read(bytes)), {
    type: PTL_RPC_MSG_ERR,
    status: -22,
    opc: 33,
    lastCommitted: 9n,
    version: 3,
  });
});

test('P10: C: type 4712 with status 0 is reported as -EINVAL.', (t) => {
  t.is(replyStatus({ type: PTL_RPC_MSG_ERR, status: 0 }), -22);
  t.is(replyStatus({ type: PTL_RPC_MSG_ERR, status: -107 }), -107);
  t.is(replyStatus({ type: PTL_RPC_MSG_REPLY, status: 301 }), 301);
});

const NO_CDATA = OBD_CONNECT_DATA.decode(viewOf(new Uint8Array(OBD_CONNECT_DATA.size)));

test('P11: B: the hex examples of section 11 are reproduced byte for byte.', (t) => {
  const request = encodeRequest(
    MGS_CONNECT,
    { status: 2603, flags: MSG_PACK_UID_GID, opFlags: MSG_CONNECT_INITIAL, connCnt: 1, timeout: 5, serviceTime: 4 },
    {
      tgtuuid: 'MGS',
      cluuid: '4f1a6c2e-9b3d-4e7a-8c55-0d2f6b7e8a91',
      conn: 0x7b4d1e0f2c3a5967n,
      cdata: {
        ...NO_CDATA,
        connectFlags: 0xa000411001002060n,
        version: 0x02110000,
        connectFlags2: 0x100100000n,
      },
    },
    { secflvr: 0x03000000, repsize: 544 },
  );
  const expected = withZeros(
    [
      [0, '06000000 00000003 d30bd00b 20020000'],
      [0x20, 'b8000000 27000000 27000000 08000000 c0000000'],
      [0x40, '67120000 03000100 fa000000 2b0a0000'],
      [0x70, '00020000 20000000 01000000 05000000 04'],
      [0xf0, '4d4753'],
      [0x118, '34663161 36633265 2d396233 642d3465 37612d38 6335352d 30643266 36623765 38613931'],
      [0x140, '67593a2c 0f1e4d7b 60200001 104100a0 00001102'],
      [0x198, '00001000 01'],
    ],
    520,
  );
  t.is(hexOf(request), hexOf(expected));

  const reply = encodeReply(
    MGS_CONNECT,
    { handle: 0x9d0c27a1e85b3f44n, timeout: 10, serviceTime: 1 },
    { cdata: { ...NO_CDATA, connectFlags: 0xa000011001002060n, version: 0x02110000, connectFlags2: 0x100100000n } },
  );
  const expectedReply = withZeros(
    [
      [0, '02000000 00000000 d30bd00b'],
      [0x20, 'b8000000 c0000000 443f5be8 a1270c9d 69120000 03000000 fa'],
      [0x6c, '0a000000 01'],
      [0xe0, '60200001 100100a0 00001102'],
      [0x130, '00001000 01'],
    ],
    416,
  );
  t.is(hexOf(reply), hexOf(expectedReply));

  const ping = encodeRequest(
    OBD_PING,
    {
      handle: 0x5a1c3e7f90b2d4e6n,
      status: 2603,
      lastXid: 0x00068e77800000ffn,
      flags: MSG_PACK_UID_GID,
      connCnt: 1,
      timeout: 11,
      mbits: 0x00068e7780000100n,
    },
    {},
    { repsize: 224, flags: MSGHDR_AT_SUPPORT | MSGHDR_CKSUM_INCOMPAT18 },
  );
  const expectedPing = withZeros(
    [
      [0, '01000000 00000000 d30bd00b e0000000 00000000 03'],
      [0x20, 'b8000000 00000000 e6d4b290 7f3e1c5a 67120000 03000100 90010000 2b0a0000 ff000080 778e06'],
      [0x60, '00020000 00000000 01000000 0b'],
      [0xa0, '00010080 778e06'],
    ],
    224,
  );
  t.is(hexOf(ping), hexOf(expectedPing));

  const pong = encodeReply(OBD_PING, { lastCommitted: 0x500000012n, timeout: 10, serviceTime: 1 }, {});
  const expectedPong = withZeros(
    [
      [0, '01000000 00000000 d30bd00b'],
      [0x20, 'b8'],
      [0x30, '69120000 03000000 90010000'],
      [0x50, '12000000 05'],
      [0x6c, '0a000000 01'],
    ],
    224,
  );
  t.is(hexOf(pong), hexOf(expectedPong));
});

test('the early reply of ptlrpc 11.5 has its checksum, and a flipped bit is noticed', (t) => {
  t.is(crc32Raw(new TextEncoder().encode('123456789')), 0x340bc6d9);
  const bytes = encodeEarlyReply({ opc: 400, timeout: 40, serviceTime: 10 });
  t.is(hexOf(bytes.subarray(16, 20)), 'ac53c9df');
  t.is(crc32Raw(bytes.subarray(40), 1), 0x85ce6f60);
  t.true(isEarlyReplyIntact(LustreMessage.read(bytes)));
  const flipped = bytes.slice();
  flipped[100] = 1;
  t.false(isEarlyReplyIntact(LustreMessage.read(flipped)));
});

test('M2: A server accepts buffers longer than the structure and refuses shorter fixed-size ones with -EPROTO.', (t) => {
  const body = encodeBody({ ...EMPTY_BODY, opc: MDS_GET_ROOT.opc, version: 0x20003 });
  const withMdtBody = (length: number): Uint8Array => encodeMessage([body, new Uint8Array(length)]);
  t.is(
    reasonOf(() => readRpcMessage(withMdtBody(MDT_BODY.size - 1))),
    'bad_length',
  );
  t.is(
    reasonOf(() => readRpcMessage(withMdtBody(MDT_BODY.size))),
    undefined,
  );
  t.is(
    reasonOf(() => readRpcMessage(withMdtBody(MDT_BODY.size + 8))),
    undefined,
  );
});

test('a message in a security wrapper is not taken for an open one', (t) => {
  const wrapped = encodeMessage(
    [new Uint8Array(8), encodeRequest(OBD_PING, {}, {}), new Uint8Array(0), new Uint8Array(0)],
    {
      secflvr: 0x21001,
    },
  );
  t.is(
    reasonOf(() => readRpcMessage(wrapped)),
    'bad_value',
  );
  const fromMgc = encodeRequest(OBD_PING, {}, {}, { secflvr: 0x03000000 });
  t.is(
    reasonOf(() => readRpcMessage(fromMgc)),
    undefined,
  );
});

test('connect data and lock requests may be shorter, what is missing reads as zero', (t) => {
  const message = LustreMessage.read(
    encodeMessage([
      encodeBody(EMPTY_BODY),
      new Uint8Array(39),
      new Uint8Array(39),
      new Uint8Array(8),
      bytesOf('2000000000000000 00001102'),
    ]),
  );
  const { cdata, selinuxPol } = readBuffers(MDS_CONNECT.request, message);
  t.like(cdata, { connectFlags: 0x20n, version: 0x02110000, grant: 0, connectFlags2: 0n });
  t.is(selinuxPol, undefined);
  t.like(DLM_REQ.decode(bytesOf('00100000'), true), { lockFlags: LDLM_FL.HAS_INTENT, lockCount: 0, handles: [0n, 0n] });
});

test('M3: A name buffer of length L contains exactly L-1 non-NUL bytes followed by NUL; otherwise the server answers -EPROTO/-EINVAL.', (t) => {
  t.is(
    reasonOf(() => readRpcMessage(withName('616200'))),
    undefined,
  );
  t.is(
    reasonOf(() => readRpcMessage(withName('6162'))),
    'bad_value',
  );
  t.is(
    reasonOf(() => readRpcMessage(withName('610062'))),
    'bad_value',
  );
  t.is(
    reasonOf(() => readRpcMessage(withName('61006200'))),
    'bad_value',
  );
  t.is(
    reasonOf(() => readRpcMessage(withName('610000'))),
    'bad_value',
  );
});

test('an array whose length is no multiple of its element is refused', (t) => {
  t.is(
    reasonOf(() => readRpcMessage(withNiobufs(32))),
    undefined,
  );
  t.is(
    reasonOf(() => readRpcMessage(withNiobufs(40))),
    'bad_length',
  );
});

test('a UUID may end anywhere in its buffer but must end in it', (t) => {
  const { tgtuuid } = MDS_CONNECT.request;
  t.is(tgtuuid.decode(bytesOf('4d475300ffff'), true), 'MGS');
  t.is(
    reasonOf(() => tgtuuid.decode(bytesOf('4d4753'), true)),
    'bad_value',
  );
  t.is(tgtuuid.encode('MGS', true).length, 39);
  t.is(tgtuuid.encode('x'.repeat(38), true).length, 39);
  t.throws(() => tgtuuid.encode('x'.repeat(39), true), { instanceOf: RangeError });
});

test('M13: A serious error has pb_type 4712 and only buffer 0; an ordinary error has pb_type 4713 and the full reply layout.', (t) => {
  const serious = readRpcMessage(encodeErrorReply({ status: -71, opc: MDS_GETATTR_NAME.opc }));
  t.is(serious.values, undefined);
  t.is(serious.message.bufferCount, 1);
  const mdtBody = MDT_BODY.decode(viewOf(new Uint8Array(MDT_BODY.size)));
  const ordinary = readRpcMessage(encodeReply(MDS_GETATTR_NAME, { status: -2 }, { mdtBody }));
  t.is(ordinary.body.type, PTL_RPC_MSG_REPLY);
  t.is(ordinary.message.bufferCount, 7);
  t.deepEqual(ordinary.values, { mdtBody });
});

test('a buffer that is only sent with something in it is left out, an optional one is sent empty', (t) => {
  t.is(countOf(encodeRequest(MDS_STATFS, {}, {})), 1);
  const mdtBody = MDT_BODY.decode(viewOf(new Uint8Array(MDT_BODY.size)));
  t.is(countOf(encodeRequest(MDS_STATFS, {}, { mdtBody })), 2);
  t.is(countOf(encodeRequest(MDS_GETATTR_NAME, {}, { mdtBody, name: bytesOf('61') })), 4);
});

test('the lock request of mds-ost B.3 is reproduced byte for byte', (t) => {
  const bytes = DLM_REQ.encode(
    {
      lockFlags: LDLM_FL.HAS_INTENT,
      lockCount: 1,
      lockDesc: {
        resource: { type: LDLM_IBITS, name: [0x200000007n, 1n, 0n, 0n] },
        reqMode: LCK.CR,
        grantedMode: 0,
        policy: policyWords({ type: 'ibits', bits: MDS_INODELOCK.UPDATE, tryBits: 0n, gid: 0n, initiatorId: 0 }),
      },
      handles: [0x1122334455667788n],
    },
    true,
  );
  t.is(hexOf(bytes), hexOf(specDump('mds-ost', 'B.3')));
});

test('the directory page of mds-ost B.4 is reproduced, up to bytes behind names', (t) => {
  const head = specDump('mds-ost', 'B.4');
  const bytes = new Uint8Array(4096);
  bytes.set(head);
  const page = decodeDirPage(bytes);
  t.deepEqual(
    page.entries.map(({ name }) => new TextDecoder().decode(name)),
    ['.', '..', 'abc'],
  );
  t.is(page.head.hashEnd, MDS_DIR_END_OFF);
  t.is(hexOf(encodeDirPage(page, LUDA.FID | LUDA.TYPE | LUDA['64BITHASH'])), hexOf(bytes));
});

test('M31: The last dirent of each page has reclen 0; others advance exactly to the next dirent.', (t) => {
  const head = { hashStart: 0n, hashEnd: MDS_DIR_END_OFF, flags: 0, pad0: 0 };
  const bytes = encodeDirPage({ head, entries: [entry('61', 1n), entry('626262', 2n)] }, LUDA.FID | LUDA.TYPE);
  const view = viewOf(bytes);
  const reclen = view.getUint16(24 + 24, true);
  t.is(reclen, 40);
  t.is(view.getBigUint64(24 + reclen + 16, true), 2n);
  t.is(view.getUint16(24 + reclen + 24, true), 0);
  view.setUint16(24 + 24, 8, true);
  t.is(
    reasonOf(() => decodeDirPage(bytes)),
    'bad_length',
  );
});

test('the layout EA of mds-ost B.5 is reproduced byte for byte; one that claims more objects than it holds is refused', (t) => {
  const bytes = specDump('mds-ost', 'B.5');
  const ea = decodeLayoutEa(bytes);
  if (ea.kind !== 'plain') throw new Error(ea.kind);
  t.like(ea.head, { magic: LOV_MAGIC_V1, stripeSize: 1048576, stripeCount: 2, oi: { oid: 1n, seq: 0x200000401n } });
  t.deepEqual(
    ea.objects.map(({ ostIdx }) => ostIdx),
    [0, 1],
  );
  t.is(hexOf(encodeLovPlain(ea)), hexOf(bytes));
  t.is(
    reasonOf(() => decodeLayoutEa(bytes.subarray(0, 79))),
    'bad_length',
  );
});
