import type { Instant } from '../../lnet/nal.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { SimEvent } from './event-queue.ts';
import type { SimNet } from './sim-net.ts';
import type { SimPort } from './port.ts';

/** What one transport hands to the network. The network calls exactly one of the five outcomes for each {@link SimNet.send}. */
export abstract class SimFrame extends SimEvent {
  readonly net: SimNet;
  readonly from: SimPort;
  to!: Nid;
  /** Length on the wire, and how many of the first bytes the receiver needs before it can act. */
  bytes = 0;
  headBytes = 0;
  /** When the last byte arrives; the head's arrival is the event itself. Set by the network. */
  lastByteAt: Instant = 0;
  /** False for a transport's own handshake: the dice of loss, duplication, corruption and reordering spare it. */
  isExposed = false;
  /** True for a datagram: must fit the MTU of its link. */
  isDatagram = false;
  /** One bit arrives flipped. Set by the network. */
  isCorrupt = false;
  /** Will vanish. Set by the network. */
  isLost = false;
  /** The slow reader at the other end has got round to it. Set by the network. */
  isRead = false;

  constructor(net: SimNet, from: SimPort) {
    super();
    this.net = net;
    this.from = from;
  }

  fire(): void {
    this.net.arrive(this);
  }

  /** The head is here. */
  abstract landed(port: SimPort): void;
  /** The path is cut, or the node at its end is without power: nobody answers. */
  abstract blocked(): void;
  /** The node is there, and nothing listens at that NID. */
  abstract refused(): void;
  /** No node ever had that NID. */
  abstract unreachable(): void;
  /** Lost by the dice or by a full queue. */
  abstract vanished(): void;
  /** A second copy to be delivered, or undefined when this transport takes none. */
  abstract duplicate(): SimFrame | undefined;
  /** For the trace: `PUT 128`. */
  abstract describe(): string;

  get label(): string {
    return `${this.describe().split(' ', 1)[0]} ${this.from.nid} → ${this.to}`;
  }
}
