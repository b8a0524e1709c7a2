/**
 * What our node puts on TCP, read by a dissector that shares nothing with it: every kind of message, each field compared with
 * what the API was asked for.
 */
import type { ExecutionContext } from 'ava';
import { connect, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { freePort } from '../../bench/harness/free-port.ts';
import type { CapturedFrame } from '../../bin/capture/frame.ts';
import {
  LNET_MD_ACK_DISABLE,
  LNET_MD_MANAGE_REMOTE,
  LNET_MD_OP_GET,
  LNET_MD_OP_PUT,
  LNET_MD_TRUNCATE,
} from '../../lnet/index.ts';
import { LNET_PID_USERFLAG } from '../../lnet/wire/process-id.ts';
import { BULK_OUT, CONTROL, nid4Bytes, openingFrames } from '../replay/frame-builder.ts';
import { Conversation, type OracleNode, until } from './oracle-node.ts';
import { testUnless } from '../skip.ts';
import { missingDissector } from './missing-tool.ts';
import { dissectFrames, faultsOf, type LnetMessage } from './tshark.ts';

const oracleTest = testUnless(missingDissector);

const NONE = 0xffffffffffffffffn;
const PING_BITS = 0x8000000000000000n;
const PID = 12345;
const MIB = 1 << 20;
const PORTAL = 57;

let lastAddress = 0;
const nextAddress = (): string => `127.0.8.${++lastAddress}`;

interface Pair {
  readonly conversation: Conversation;
  /** Asks. */
  readonly a: OracleNode;
  /** Is asked. */
  readonly b: OracleNode;
}

async function startPair(t: ExecutionContext, isUnprivileged: boolean): Promise<Pair> {
  const conversation = new Conversation();
  const addresses = [nextAddress(), nextAddress()] as const;
  const acceptPort = await freePort(addresses);
  const common = { acceptPort, isUnprivileged };
  const a = await conversation.node(t, { ...common, nids: [`${addresses[0]}@tcp`] });
  const b = await conversation.node(t, { ...common, nids: [`${addresses[1]}@tcp`] });
  return { conversation, a, b };
}

/** Pid by which others know a node that connected to them. */
function pairPid({ host }: OracleNode): number {
  const port = host.sent.find(({ isConnector }) => isConnector)?.local.port ?? 0;
  return port > 1023 ? (port | LNET_PID_USERFLAG) >>> 0 : PID;
}

/** What frames are, by the dissector's reading: one message each, without a fault. */
function read(t: ExecutionContext, frames: readonly CapturedFrame[]): LnetMessage[] {
  const dissected = dissectFrames(frames);
  t.is(dissected.length, frames.length, 'one message is seen per frame');
  t.deepEqual(
    dissected.filter((one) => one.checksum !== 0 || faultsOf(one).length > 0),
    [],
  );
  t.deepEqual(
    dissected.map(({ source, target }) => [source, target]),
    frames.map((frame) => [frame.from.addressText, frame.to.addressText]),
  );
  return dissected.map(({ message }) => message);
}

const quiet = { ksmType: 'LNET', zcRequest: 0n, zcAck: 0n } as const;

/** Messages as they must look; handles are taken from the request, which only its sender understands. */
function between({ a, b }: Pair) {
  const request = { ...quiet, from: a.nid, to: b.nid, srcPid: PID, destPid: PID } as const;
  const response = { ...quiet, from: b.nid, to: a.nid, srcPid: PID, destPid: pairPid(a) } as const;
  return { request, response };
}

const handleOf = ({ interfaceCookie = 0n, objectCookie = 0n }: LnetMessage) => ({ interfaceCookie, objectCookie });

/** Bytes that differ everywhere. */
const pattern = (length: number, salt: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7 + salt) & 0xff);

/** The same memory in pieces of uneven sizes. */
function inPieces(memory: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, size = 1; at < memory.length; at += size, size = (size * 3) % 70_001 || 17)
    pieces.push(memory.subarray(at, at + size));
  return pieces;
}

const payloadOf = (frame: CapturedFrame | undefined): Uint8Array => frame?.bytes.subarray(24 + 72) ?? new Uint8Array();

interface Case {
  readonly name: string;
  readonly kind: 'put' | 'get';
  readonly bytes: number;
  readonly matchBits: bigint;
  readonly ack?: boolean;
  readonly isInPieces?: boolean;
  readonly offset?: number;
  readonly hdrData?: bigint;
  /** Bytes of the target's memory from the offset on; default: as many as asked for. */
  readonly room?: number;
  readonly options?: number;
}

