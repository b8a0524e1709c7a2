/** Peers that tell nonsense about themselves, well-formed or not, in pushes and in answers to pings: in virtual time. */
import test, { type ExecutionContext } from 'ava';
import * as fc from 'fast-check';
import { viewOf } from '../../lnet/wire/layout.ts';
import { LNET_MSG_ACK, LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY, LnetHdr } from '../../lnet/wire/lnet-hdr.ts';
import { NID_ANY, type Nid, nid4, parseNid } from '../../lnet/wire/nid.ts';
import { settle } from '../../nals/sim/settle.ts';
import { PORT, RawPeer } from '../../nals/tcp/node.test-support.ts';
import { FrameCutter } from '../replay/frame-cutter.ts';
import { greeting, message, PING_BITS } from './frames.ts';
import { OPEN_BITS, OPEN_PORTAL } from './victim-protocol.ts';
import { VirtualArena } from './virtual-arena.ts';

const NODE = '10.77.0.12@tcp';
const NODE_TOO = '10.77.0.12@tcp1';
const PEER = '10.77.0.11@tcp';
const GOOD = '10.77.0.99@tcp';

const MAGIC = 0x70696e67;
/** NI_STATUS, RTE_DISABLED, MULTI_RAIL, DISCOVERY: what a good node publishes. */
const FEATURES = 0x1e;
const UP = 0x15aac0de;
const DOWN = 0xdeadface;

/** What a peer says about itself, as it stands on the wire. */
interface Claim {
  readonly magic: number;
  readonly features: number;
  /** Entries that it says it has; undefined: as many as it has. */
  readonly count: number | undefined;
  readonly first: Nid;
  readonly sequence: number;
  /** Total length that it says it has; undefined: the true one. */
  readonly length: number | undefined;
  readonly entries: readonly { readonly nid: Nid; readonly status: number }[];
  /** Large entries: how long each says its NID is. */
  readonly large: readonly number[];
  readonly isSwapped: boolean;
  /** Bytes cut off at the end, or, negative, that follow. */
  readonly cut: number;
}

function bytesOf(claim: Claim): Buffer {
  const { entries, large, cut } = claim;
  const largeBytes = large.reduce((sum, size) => sum + ((4 + 8 + size + 3) & ~3), 0);
  const bytes = Buffer.alloc(16 + 16 * (entries.length + 1) + largeBytes);
  const u32 = (value: number, at: number): void => {
    if (claim.isSwapped) bytes.writeUInt32BE(value >>> 0, at);
    else bytes.writeUInt32LE(value >>> 0, at);
  };
  const nid = ({ net, address }: Nid, at: number): void => {
    u32(claim.isSwapped ? net : address, at);
    u32(claim.isSwapped ? address : net, at + 4);
  };
  [claim.magic, claim.features, 12345, claim.count ?? entries.length + 1].forEach((value, i) => u32(value, i * 4));
  nid(claim.first, 16);
  u32(claim.sequence, 24);
  u32(claim.length ?? bytes.length, 28);
  entries.forEach((entry, i) => {
    nid(entry.nid, 32 + 16 * i);
    u32(entry.status, 40 + 16 * i);
  });
  let at = 32 + 16 * entries.length;
  for (const size of large) {
    u32(UP, at);
    bytes.set([size & 0xff, 2, 0, 6, 0xfd, 0x77].slice(0, bytes.length - at - 4), at + 4);
    at += (4 + 8 + size + 3) & ~3;
  }
  return cut > 0
    ? bytes.subarray(0, Math.max(bytes.length - cut, 0))
    : Buffer.concat([bytes, Buffer.alloc(-cut, 0xee)]);
}

const mostly = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });

const wild = fc.oneof(fc.constantFrom(0, 1, 2, 199, 200, 201, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(0xffffffff));

/** NIDs of everybody, of nobody, and twice the same. */
const nids = fc.oneof(
  fc.constantFrom(PEER, GOOD, NODE, NODE_TOO, '0@lo', '10.77.0.11@o2ib', '7@gni1', '10.77.0.11@tcp200').map(parseNid),
  fc.nat(40).map((last) => nid4(parseNid(PEER).net, 0x0a4e0000 + last)),
  fc.constant(NID_ANY),
  fc.tuple(fc.nat(0xffffff), fc.nat(0xffffffff)).map(([net, address]) => nid4(net, address)),
);

const claims: fc.Arbitrary<Claim> = fc.record({
  magic: mostly(MAGIC, wild),
  features: fc.oneof(fc.constant(FEATURES), fc.nat(0xff), wild),
  count: mostly<number | undefined>(undefined, wild),
  first: mostly(parseNid('0@lo'), nids),
  sequence: wild,
  length: mostly<number | undefined>(undefined, wild),
  entries: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.array(fc.record({ nid: nids, status: fc.constantFrom(UP, DOWN, 0) }), { maxLength: 12 }),
    },
    {
      weight: 1,
      arbitrary: fc
        .integer({ min: 150, max: 250 })
        .map((count) =>
          Array.from({ length: count }, (_, i) => ({ nid: nid4(parseNid(PEER).net, 0x0a500000 + i), status: UP })),
        ),
    },
  ),
  large: mostly<readonly number[]>([], fc.array(fc.constantFrom(0, 12, 12, 13, 255), { maxLength: 5 })),
  isSwapped: fc.boolean(),
  cut: mostly(0, fc.integer({ min: -50, max: 60 })),
});

