import test from 'ava';
import * as fc from 'fast-check';
import { NID_B, NOTHING_LEFT, TestCore } from '../deliver/core-fixture.test-support.ts';
import { flat, TestNet } from '../deliver/link-fixture.test-support.ts';
import type { LnetEvent } from '../event.ts';
import type { Iov } from '../iov.ts';
import { LNET_MSG_GET, LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import { NID_ANY, type Nid, parseNid } from '../wire/nid.ts';
import {
  LNET_MD_MANAGE_REMOTE,
  LNET_MD_MAX_SIZE,
  LNET_MD_OP_GET,
  LNET_MD_OP_PUT,
  LNET_MD_TRUNCATE,
  type MdHandle,
} from './md.ts';
import { LNET_PID_ANY, type Me } from './me.ts';

/** Sources: the first two are one peer, the third is another. */
const SOURCES = ['10.0.0.11@tcp', '10.0.0.12@tcp', '10.0.0.13@tcp'].map(parseNid) as [Nid, Nid, Nid];
const PRIMARY = new Map([
  [SOURCES[0], SOURCES[0]],
  [SOURCES[1], SOURCES[0]],
  [SOURCES[2], SOURCES[2]],
]);
const PIDS = [12345, 7];

interface Entry {
  readonly bits: number;
  readonly ignore: number;
  readonly nid: Nid;
  readonly pid: number;
  readonly unlinksWithMd: boolean;
  readonly me: Me;
  md: MdModel | null;
}

interface MdModel {
  readonly memory: Uint8Array;
  readonly real: Iov;
  readonly options: number;
  readonly maxSize: number;
  readonly unlinks: boolean;
  threshold: number;
  localOffset: number;
  isGone: boolean;
}

interface Message {
  readonly isPut: boolean;
  readonly bits: number;
  readonly source: Nid;
  readonly pid: number;
  readonly offset: number;
  readonly length: number;
}

interface MdChoice {
  readonly fragments: readonly number[];
  readonly options: number;
  readonly maxSize: number;
  readonly threshold: number;
  readonly unlinks: boolean;
}

type Step =
  | {
      readonly kind: 'attach';
      readonly bits: number;
      readonly ignore: number;
      readonly nid: number;
      readonly pid: number;
      readonly isBefore: boolean;
      readonly unlinksWithMd: boolean;
      readonly md: MdChoice;
    }
  | { readonly kind: 'reattach'; readonly at: number; readonly md: MdChoice }
  | { readonly kind: 'unlink'; readonly at: number }
  | { readonly kind: 'lazy'; readonly isLazy: boolean }
  | ({ readonly kind: 'message'; readonly from: number } & Omit<Message, 'source'>);

/** The rules of lnet-semantics §2 in the most literal form: two ordered lists, searched from the front. */
class Model {
  readonly ignoring: Entry[] = [];
  readonly exact: Entry[] = [];
  readonly isUnique: boolean;
  isLazy = false;
  delayed: Message[] = [];
  /** What must have happened: `type offset mlength`, or a reason. */
  readonly story: string[] = [];

  constructor(isUnique: boolean) {
    this.isUnique = isUnique;
  }

  get entries(): Entry[] {
    return [...this.ignoring, ...this.exact];
  }

  /** Commits, or says why not; undefined: no match. */
  #tryOne(entry: Entry, message: Message): string | undefined {
    const { md } = entry;
    if (!md || this.#isExhausted(md)) return undefined;
    if ((md.options & (message.isPut ? LNET_MD_OP_PUT : LNET_MD_OP_GET)) === 0) return undefined;
    if (((entry.bits ^ message.bits) & ~entry.ignore) !== 0) return undefined;
    if (entry.pid !== LNET_PID_ANY && entry.pid !== message.pid) return undefined;
    if (entry.nid !== NID_ANY && PRIMARY.get(entry.nid) !== PRIMARY.get(message.source)) return undefined;
    const offset = md.options & LNET_MD_MANAGE_REMOTE ? message.offset : md.localOffset;
    if (offset > md.memory.length) return 'offset_beyond';
    const rest = md.memory.length - offset;
    const room = md.options & LNET_MD_MAX_SIZE ? Math.min(md.maxSize, rest) : rest;
    if (message.length > room && !(md.options & LNET_MD_TRUNCATE)) return 'too_long';
    const mlength = Math.min(message.length, room);
    if (message.isPut) for (let i = 0; i < mlength; i++) md.memory[offset + i] = payloadByte(i);
    md.localOffset = offset + mlength;
    if (md.threshold > 0) md.threshold--;
    if (md.unlinks && this.#isExhausted(md)) this.unlink(entry);
    return `${message.isPut ? 'PUT' : 'GET'} ${offset} ${mlength}${md.isGone ? ' last' : ''}`;
  }

  #isExhausted(md: MdModel): boolean {
    return (
      md.threshold === 0 || ((md.options & LNET_MD_MAX_SIZE) !== 0 && md.localOffset + md.maxSize > md.memory.length)
    );
  }

  unlink(entry: Entry): void {
    if (entry.md) entry.md.isGone = true;
    entry.md = null;
    if (!entry.unlinksWithMd) return;
    for (const list of [this.ignoring, this.exact]) if (list.includes(entry)) list.splice(list.indexOf(entry), 1);
  }

  arrive(message: Message): void {
    for (const entry of this.#inSearchOrder(message)) {
      const result = this.#tryOne(entry, message);
      if (result !== undefined) {
        this.story.push(result);
        return;
      }
    }
    if (this.isLazy && message.isPut) this.delayed.push(message);
    else this.story.push(this.isLazy ? 'get_on_lazy' : 'no_match');
  }

  /** On a unique portal entries of the very NID come before those of its peer's other NIDs, as in the kernel's hash. */
  #inSearchOrder({ source }: Message): Entry[] {
    if (!this.isUnique) return this.entries;
    const initiator = PRIMARY.get(source);
    const isExact = ({ nid }: Entry): boolean => nid === initiator;
    return [...this.exact.filter(isExact), ...this.exact.filter((entry) => !isExact(entry))];
  }

  offer(entry: Entry): void {
    const rest: Message[] = [];
    for (const message of this.delayed) {
      const result = this.#tryOne(entry, message);
      if (result === undefined) rest.push(message);
      else this.story.push(result.startsWith('PUT') ? result : 'lazy_too_long');
    }
    this.delayed = rest;
  }

  clearLazy(): void {
    this.isLazy = false;
    for (let left = this.delayed.length; left > 0; left--) this.story.push('lazy_cleared');
    this.delayed = [];
  }
}

