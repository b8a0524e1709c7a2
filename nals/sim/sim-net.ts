import { type Random, seededRandom } from '../../lnet/nal.ts';
import type { LnetHdrForm } from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { type CutRule, Partitions, type SimCut } from './cut.ts';
import type { SimFrame } from './frame.ts';
import { checkConditions, LINK_DEFAULT, type LinkConditions, SimLink } from './link.ts';
import type { SimPort } from './port.ts';
import { settle } from './settle.ts';
import { type RunBounds, SimClock } from './sim-clock.ts';
import { SimNode } from './sim-node.ts';
import { TRACE_LINES_MAX, SimTrace } from './trace.ts';

export interface SimNetOptions {
  /** Every random choice of the run follows from it. */
  readonly seed: number;
  /** Conditions of every link; absent ones: {@link LINK_DEFAULT}. */
  readonly conditions?: Partial<LinkConditions>;
  /** Header form on links between NIDs of four bytes; links with a large NID always take 16. Default 4. */
  readonly form?: LnetHdrForm;
  /** True: keeps a line for everything that happens; a number: so many lines. */
  readonly trace?: boolean | number;
}

/** A node by name, or one of its interfaces by NID. */
export type Where = string | Nid;

/** Which directions: all that leave `from` and arrive at `to` (absent: any), or both directions between two places. */
export type LinkSelector =
  | { readonly from?: Where; readonly to?: Where }
  | { readonly between: readonly [Where, Where] };

/** Something that holds messages back because of a cut and tries again when one is healed. */
export interface Stalled {
  retry(): void;
}

/**
 * A network that exists only in this process: nodes, the links between their interfaces, and everything that can go wrong
 * with them, on one virtual clock and one seed. Interfaces reach each other when they are on the same LNet net.
 */
export class SimNet {
  readonly seed: number;
  readonly clock: SimClock;
  readonly form: LnetHdrForm;
  readonly trace: SimTrace | undefined;
  readonly #dice: Random;
  readonly #conditions: LinkConditions;
  readonly #shapes: { readonly selector: LinkSelector; readonly conditions: Partial<LinkConditions> }[] = [];
  readonly #partitions = new Partitions();
  readonly #nodes = new Map<string, SimNode>();
  readonly #ports = new Map<Nid, SimPort>();
  readonly #stalled = new Set<Stalled>();
  #connIds = 0;
  /** What the dice and full queues did, over all links. */
  readonly counts = {
    carried: 0,
    lost: 0,
    overflowed: 0,
    tooLong: 0,
    duplicated: 0,
    corrupted: 0,
    reordered: 0,
    cut: 0,
  };

  constructor(options: SimNetOptions) {
    checkConditions(options.conditions ?? {});
    this.seed = options.seed;
    this.clock = new SimClock(`seed ${options.seed}`);
    this.form = options.form ?? 4;
    this.trace = options.trace ? new SimTrace(options.trace === true ? TRACE_LINES_MAX : options.trace) : undefined;
    this.#dice = seededRandom(options.seed);
    this.#conditions = { ...LINK_DEFAULT, ...options.conditions };
  }

