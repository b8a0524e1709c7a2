import type { Nid } from '../../lnet/wire/nid.ts';
import { SimFrame } from './frame.ts';
import type { SimPort, SimReceiver } from './port.ts';
import type { SimNet } from './sim-net.ts';

/** Receives what comes. The bytes are the receiver's own. */
export type OnDatagram = (bytes: Uint8Array, from: Nid) => void;

/**
 * Datagrams over the simulated network, for transports that recover losses themselves: each is lost, doubled, overtaken,
 * damaged and bounded by the link's MTU as the conditions say, and nobody is told. A cut, a crashed node and a NID at which
 * nothing listens swallow them.
 */
export class SimDatagramSocket implements SimReceiver {
  readonly #net: SimNet;
  readonly #port: SimPort;
  readonly #onDatagram: OnDatagram;

  /** Listens at the NID of an interface of the node. Throws when another node has it or something listens there. */
  constructor(port: SimPort, onDatagram: OnDatagram) {
    if (port.receiver) throw new Error(`${port.nid} is in use`);
    this.#net = port.node.net;
    this.#port = port;
    this.#onDatagram = onDatagram;
    port.receiver = this;
  }

  /** Sends the fragments as one datagram. They are free again on return. */
  send(fragments: readonly Uint8Array[], to: Nid): void {
    if (this.#port.receiver !== this) return;
    this.#net.send(new Datagram(this.#net, this.#port, to, Buffer.concat(fragments)));
  }

  close(): void {
    if (this.#port.receiver === this) this.#port.receiver = null;
  }

  receive(frame: SimFrame): void {
    if (frame instanceof Datagram) this.#onDatagram(frame.takeBytes(), frame.from.nid);
  }

  carrierChanged(): void {}

  die(): void {}
}

class Datagram extends SimFrame {
  readonly #bytes: Uint8Array;
  override readonly isExposed = true;
  override readonly isDatagram = true;

  constructor(net: SimNet, from: SimPort, to: Nid, bytes: Uint8Array) {
    super(net, from);
    this.to = to;
    this.#bytes = bytes;
    this.bytes = bytes.length;
    this.headBytes = bytes.length;
  }

  /** The bytes as they arrive: one bit flipped when it was damaged. */
  takeBytes(): Uint8Array {
    if (this.isCorrupt && this.bytes > 0) {
      const bit = this.net.draw(this.bytes * 8);
      this.#bytes[bit >> 3] = (this.#bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    }
    return this.#bytes;
  }

  landed(port: SimPort): void {
    port.receiver?.receive(this);
  }

  blocked(): void {}
  refused(): void {}
  unreachable(): void {}
  vanished(): void {}

  duplicate(): Datagram {
    return new Datagram(this.net, this.from, this.to, Buffer.from(this.#bytes));
  }

  describe(): string {
    return `datagram ${this.bytes}`;
  }
}