function payloadByte(index: number): number {
  return index * 7 + 1;
}

/** A model and a core that do the same. */
class Pair {
  readonly core = new TestCore();
  readonly #net = new TestNet();
  readonly #model: Model;
  readonly #mds: { readonly model: MdModel; readonly handle: MdHandle }[] = [];
  readonly #story: string[] = [];
  #links = 0;

  constructor(isUnique: boolean) {
    this.#model = new Model(isUnique);
  }

  async start(): Promise<void> {
    await this.core.openLoopback();
    this.#net.join(this.core, NID_B);
    this.core.peers.add(SOURCES[0], SOURCES[1]);
    this.core.peers.add(SOURCES[2]);
    const { delivery } = this.core;
    const countDrop = delivery.countDrop.bind(delivery);
    delivery.countDrop = (ni, type, length, reason) => {
      this.#story.push(reason);
      countDrop(ni, type, length, reason);
    };
  }

  perform(step: Step): void {
    if (step.kind === 'attach') this.#attach(step);
    else if (step.kind === 'reattach') this.#reattach(step);
    else if (step.kind === 'unlink') this.#unlink(step.at);
    else if (step.kind === 'lazy') this.#setLazy(step.isLazy);
    else this.#arrive(step);
  }

  #attach(step: Step & { kind: 'attach' }): void {
    const isUnique = this.#model.isUnique;
    const ignore = isUnique ? 0 : step.ignore;
    const nid = isUnique ? (SOURCES[step.nid % 3] as Nid) : (SOURCES[step.nid] ?? NID_ANY);
    const pid = isUnique ? (PIDS[step.pid % 2] as number) : (PIDS[step.pid] ?? LNET_PID_ANY);
    const isOfOtherType = !isUnique && ignore === 0 && nid !== NID_ANY;
    const criteria = {
      bits: step.bits,
      ignore,
      nid,
      pid: isOfOtherType ? LNET_PID_ANY : pid,
      unlinksWithMd: step.unlinksWithMd,
    };
    const me = this.core.portals.attachMe({
      portal: 4,
      nid: criteria.nid,
      pid: criteria.pid,
      matchBits: BigInt(step.bits),
      ignoreBits: BigInt(criteria.ignore),
      unlinksWithMd: step.unlinksWithMd,
      position: step.isBefore ? 'before' : 'after',
    });
    const entry: Entry = { ...criteria, me, md: null };
    const list = criteria.ignore === 0 ? this.#model.exact : this.#model.ignoring;
    if (step.isBefore) list.unshift(entry);
    else list.push(entry);
    this.#fill(entry, step.md);
  }

  #reattach(step: Step & { kind: 'reattach' }): void {
    const empty = this.#model.entries.filter((entry) => !entry.md);
    const entry = empty[step.at % Math.max(empty.length, 1)];
    if (entry) this.#fill(entry, step.md);
  }

  #fill(entry: Entry, choice: MdChoice): void {
    const real = choice.fragments.map((length) => new Uint8Array(length));
    const memory = flat(real);
    const maxSize = Math.min(choice.maxSize, memory.length);
    const md: MdModel = { ...choice, memory, real, maxSize, localOffset: 0, isGone: false };
    entry.md = md;
    this.#model.offer(entry);
    const handle = this.core.portals.attachMd(
      entry.me,
      { memory: real, options: choice.options, maxSize, threshold: choice.threshold, handler: this.#note },
      choice.unlinks,
    );
    this.#mds.push({ model: md, handle });
  }

  readonly #note = (event: LnetEvent): void => {
    const { typeName, offset, mlength, isUnlinked, status } = event;
    if (typeName === 'UNLINK') return;
    this.#story.push(`${typeName} ${offset} ${mlength}${isUnlinked ? ' last' : ''}${status || ''}`);
  };

  #unlink(at: number): void {
    const filled = this.#model.entries.filter((entry) => entry.md);
    const entry = filled[at % Math.max(filled.length, 1)];
    if (!entry) return;
    const { handle } = this.#mds.find(({ model }) => model === entry.md) as { handle: MdHandle };
    this.core.portals.unlinkMd(handle);
    this.#model.unlink(entry);
  }

  #setLazy(isLazy: boolean): void {
    if (isLazy) {
      this.core.portals.setLazy(4);
      this.#model.isLazy = true;
    } else {
      this.core.portals.clearLazy(4);
      this.#model.clearLazy();
    }
  }

  /** Each message over a router of its own, so that one that waits stops no other. */
  #arrive(step: Step & { kind: 'message' }): void {
    const source = SOURCES[step.from] as Nid;
    this.#model.arrive({ ...step, source });
    const router = parseNid(`10.9.${this.#links >> 8}.${this.#links++ & 255}@tcp`);
    this.#net.inject(
      router,
      NID_B,
      {
        type: step.isPut ? LNET_MSG_PUT : LNET_MSG_GET,
        srcNid: source,
        srcPid: step.pid,
        portal: 4,
        matchBitsLow: step.bits,
        offset: step.offset,
        sinkLength: step.isPut ? 0 : step.length,
        interfaceCookieLow: 0xffffffff,
        interfaceCookieHigh: 0xffffffff,
        objectCookieLow: 0xffffffff,
        objectCookieHigh: 0xffffffff,
      },
      Uint8Array.from({ length: step.isPut ? step.length : 0 }, (_, index) => payloadByte(index)),
    );
  }

  check(): void {
    const withoutErrno = this.#story.map((line) => line.replace(/(^GET .*)-113$/, '$1'));
    equal(withoutErrno, this.#model.story, 'story');
    for (const { model, handle } of this.#mds) {
      equal([...flat(model.real)], [...model.memory], 'memory');
      equal(handle.isLive, !model.isGone, 'liveness');
    }
    equal(this.core.portals.delayedCount, this.#model.delayed.length, 'delayed');
  }

  finish(): void {
    this.perform({ kind: 'lazy', isLazy: false });
    for (const { handle } of this.#mds) if (handle.isLive) this.core.portals.unlinkMd(handle);
    equal(this.core.leftovers, NOTHING_LEFT, 'leftovers');
  }
}

function equal(actual: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`${what}: core ${JSON.stringify(actual)}, model ${JSON.stringify(expected)}`);
}

const md: fc.Arbitrary<MdChoice> = fc.record({
  fragments: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 5 }),
  options: fc
    .tuple(
      fc.constantFrom(LNET_MD_OP_PUT, LNET_MD_OP_GET, LNET_MD_OP_PUT | LNET_MD_OP_GET),
      fc.constantFrom(0, 0, LNET_MD_MANAGE_REMOTE),
      fc.constantFrom(0, LNET_MD_TRUNCATE),
      fc.constantFrom(0, 0, LNET_MD_MAX_SIZE),
    )
    .map((bits) => bits.reduce((sum, bit) => sum | bit, 0)),
  maxSize: fc.integer({ min: 0, max: 12 }),
  threshold: fc.constantFrom(-1, -1, 0, 1, 2, 3),
  unlinks: fc.boolean(),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('attach' as const),
      bits: fc.integer({ min: 0, max: 3 }),
      ignore: fc.constantFrom(0, 0, 1, 2, 3),
      nid: fc.integer({ min: 0, max: 5 }),
      pid: fc.integer({ min: 0, max: 3 }),
      isBefore: fc.boolean(),
      unlinksWithMd: fc.boolean(),
      md,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reattach' as const), at: fc.nat(20), md }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unlink' as const), at: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lazy' as const), isLazy: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('message' as const),
      isPut: fc.boolean(),
      bits: fc.integer({ min: 0, max: 3 }),
      from: fc.integer({ min: 0, max: 2 }),
      pid: fc.constantFrom(12345, 12345, 7),
      offset: fc.integer({ min: 0, max: 20 }),
      length: fc.integer({ min: 0, max: 20 }),
    }),
  },
);

for (const isUnique of [false, true]) {
  test(`a ${isUnique ? 'unique' : 'wildcard'} portal delivers, keeps and drops as two plain lists would`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const both = new Pair(isUnique);
        await both.start();
        for (const each of steps) {
          both.perform(each);
          both.check();
        }
        both.finish();
      }),
      { numRuns: 300 },
    );
    t.pass();
  });
}
