import { PLAN_DEFAULT } from '../../lnet/config/plan.ts';
import { LNET_MD_MANAGE_REMOTE, LNET_MD_OP_GET, LNET_MD_OP_PUT, LNET_MD_TRUNCATE } from '../../lnet/index.ts';
import { NET_TUNABLES_DEFAULT } from '../../lnet/local-ni.ts';
import { LnetNode } from '../../lnet/node.ts';
import { peerState } from '../../lnet/peer/peer-state.test-support.ts';
import { seededRandom } from '../../lnet/random.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { loNal } from '../../nals/lo/lo-nal.ts';
import { settle } from '../../nals/sim/settle.ts';
import { PORT, type RawPeer, World } from '../../nals/tcp/node.test-support.ts';
import { TcpNal } from '../../nals/tcp/tcp-nal.ts';
import type { TcpNi } from '../../nals/tcp/tcp-ni.ts';
import { LAZY_PORTAL, OPEN_BITS, OPEN_BYTES, OPEN_PORTAL, SHORT_BYTES, SHORT_PORTAL } from './victim-protocol.ts';

/** Longest that the good peer may have to wait, virtual microseconds. */
const SERVED_WITHIN_US = 2_000_000;

/** A whole node, core and TCP, with a good peer, in virtual time: thousands of attacks in seconds, each of them repeatable. */
export class VirtualArena {
  readonly world: World;
  readonly node: LnetNode;
  readonly good: LnetNode;
  readonly nis: readonly TcpNi[];
  readonly #creditsAtRest: number;

  private constructor(world: World, node: LnetNode, good: LnetNode, nis: readonly TcpNi[]) {
    this.world = world;
    this.node = node;
    this.good = good;
    this.nis = nis;
    this.#creditsAtRest = this.#credits;
  }

  /** `nids`: of the node under attack. */
  static async open(name: string, nids: readonly string[], goodNid: string): Promise<VirtualArena> {
    const world = new World(name);
    const victim = await start(world, nids, 1);
    const good = await start(world, [goodNid], 2);
    serve(victim.node);
    serve(good.node);
    const arena = new VirtualArena(world, victim.node, good.node, victim.nis);
    await arena.checkServed();
    return arena;
  }

  get core(): LnetNode['core'] {
    return this.node.core;
  }

  /** Send credits of all NIs that nobody holds. */
  get #credits(): number {
    return this.core.locals.all.reduce((sum, ni) => sum + ni.credits, 0);
  }

  /** Connections that were refused or broken so far. */
  get endings(): number {
    let sum = 0;
    for (const { counters } of this.nis)
      for (const [name, count] of Object.entries(counters)) if (/^(refused|broken)_/.test(name)) sum += count;
    return sum;
  }

  connect(address: string, port: number): RawPeer {
    return this.world.connect(address, port, (this.node.nid as NonNullable<LnetNode['nid']>).addressText);
  }

  /** A ping and a PUT of the good peer, and with `both` also the other way. Throws when one fails or takes too long. */
  async checkServed(both = false): Promise<void> {
    const began = this.world.clock.now();
    await this.#serve(this.good, this.node);
    if (both) await this.#serve(this.node, this.good);
    const us = this.world.clock.now() - began;
    if (us > SERVED_WITHIN_US) throw new Error(`the good peer was served in ${us} µs`);
  }

  async #serve(from: LnetNode, to: LnetNode): Promise<void> {
    const target = to.nid as NonNullable<LnetNode['nid']>;
    const { clock } = this.world;
    await settle(clock, from.ping(target, { timeoutMs: 5000 }));
    const put = { memory: new Uint8Array(2000), target, portal: OPEN_PORTAL, matchBits: OPEN_BITS };
    const { mlength } = await settle(clock, from.put(put));
    if (mlength !== 2000) throw new Error(`${mlength} of 2000 bytes taken`);
  }

  /** Throws when something is left that only an attack can have left: after everybody but the good peer has gone. */
  checkAtRest(): void {
    const { core } = this;
    peerState(core);
    const left = {
      messages: core.pool.live,
      delayed: core.portals.delayedCount,
      discoveries: core.discovery.activeCount,
      trackers: core.trackers.live,
      credits: this.#creditsAtRest - this.#credits,
      peerCredits: Array.from(core.peers.peers(), (peer) => Array.from(peer.peerNis()))
        .flat()
        .filter((peerNi) => peerNi.credits !== peerNi.creditsMax || peerNi.queuedBytes !== 0 || peerNi.answers !== 0)
        .length,
      links: this.nis
        .flatMap(({ pairs }) => pairs)
        .filter(({ nid, conns }) => conns.length > 0 && nid !== this.good.nid && !core.locals.isOwnNid(nid)).length,
    };
    const kept = Object.entries(left).filter(([, count]) => count !== 0);
    if (kept.length > 0) throw new Error(`left over: ${kept.map(([what, count]) => `${count} ${what}`).join(', ')}`);
  }
}

async function start(
  world: World,
  nids: readonly string[],
  seed: number,
): Promise<{ readonly node: LnetNode; readonly nis: readonly TcpNi[] }> {
  let nal: TcpNal | undefined;
  const parsed = nids.map(parseNid);
  const node = await LnetNode.start({
    plan: {
      ...PLAN_DEFAULT,
      nets: parsed.map((nid) => ({
        net: nid.net,
        interfaces: [{ interfaceName: nid.addressText, nid }],
        tunables: NET_TUNABLES_DEFAULT,
        lndTunables: { timeout: 10 },
      })),
      settings: { transaction_timeout: 20, retry_count: 0 },
      accept: 'all',
      acceptPort: PORT,
    },
    nals: { lo: loNal, tcp: (env) => (nal = new TcpNal(env, world.net.host({ ownAddresses: [] }))) },
    clock: world.clock,
    random: seededRandom(seed),
  });
  return { node, nis: parsed.map((nid) => (nal as TcpNal).niOf(nid) as TcpNi) };
}

function serve(node: LnetNode): void {
  for (const [portal, bytes, options] of [
    [OPEN_PORTAL, OPEN_BYTES, LNET_MD_TRUNCATE],
    [SHORT_PORTAL, SHORT_BYTES, 0],
  ] as const) {
    const me = node.attachMe({ portal, matchBits: OPEN_BITS });
    const common = LNET_MD_OP_PUT | LNET_MD_OP_GET | LNET_MD_MANAGE_REMOTE;
    node.attachMd(me, { memory: new Uint8Array(bytes), options: common | options, handler: () => {} }, false);
  }
  node.core.portals.setLazy(LAZY_PORTAL);
}
