import type { LnetCore } from '../../../lnet/lnet-core.ts';
import { NET_TUNABLES_DEFAULT } from '../../../lnet/local-ni.ts';
import { PLAN_DEFAULT } from '../../../lnet/config/plan.ts';
import { LnetNode } from '../../../lnet/node.ts';
import type { NalFactory, NalTx } from '../../../lnet/nal.ts';
import { type Nid, parseNid } from '../../../lnet/wire/nid.ts';
import { loNal } from '../../../nals/lo/lo-nal.ts';
import type { SimNet } from '../../../nals/sim/sim-net.ts';
import type { SelftestCore } from '../rpc/rpc-context.ts';

/** What LNet holds for its users. */
export interface Held {
  readonly messages: number;
  readonly mds: number;
  readonly delayed: number;
  readonly trackers: number;
}

/** A node of the simulated network as selftest sees it, with a look at what it sends and what it holds. */
export class SimCore implements SelftestCore {
  readonly node: LnetNode;
  /** Sees every message that leaves for the network. */
  tap: (tx: NalTx) => void = () => undefined;

  private constructor(node: LnetNode) {
    this.node = node;
  }

  /** Starts a node with these NIDs; the first one names it in the network. */
  static async open(net: SimNet, ...nids: readonly [string, ...string[]]): Promise<SimCore> {
    const machine = net.node(nids[0]);
    const { clock, random } = machine;
    let opened: SimCore | undefined;
    const sim = tapped(machine.nal, (tx) => opened?.tap(tx));
    const nets = nids.map((text) => {
      const nid = parseNid(text);
      const interfaces = [{ interfaceName: text, nid }];
      return { net: nid.net, nal: 'sim', interfaces, tunables: NET_TUNABLES_DEFAULT, lndTunables: {} };
    });
    const node = await LnetNode.start({ plan: { ...PLAN_DEFAULT, nets }, nals: { lo: loNal, sim }, clock, random });
    opened = new SimCore(node);
    return opened;
  }

  get #core(): LnetCore {
    return this.node.core;
  }

  get clock() {
    return this.#core.clock;
  }

  get random() {
    return this.#core.random;
  }

  get wheel() {
    return this.#core.wheel;
  }

  get pid() {
    return this.#core.pid;
  }

  get counters() {
    return this.#core.counters;
  }

  get pool() {
    return this.#core.pool;
  }

  get locals() {
    return this.#core.locals;
  }

  get portals() {
    return this.#core.portals;
  }

  get operations() {
    return this.#core.operations;
  }

  get drops() {
    return this.#core.drops;
  }

  get failNids() {
    return this.#core.failNids;
  }

  get nid(): Nid {
    return this.node.nid as Nid;
  }

  /** What LNet holds for users now; its own ping and push targets are not in it. */
  get held(): Held {
    const { pool, portals, trackers } = this.#core;
    return { messages: pool.live, mds: portals.mdCount - 2, delayed: portals.delayedCount, trackers: trackers.live };
  }
}

/** What {@link SimCore.held} is on a node where nobody holds anything. */
export const NOTHING_HELD: Held = { messages: 0, mds: 0, delayed: 0, trackers: 0 };

/** Lets all these nodes discover each other, so that no later message waits for it. */
export async function introduce(net: SimNet, cores: readonly SimCore[]): Promise<void> {
  for (const from of cores) for (const to of cores) if (from !== to) await net.settled(from.node.discover(to.nid));
  net.advance({ us: 10_000 });
}

function tapped(factory: NalFactory, tap: (tx: NalTx) => void): NalFactory {
  return (env) => {
    const nal = factory(env);
    const openNi = nal.openNi.bind(nal);
    nal.openNi = async (options) => {
      const ni = await openNi(options);
      const send = ni.send.bind(ni);
      ni.send = (tx) => {
        tap(tx);
        return send(tx);
      };
      return ni;
    };
    return nal;
  };
}
