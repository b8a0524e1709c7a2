/** Nodes of this NAL in the hands of a test. */
import { type NalEnv, type NalUpcalls, seededRandom } from '../../lnet/nal.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { Recorder } from '../compliance/recorder.ts';
import { SimClock } from '../sim/sim-clock.ts';
import type { Link } from './link.ts';
import { UdpNal } from './udp-nal.ts';
import type { UdpNi } from './udp-ni.ts';
import { type Conditions, VirtualUdp, type VirtualUdpHost } from './virtual-udp.test-support.ts';

/** Below 1024, so that `accept: secure` takes what comes from there. */
export const PORT = 988;

export function envOf(clock: NalEnv['clock'], upcalls: NalUpcalls): NalEnv {
  return { clock, random: seededRandom(1), upcalls, pid: 12345, log: () => {} };
}

/** Lets pending promises run. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** A NAL with one NI, and the core that records what it says. */
export interface TestNode {
  readonly ni: UdpNi;
  readonly core: Recorder;
  readonly host: VirtualUdpHost;
  readonly address: string;
  /** Its only link. */
  readonly link: Link;
}

export interface NodeChoices {
  readonly accept?: 'secure' | 'all' | 'none';
  readonly mtu?: number;
  readonly tunables?: Readonly<Record<string, number>>;
}

/** A virtual network with real NALs on it. */
export class World {
  readonly clock: SimClock;
  readonly net: VirtualUdp;

  constructor(options: { readonly seed: number } & Partial<Conditions>) {
    this.clock = new SimClock(`udp, seed ${options.seed}`);
    this.net = new VirtualUdp(this.clock, options);
  }

  async node(nid: string, choices: NodeChoices = {}): Promise<TestNode> {
    const host = this.net.host(choices.mtu === undefined ? {} : { mtu: choices.mtu });
    const core = new Recorder(nid);
    const parsed = parseNid(nid);
    const ni = (await new UdpNal(envOf(this.clock, core), host).openNi({
      nid: parsed,
      interfaceName: 'eth0',
      accept: choices.accept ?? 'all',
      acceptPort: PORT,
      tunables: choices.tunables ?? {},
    })) as UdpNi;
    core.attach(ni);
    return {
      ni,
      core,
      host,
      address: parsed.addressText,
      get link() {
        return ni.links[0] as Link;
      },
    };
  }

  ms(ms: number): void {
    this.clock.advance({ us: Math.round(ms * 1_000) });
  }

  until(condition: () => boolean, what: string): void {
    this.clock.runUntil(condition, what);
  }
}