/** A peer that answers every ping with its next claim and every push with an ACK. */
class Liar extends RawPeer {
  readonly #claims: readonly Claim[];
  readonly #cutter = new FrameCutter(false);
  readonly #self: string;
  #next = 0;
  pings = 0;

  constructor(self: string, lies: readonly Claim[]) {
    super();
    this.#self = self;
    this.#claims = lies;
  }

  nextClaim(): Buffer {
    return bytesOf(this.#claims[this.#next++ % this.#claims.length] as Claim);
  }

  push(): void {
    const handle = { interfaceCookie: 5n, objectCookie: 6n };
    this.send(message({ from: this.#self, to: NODE, matchBits: PING_BITS, payload: this.nextClaim(), ...handle }));
  }

  override received(count: number): boolean {
    const isReading = super.received(count);
    for (const frame of this.#cutter.push(this.take())) if (frame.kind === 'message') this.#answer(frame.head);
    return isReading;
  }

  #answer(head: Buffer): void {
    const hdr = new LnetHdr();
    hdr.decode(viewOf(head), 24, 4, NID_ANY, NID_ANY);
    const handle = { interfaceCookie: head.readBigUInt64LE(56), objectCookie: head.readBigUInt64LE(64) };
    // It answers as whoever was asked.
    const answer = { from: hdr.destNid, to: hdr.srcNid, ...handle };
    if (hdr.type === LNET_MSG_GET) {
      this.pings++;
      this.send(message({ ...answer, type: LNET_MSG_REPLY, payload: this.nextClaim().subarray(0, hdr.sinkLength) }));
    } else if (hdr.type === LNET_MSG_PUT) {
      this.send(message({ ...answer, type: LNET_MSG_ACK, matchBits: PING_BITS, mlength: hdr.payloadLength }));
    }
  }
}

/** Pings that one push or one discovery may cost: useless answers are asked for again so often. */
const PINGS_PER_CLAIM = 20;

async function lieTo(arena: VirtualArena, lies: readonly Claim[], pushes: number): Promise<void> {
  const { world, node } = arena;
  const liar = new Liar(PEER, lies);
  const address = PEER.replace('@tcp', '');
  world.net.host().connect(
    {
      from: address,
      fromPort: 1000,
      to: NODE.replace('@tcp', ''),
      toPort: PORT,
      socket: { nagle: false, keepaliveIdleS: 0, tos: -1 },
    },
    liar,
  );
  world.settle();
  liar.send(greeting(PEER, NODE, 1));
  world.settle();
  for (let i = 0; i < pushes; i++) {
    liar.push();
    world.settle(100_000);
  }
  // However it ends: it ends.
  await settle(
    world.clock,
    node.discover(PEER, { force: true }).catch(() => null),
    { us: 60_000_000 },
  );
  world.settle(100_000);
  const isTheft = lies.some(({ entries }) => entries.some(({ nid }) => nid === arena.good.nid));
  await arena.checkServed(!isTheft);
  if (isTheft) {
    // LNet believes who claims a NID (lnet-semantics §10.6); whose it is takes it back by saying so.
    await settle(world.clock, arena.good.discover(NODE, { force: true }));
    world.settle(100_000);
    await arena.checkServed(true);
  }
  const own = node.put({ memory: new Uint8Array(10), target: NODE, portal: OPEN_PORTAL, matchBits: OPEN_BITS });
  await settle(world.clock, own);
  if (liar.pings > (pushes + 1) * PINGS_PER_CLAIM) throw new Error(`${liar.pings} pings`);
  liar.close();
  world.seconds(120);
  arena.checkAtRest();
  for (const nid of [NODE, NODE_TOO]) {
    const owner = arena.core.peers.find(parseNid(nid))?.peerNet.peer.primaryNid;
    if (owner && !arena.core.locals.isOwnNid(owner)) throw new Error(`${nid} belongs to ${owner}`);
  }
  if (arena.core.peers.size > PEER_NIS_MAX) throw new Error(`${arena.core.peers.size} peer NIDs`);
}

/** The claims of one peer and what is known besides. */
const PEER_NIS_MAX = 400;

async function check(t: ExecutionContext, inputs: fc.Arbitrary<readonly Claim[]>, runs: number): Promise<void> {
  let arena: VirtualArena | undefined;
  let tried = 0;
  const property = fc.asyncProperty(inputs, fc.nat(4), async (lies, pushes) => {
    tried++;
    const current = arena ?? (await VirtualArena.open('ping info', [NODE, NODE_TOO], GOOD));
    // One that failed is not used again: what it has kept would fail the next.
    arena = undefined;
    await lieTo(current, lies, pushes);
    arena = current;
  });
  const result = await fc.check(property, { numRuns: runs });
  t.log(`${tried} inputs tried, seed ${result.seed}`);
  t.false(result.failed, `${String(result.errorInstance)}\n${fc.defaultReportMessage(result)?.slice(0, 3000)}`);
}

test('nonsense about NIDs: discovery ends, the table stays sound and small, others are served', async (t) => {
  await check(t, fc.array(claims, { minLength: 1, maxLength: 6 }), 250);
});
