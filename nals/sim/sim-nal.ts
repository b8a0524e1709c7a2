import {
  EADDRINUSE,
  LnetError,
  type Nal,
  type NalCaps,
  type NalEnv,
  type NalNi,
  type NalNiOptions,
} from '../../lnet/nal.ts';
import { SIM_CAPS, SIM_COUNTERS, SIM_TUNABLES, unknownTunable } from './declaration.ts';
import { SimNi } from './sim-ni.ts';
import type { SimNode } from './sim-node.ts';

/** The NAL of one program on a simulated node. Its NIs may have any NID that no other node of the network has. */
export class SimNal implements Nal {
  readonly name = 'sim';
  readonly caps: NalCaps = SIM_CAPS;
  readonly tunables = SIM_TUNABLES;
  readonly counterNames = SIM_COUNTERS;
  readonly description = 'simulated network in virtual time';
  readonly node: SimNode;
  readonly env: NalEnv;

  constructor(node: SimNode, env: NalEnv) {
    this.node = node;
    this.env = env;
  }

  async openNi(options: NalNiOptions): Promise<NalNi> {
    const port = this.node.portOf(options.nid);
    if (!port || port.receiver) {
      throw new LnetError('ERR_LNET_LISTEN', {
        errno: -EADDRINUSE,
        message: `${options.nid} is in use${port ? '' : ' by another node'} in this simulated network`,
        nids: [String(options.nid)],
      });
    }
    for (const name of Object.keys(options.tunables))
      if (!SIM_TUNABLES.some((tunable) => tunable.name === name)) throw unknownTunable(name);
    const ni = new SimNi(this, port, options);
    port.receiver = ni;
    return ni;
  }
}
