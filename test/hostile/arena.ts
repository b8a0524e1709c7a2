import type { ExecutionContext } from 'ava';
import { freePort } from '../../bench/harness/free-port.ts';
import { createNode, type LnetNode } from '../../index.ts';
import { type Place, RawPeer } from './raw-peer.ts';
import { OPEN_BITS, OPEN_PORTAL, type VictimState } from './victim-protocol.ts';
import { TABLES, VictimProcess } from './victim-process.ts';

/** Longest that a good peer may have to wait for a ping and two PUTs while an attack goes on, ms. */
const SERVED_WITHIN_MS = 5_000;

/** What an attack may leave behind in memory: caches of the runtime, pools that stay. */
const GROWTH_BYTES_MAX = 8 << 20;

/** Between two requests of the good peer, ms: it is there to see, not to load. */
const BREATH_MS = 20;

const KIB_256 = 256 << 10;

/** A node under attack, a good peer of it, and addresses to attack from. */
export class Arena {
  readonly victim: VictimProcess;
  readonly place: Place;
  readonly nid: string;
  readonly #block: string;
  readonly #honest: LnetNode;
  readonly #peers: RawPeer[] = [];
  #addresses = 10;
  #strangers = 200;

  private constructor(victim: VictimProcess, place: Place, block: string, honest: LnetNode) {
    this.victim = victim;
    this.place = place;
    this.nid = `${place.address}@tcp`;
    this.#block = block;
    this.#honest = honest;
  }

  /** `block`: the third octet of all addresses, one per test file. */
  static async open(block: number): Promise<Arena> {
    const network = `127.0.${block}`;
    const address = `${network}.1`;
    const port = await freePort([address]);
    const victim = await VictimProcess.start(address, port);
    const honest = await goodPeer(`${network}.2`, port);
    const arena = new Arena(victim, { address, port }, network, honest);
    await arena.serve();
    return arena;
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.close();
    await this.#honest.close();
    await this.victim.stop();
  }

  get goodNid(): string {
    return String(this.#honest.nid);
  }

  /** An address that nobody attacks from yet. */
  nextAddress(): string {
    return `${this.#block}.${++this.#addresses}`;
  }

  async connect(from: Place | string = this.nextAddress()): Promise<RawPeer> {
    const peer = await RawPeer.connect(from, this.place);
    this.#peers.push(peer);
    return peer;
  }

  /** A peer whose handshake is over. */
  async peer(from?: Place | string, type?: number): Promise<RawPeer> {
    return await (await this.connect(from)).greet(this.nid, type);
  }

  /** What the good peer asks of the node; gives the milliseconds that it took. */
  serve(): Promise<number> {
    return serve(this.#honest, this.nid);
  }

  /** The same for a good peer that has no connection yet. */
  async serveStranger(): Promise<number> {
    const stranger = await goodPeer(`${this.#block}.${++this.#strangers}`, this.place.port);
    try {
      return await serve(stranger, this.nid);
    } finally {
      await stranger.close();
    }
  }

  /**
   * Runs an attack. Meanwhile the good peer must be served, again and again; afterwards nothing may be left open, and no
   * memory lost. Gives what the node has counted.
   */
  async withstand(t: ExecutionContext, attack: () => Promise<number>): Promise<Tally> {
    const before = await this.victim.look();
    const progress = { isOver: false };
    const inputs = attack().finally(() => {
      progress.isOver = true;
    });
    // Whatever becomes of it is looked at below.
    inputs.catch(() => {});
    const waits: number[] = [await this.serve()];
    while (!progress.isOver) {
      await new Promise((resolve) => setTimeout(resolve, BREATH_MS));
      waits.push(await this.serve());
    }
    const tried = await inputs;
    const after = await this.victim.settled(before);
    const slowest = Math.max(...waits);
    const growth = after.bytes - before.bytes;
    t.log(`${tried} inputs tried; good peer served ${waits.length} times, within ${slowest.toFixed(0)} ms`);
    t.true(slowest < SERVED_WITHIN_MS, `a good peer had to wait ${slowest} ms`);
    t.true(growth < GROWTH_BYTES_MAX, `${growth} bytes more than before`);
    for (const table of TABLES)
      t.true(after[table] <= before[table], `${after[table]} ${table}, before ${before[table]}`);
    return new Tally(before, after);
  }
}

/** What was counted between two looks. */
export class Tally {
  readonly #before: VictimState;
  readonly #after: VictimState;

  constructor(before: VictimState, after: VictimState) {
    this.#before = before;
    this.#after = after;
  }

  drop(reason: string): number {
    return difference(this.#before.drops, this.#after.drops, reason);
  }

  tcp(counter: string): number {
    return difference(this.#before.tcp, this.#after.tcp, counter);
  }

  incoming(counter: string): number {
    return difference(this.#before.incoming, this.#after.incoming, counter);
  }

  get failures(): number {
    return this.#after.failures - this.#before.failures;
  }

  get logLines(): number {
    return this.#after.logLines - this.#before.logLines;
  }

  get peerNis(): number {
    return this.#after.peerNis;
  }

  /** Connections that were refused or broken, by reason. */
  get endings(): Readonly<Record<string, number>> {
    const reasons = Object.keys(this.#after.tcp).filter((name) => /^(refused|broken|dial)_/.test(name));
    return Object.fromEntries(reasons.map((name) => [name, this.tcp(name)]).filter(([, count]) => count !== 0));
  }

  /** Messages that were dropped or refused, by reason. */
  get dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      Object.keys(this.#after.drops)
        .map((name) => [name, this.drop(name)] as const)
        .filter(([, count]) => count !== 0),
    );
  }
}

function difference(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  name: string,
): number {
  const value = after[name];
  if (value === undefined) throw new Error(`nothing is called ${name}`);
  return value - (before[name] ?? 0);
}

function goodPeer(address: string, acceptPort: number): Promise<LnetNode> {
  return createNode({ nets: { tcp: address }, accept: 'all', acceptPort });
}

async function serve(node: LnetNode, target: string): Promise<number> {
  const began = performance.now();
  await node.ping(target, { timeoutMs: SERVED_WITHIN_MS });
  for (const bytes of [100, KIB_256]) {
    const { mlength } = await node.put({
      memory: new Uint8Array(bytes),
      target,
      portal: OPEN_PORTAL,
      matchBits: OPEN_BITS,
      signal: AbortSignal.timeout(SERVED_WITHIN_MS),
    });
    if (mlength !== bytes) throw new Error(`${mlength} of ${bytes} bytes taken`);
  }
  return performance.now() - began;
}