const CASES: readonly Case[] = [
  { name: 'small PUT with ACK', kind: 'put', bytes: 100, matchBits: 0x0123456789abcdefn, hdrData: 0xfedcba9876543210n },
  { name: 'small PUT without ACK', kind: 'put', bytes: 1, matchBits: 1n, ack: false },
  { name: 'PUT of nothing', kind: 'put', bytes: 0, matchBits: NONE, hdrData: NONE },
  { name: 'PUT of nothing without ACK', kind: 'put', bytes: 0, matchBits: 0n, ack: false },
  { name: 'largest PUT that is not bulk', kind: 'put', bytes: 927, matchBits: 2n },
  { name: 'smallest PUT that is bulk', kind: 'put', bytes: 928, matchBits: 3n },
  { name: 'PUT to an offset', kind: 'put', bytes: 3000, matchBits: 4n, offset: 0x12345 },
  { name: 'PUT from fragments', kind: 'put', bytes: 300_001, matchBits: 5n, isInPieces: true },
  { name: 'largest PUT', kind: 'put', bytes: MIB, matchBits: 0x8000000000000001n },
  {
    name: 'largest PUT without ACK, from fragments',
    kind: 'put',
    bytes: MIB,
    matchBits: 6n,
    ack: false,
    isInPieces: true,
  },
  { name: 'PUT that is cut', kind: 'put', bytes: 5000, matchBits: 7n, room: 1234 },
  { name: 'PUT of which nothing is taken', kind: 'put', bytes: 10, matchBits: 8n, room: 0 },
  { name: 'PUT whose ACK the target declines', kind: 'put', bytes: 10, matchBits: 9n, options: LNET_MD_ACK_DISABLE },
  { name: 'small GET', kind: 'get', bytes: 100, matchBits: 10n },
  { name: 'GET of nothing', kind: 'get', bytes: 0, matchBits: 11n },
  { name: 'GET from an offset', kind: 'get', bytes: 2000, matchBits: 12n, offset: 0xabcde },
  { name: 'GET of more than there is', kind: 'get', bytes: 5000, matchBits: 13n, room: 4999 },
  { name: 'largest GET, into fragments', kind: 'get', bytes: MIB, matchBits: 14n, isInPieces: true },
];

/** A part of a conversation and what its messages must look like. */
interface Exchange {
  readonly from: number;
  readonly to: number;
  readonly check: (messages: readonly LnetMessage[], frames: readonly CapturedFrame[]) => void;
}

/** Runs one case on a pair that knows each other. */
async function perform(t: ExecutionContext, pair: Pair, one: Case): Promise<Exchange> {
  const { a, b, conversation } = pair;
  const { kind, bytes, matchBits, ack = true, offset = 0, hdrData = 0n, room = bytes, options = 0 } = one;
  const served = pattern(offset + room, 1);
  let isDone = false;
  const me = b.node.attachMe({ portal: PORTAL, matchBits });
  b.node.attachMd(me, {
    memory: served,
    threshold: 1,
    options: (kind === 'put' ? LNET_MD_OP_PUT : LNET_MD_OP_GET) | LNET_MD_TRUNCATE | LNET_MD_MANAGE_REMOTE | options,
    handler: () => {
      isDone = true;
    },
  });
  const from = conversation.frames.length;
  const memory = pattern(bytes, 2);
  const fragments = one.isInPieces ? inPieces(memory) : memory;
  const transfer = { memory: fragments, target: b.nid, portal: PORTAL, matchBits, offset };
  const isAcked = ack && (options & LNET_MD_ACK_DISABLE) === 0;
  if (kind === 'get')
    await a.node.get({ ...transfer, memory: one.isInPieces ? inPieces(memory.slice()) : memory.slice() });
  else if (ack && !isAcked) void a.node.put({ ...transfer, hdrData }).catch(() => {});
  else await a.node.put({ ...transfer, hdrData, ack });
  await until(() => isDone, `event of ${one.name}`);

  const { request, response } = between(pair);
  const mlength = Math.min(bytes, room);
  const check: Exchange['check'] = (messages, frames) => {
    const handle = ack ? handleOf(messages[0] as LnetMessage) : { interfaceCookie: NONE, objectCookie: NONE };
    if (ack) t.is(handle.interfaceCookie, a.cookie, one.name);
    const target = { ...handle, matchBits, portal: PORTAL, offset };
    const put: LnetMessage = { ...request, ...target, type: 'PUT', payloadLength: bytes, hdrData };
    const acknowledged: LnetMessage = { ...response, ...handle, type: 'ACK', payloadLength: 0, matchBits, mlength };
    const get: LnetMessage = { ...request, ...target, type: 'GET', payloadLength: 0, sinkLength: bytes };
    const reply: LnetMessage = { ...response, ...handle, type: 'REPLY', payloadLength: mlength };
    t.deepEqual(messages, kind === 'get' ? [get, reply] : isAcked ? [put, acknowledged] : [put], one.name);
    const payload = payloadOf(frames[kind === 'put' ? 0 : 1]);
    const meant = kind === 'put' ? memory : served.subarray(offset, offset + mlength);
    t.true(Buffer.from(payload).equals(meant), `${one.name}: payload`);
  };
  return { from, to: conversation.frames.length, check };
}