  /** The node of that name, made when it is new. */
  node(name: string): SimNode {
    let node = this.#nodes.get(name);
    if (!node) {
      node = new SimNode(this, name, seededRandom(this.#dice.u32()));
      this.#nodes.set(name, node);
    }
    return node;
  }

  get nodes(): IterableIterator<SimNode> {
    return this.#nodes.values();
  }

  /** Changes conditions of the selected directions, now and for links to come; the latest change wins. */
  shape(selector: LinkSelector, conditions: Partial<LinkConditions>): void {
    checkConditions(conditions);
    this.#shapes.push({ selector, conditions });
    for (const port of this.#ports.values())
      for (const [to, link] of port.links) link.conditions = this.#conditionsOf(port, this.#ports.get(to) as SimPort);
  }

  /** Stops everything between the pairs for which the rule holds, until healed: each direction is asked for by itself. */
  cut(rule: CutRule): SimCut {
    const cut = this.#partitions.add(rule, () => this.retryStalled());
    this.note('cut');
    return cut;
  }

  /** Splits nodes into groups that cannot reach each other. Who is in no group reaches everybody. */
  partition(...groups: readonly (readonly Where[])[]): SimCut {
    const groupOf = (port: SimPort): number => groups.findIndex((group) => group.some((where) => isAt(port, where)));
    return this.cut((from, to) => {
      const a = groupOf(from);
      const b = groupOf(to);
      return a >= 0 && b >= 0 && a !== b;
    });
  }

  /** Cuts a node or an interface off from all others. */
  isolate(where: Where): SimCut {
    return this.cut((from, to) => isAt(from, where) !== isAt(to, where));
  }

  /** Moves virtual time on. */
  advance(span: { readonly us: number; readonly events?: number }): void {
    this.clock.advance(span);
  }

  /** Runs until nothing is to come any more: {@link SimClock.runUntilIdle}. */
  runUntilIdle(bounds?: RunBounds): void {
    this.clock.runUntilIdle(bounds);
  }

  /** Runs until the condition holds: {@link SimClock.runUntil}. */
  runUntil(condition: () => boolean, what: string, bounds?: RunBounds): void {
    this.clock.runUntil(condition, what, bounds);
  }

  /** Moves time on until the promise is settled, and gives its value: {@link settle}. */
  settled<T>(promise: Promise<T>, bounds?: { readonly us?: number }): Promise<T> {
    return settle(this.clock, promise, bounds);
  }

  /** Uniform integer of 0..`bound`-1 from the run's seed. */
  draw(bound: number): number {
    return this.#dice.below(bound);
  }

  /** A number that no other connection of this network has. */
  newConnId(): number {
    return ++this.#connIds;
  }

  portOf(nid: Nid): SimPort | undefined {
    return this.#ports.get(nid);
  }

  addPort(port: SimPort): void {
    this.#ports.set(port.nid, port);
  }

  isCut(from: SimPort, to: SimPort): boolean {
    if (from === to) return false;
    return !from.hasCarrier || !to.hasCarrier || this.#partitions.isCut(from, to);
  }

  /** A transport waits for a cut to heal. */
  stall(stalled: Stalled): void {
    this.#stalled.add(stalled);
  }

  unstall(stalled: Stalled): void {
    this.#stalled.delete(stalled);
  }

  /** Something was healed: whoever waits for it tries again. */
  retryStalled(): void {
    this.note('heal');
    const waiting = [...this.#stalled];
    this.#stalled.clear();
    for (const stalled of waiting) stalled.retry();
  }

  note(text: string): void {
    this.trace?.add(this.clock.now(), text);
  }

  #noteFrame(frame: SimFrame, what: string): void {
    this.trace?.add(this.clock.now(), `${frame.from.nid} → ${frame.to} ${frame.describe()}: ${what}`);
  }

  /** Puts a frame on its way. */
  send(frame: SimFrame): void {
    const port = this.#ports.get(frame.to);
    frame.isRead = false;
    frame.isLost = false;
    frame.isCorrupt = false;
    if (port) {
      this.#carry(frame, this.#linkOf(frame.from, port));
      return;
    }
    frame.lastByteAt = this.clock.now() + this.#conditions.latencyUs;
    this.clock.schedule(frame, frame.lastByteAt);
  }

  /** Takes a frame back that has not landed: none of its outcomes is called. */
  recall(frame: SimFrame): void {
    this.clock.unschedule(frame);
    this.#ports.get(frame.to)?.node.forget(frame);
  }

  #carry(frame: SimFrame, link: SimLink): void {
    const conditions = link.conditions;
    const now = this.clock.now();
    if (link.waitingBytes(now) > conditions.queueBytes) {
      this.counts.overflowed++;
      frame.isLost = true;
    } else if (frame.isDatagram && frame.bytes > conditions.mtuBytes) {
      this.counts.tooLong++;
      frame.isLost = true;
    }
    const enters = Math.max(now, link.freeAt);
    if (!frame.isLost) link.freeAt = enters + link.serialUs(frame.bytes);
    const delay = conditions.latencyUs + this.#dieUs(conditions.jitterUs);
    let headAt = wholeUs(enters + link.serialUs(frame.headBytes) + delay);
    let lastByteAt = wholeUs(enters + link.serialUs(frame.bytes) + delay);
    if (frame.isExposed && !frame.isLost) this.#rollFate(frame, conditions);
    if (frame.isExposed && this.#roll(conditions.reorder)) {
      this.counts.reordered++;
      const heldUs = 1 + this.#dieUs(Math.max(conditions.reorderUs - 1, 0));
      headAt += heldUs;
      lastByteAt += heldUs;
    } else {
      headAt = Math.max(headAt, link.lastArrivalAt);
      lastByteAt = Math.max(lastByteAt, headAt);
      link.lastArrivalAt = lastByteAt;
    }
    frame.lastByteAt = lastByteAt;
    this.clock.schedule(frame, headAt);
    if (this.trace) this.#noteFrame(frame, 'leaves');
    if (!frame.isExposed || frame.isLost || !this.#roll(conditions.duplicate)) return;
    const copy = frame.duplicate();
    if (!copy) return;
    this.counts.duplicated++;
    copy.isRead = false;
    copy.lastByteAt = lastByteAt + conditions.latencyUs;
    this.clock.schedule(copy, copy.lastByteAt);
  }

  #rollFate(frame: SimFrame, conditions: LinkConditions): void {
    if (this.#roll(conditions.loss)) {
      this.counts.lost++;
      frame.isLost = true;
    } else if (this.#roll(conditions.corrupt)) {
      this.counts.corrupted++;
      frame.isCorrupt = true;
    }
  }

  /** The head of a frame has come to the end of its way. Called by the frame's own event. */
  arrive(frame: SimFrame): void {
    const port = this.#ports.get(frame.to);
    if (!port) return this.#end(frame, 'unreachable', () => frame.unreachable());
    if (this.isCut(frame.from, port) || !port.node.hasPower) {
      this.counts.cut++;
      return this.#end(frame, 'blocked', () => frame.blocked());
    }
    if (frame.isLost) return this.#end(frame, 'lost', () => frame.vanished());
    if (!port.receiver) return this.#end(frame, 'refused', () => frame.refused());
    if (!frame.isRead && port.node.delaysReading(frame)) return;
    this.counts.carried++;
    if (this.trace) this.#noteFrame(frame, 'arrives');
    frame.landed(port);
  }

  #end(frame: SimFrame, what: string, outcome: () => void): void {
    if (this.trace) this.#noteFrame(frame, what);
    outcome();
  }

  #linkOf(from: SimPort, to: SimPort): SimLink {
    let link = from.links.get(to.nid);
    if (!link) {
      link = new SimLink(this.#conditionsOf(from, to));
      from.links.set(to.nid, link);
    }
    return link;
  }

  /** The link's conditions with every change that selects it. */
  #conditionsOf(from: SimPort, to: SimPort): LinkConditions {
    let conditions = this.#conditions;
    for (const shape of this.#shapes)
      if (selects(shape.selector, from, to)) conditions = { ...conditions, ...shape.conditions };
    return conditions;
  }

  #roll(probability: number): boolean {
    return probability > 0 && this.#dice.u32() < probability * 0x1_0000_0000;
  }

  #dieUs(maxUs: number): number {
    return maxUs === 0 ? 0 : this.#dice.below(maxUs + 1);
  }
}

/** The microsecond in which something is complete; sums of fractions that miss a whole number by a hair count as whole. */
function wholeUs(us: number): number {
  return Math.ceil(us - 0.001);
}

function isAt(port: SimPort, where: Where): boolean {
  return port.nid === where || port.node.name === where || String(port.nid) === where;
}

function selects(selector: LinkSelector, from: SimPort, to: SimPort): boolean {
  if ('between' in selector) {
    const [a, b] = selector.between;
    return (isAt(from, a) && isAt(to, b)) || (isAt(from, b) && isAt(to, a));
  }
  if (selector.from !== undefined && !isAt(from, selector.from)) return false;
  return selector.to === undefined || isAt(to, selector.to);
}
