import type { Nid } from '../../lnet/wire/nid.ts';
import type { SimFrame } from './frame.ts';
import type { SimLink } from './link.ts';
import type { SimNode } from './sim-node.ts';

/** What listens at a NID. */
export interface SimReceiver {
  receive(frame: SimFrame): void;
  /** The device lost or regained its carrier. */
  carrierChanged(isLost: boolean): void;
  /** The node is gone: nothing is reported to anybody any more. `tellsPeers`: its kernel still resets the connections. */
  die(tellsPeers: boolean): void;
}

/** An interface of a node: outlives the NIs that are opened on it. */
export class SimPort {
  readonly node: SimNode;
  readonly nid: Nid;
  /** Open NI, or null when nothing listens. */
  receiver: SimReceiver | null = null;
  hasCarrier = true;
  /** Directions that start here, by where they end. */
  readonly links = new Map<Nid, SimLink>();

  constructor(node: SimNode, nid: Nid) {
    this.node = node;
    this.nid = nid;
  }
}