/** Discovery by a of b; both push, in an order that is not fixed (lnet-wire §8.4). */
async function discover(t: ExecutionContext, pair: Pair): Promise<Exchange> {
  const { a, b, conversation } = pair;
  await a.node.discover(b.nid);
  await until(() => conversation.frames.length >= 6, 'the push of the discovered node');
  const { request, response } = between(pair);
  const check: Exchange['check'] = (messages, frames) => {
    const indexOf = (from: OracleNode, type: string): number =>
      messages.findIndex((message) => message.type === type && message.from === from.nid);
    const only = (from: OracleNode, type: string): LnetMessage => messages[indexOf(from, type)] as LnetMessage;
    const [get, push, back] = [only(a, 'GET'), only(a, 'PUT'), only(b, 'PUT')];
    const ping = { payloadLength: 0, matchBits: PING_BITS, portal: 0, offset: 0 };
    const acknowledged = { type: 'ACK', payloadLength: 0, matchBits: PING_BITS, mlength: 48 } as const;
    t.deepEqual(get, { ...request, ...ping, ...handleOf(get), type: 'GET', sinkLength: 272 });
    t.deepEqual(only(b, 'REPLY'), { ...response, ...handleOf(get), type: 'REPLY', payloadLength: 48 });
    t.deepEqual(push, { ...request, ...ping, ...handleOf(push), type: 'PUT', payloadLength: 48, hdrData: 0n });
    t.deepEqual(only(b, 'ACK'), { ...response, ...acknowledged, ...handleOf(push) });
    // A push is for the Lustre process of a node, whatever process has asked: socklnd §11.
    const fromB = { ...request, from: b.nid, to: a.nid };
    t.deepEqual(back, { ...fromB, ...ping, ...handleOf(back), type: 'PUT', payloadLength: 48, hdrData: 0n });
    t.deepEqual(only(a, 'ACK'), {
      ...response,
      ...acknowledged,
      ...handleOf(back),
      from: a.nid,
      to: b.nid,
      destPid: pairPid(b),
    });
    t.deepEqual([get.interfaceCookie, back.interfaceCookie], [a.cookie, b.cookie]);
    for (const [from, type] of [
      [a, 'PUT'],
      [b, 'REPLY'],
      [b, 'PUT'],
    ] as const)
      t.deepEqual(Buffer.from(payloadOf(frames[indexOf(from, type)])), Buffer.from(from.node.core.pingInfo.bytes));
  };
  return { from: 0, to: conversation.frames.length, check };
}

async function pingOnce(t: ExecutionContext, pair: Pair): Promise<Exchange> {
  const { a, b, conversation } = pair;
  const from = conversation.frames.length;
  await a.node.ping(b.nid, { timeoutMs: 10_000 });
  const check: Exchange['check'] = ([get, reply]) => {
    t.is(get?.sinkLength, 3960);
    t.is(reply?.payloadLength, 48);
  };
  return { from, to: conversation.frames.length, check };
}

for (const isUnprivileged of [false, true]) {
  const way = isUnprivileged ? 'from an unprivileged port' : 'from whatever port this process may use';
  oracleTest(`a dissector reads every message of two nodes as the API meant it, ${way}`, async (t) => {
    const pair = await startPair(t, isUnprivileged);
    const exchanges = [await discover(t, pair)];
    for (const one of CASES) exchanges.push(await perform(t, pair, one));
    exchanges.push(await pingOnce(t, pair));
    const frames = pair.conversation.frames.slice();
    const messages = read(t, frames);
    for (const { from, to, check } of exchanges) check(messages.slice(from, to), frames.slice(from, to));
    t.is(exchanges.at(-1)?.to, frames.length);
    t.log(`${frames.length} frames compared`);
  });
}

/** A kernel's part, played by hand: one connection on which zero-copy acknowledgements are asked for. */
async function dialByHand(t: ExecutionContext, b: OracleNode, from: string, ctype: number): Promise<Socket> {
  const socket = connect({ host: b.ni.nid.addressText, port: b.ni.port, localAddress: from });
  t.teardown(() => socket.destroy());
  socket.resume();
  for (const { head } of openingFrames(`${from}@tcp`, b.nid, ctype)) socket.write(head);
  await until(() => b.ni.pairs.length === 1, 'the connection');
  return socket;
}

/** An LNet message with a zero-copy request. */
function zcPut(from: string, to: string, cookie: bigint, portal: number, payload: number): Buffer {
  const frame = Buffer.alloc(24 + 72 + payload);
  frame.writeUInt32LE(0xc1, 0);
  frame.writeBigUInt64LE(cookie, 8);
  frame.set(nid4Bytes(to), 24);
  frame.set(nid4Bytes(from), 32);
  frame.writeUInt32LE(PID, 40);
  frame.writeUInt32LE(PID, 44);
  frame.writeUInt32LE(1, 48);
  frame.writeUInt32LE(payload, 52);
  frame.fill(0xff, 56, 72);
  frame.writeUInt32LE(portal, 88);
  return frame;
}

for (const [ctype, name] of [
  [CONTROL, 'CONTROL'],
  [BULK_OUT, 'BULK_OUT'],
] as const) {
  oracleTest(`a dissector reads our zero-copy acknowledgements, over a connection of type ${name}`, async (t) => {
    const conversation = new Conversation();
    const addresses = [nextAddress(), nextAddress()] as const;
    const acceptPort = await freePort(addresses);
    const b = await conversation.node(t, { nids: [`${addresses[1]}@tcp`], acceptPort });
    const socket = await dialByHand(t, b, addresses[0], ctype);
    const cookies = [2n, 3n, 0xfedcba9876543210n, NONE];
    const payloads = [0, 1, 16_384, MIB];
    for (const [i, cookie] of cookies.entries())
      socket.write(zcPut(`${addresses[0]}@tcp`, b.nid, cookie, PORTAL + i * 20, payloads[i] as number));
    await until(() => conversation.frames.length === cookies.length, 'the acknowledgements');
    t.deepEqual(
      read(t, conversation.frames),
      cookies.map((zcAck) => ({ ksmType: 'NOOP', zcRequest: 0n, zcAck })),
    );
  });
}

oracleTest('a dissector reads our keepalives', async (t) => {
  const conversation = new Conversation();
  const addresses = [nextAddress(), nextAddress()] as const;
  const acceptPort = await freePort(addresses);
  const lndTunables = { keepalive: 1, timeout: 1 };
  const b = await conversation.node(t, { nids: [`${addresses[1]}@tcp`], acceptPort, lndTunables });
  await dialByHand(t, b, addresses[0], BULK_OUT);
  await until(() => conversation.frames.length > 0, 'a keepalive');
  t.deepEqual(read(t, conversation.frames), [{ ksmType: 'NOOP', zcRequest: 0n, zcAck: 1n }]);
});

oracleTest('checksums of version 2 are where a dissector looks for them, and right', async (t) => {
  const conversation = new Conversation();
  const addresses = [nextAddress(), nextAddress()] as const;
  const acceptPort = await freePort(addresses);
  const b = await conversation.node(t, { nids: [`${addresses[1]}@tcp`], acceptPort, lndTunables: { enable_csum: 1 } });
  const socket = connect({ host: addresses[1], port: acceptPort, localAddress: addresses[0] });
  t.teardown(() => socket.destroy());
  socket.resume();
  const [request, hello] = openingFrames(`${addresses[0]}@tcp`, b.nid, CONTROL);
  hello?.head.writeUInt32LE(2, 4);
  socket.write(Buffer.concat([request?.head ?? '', hello?.head ?? ''].map((bytes) => Buffer.from(bytes))));
  const get = zcPut(`${addresses[0]}@tcp`, b.nid, 9n, 0, 0);
  get.writeUInt32LE(2, 48);
  get.writeBigUInt64LE(PING_BITS, 72);
  get.fill(0, 80, 96);
  get.writeUInt32LE(272, 88);
  socket.write(get);
  await until(() => conversation.frames.length === 2, 'the reply and the acknowledgement');
  const dissected = dissectFrames(conversation.frames);
  t.deepEqual(dissected.map(({ message }) => message.type ?? message.ksmType).toSorted(), ['NOOP', 'REPLY']);
  for (const [i, { checksum }] of dissected.entries()) {
    const bytes = Buffer.from(conversation.frames[i]?.bytes ?? '');
    bytes.writeUInt32LE(0, 4);
    t.is(checksum, ~crc32(bytes) >>> 0);
  }
});
