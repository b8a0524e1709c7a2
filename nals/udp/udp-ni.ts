import {
  type Clock,
  EHOSTUNREACH,
  EIO,
  EINVAL,
  ESHUTDOWN,
  type NalNi,
  type NalNiOptions,
  type NalTx,
  type NalUpcalls,
  type Timer,
  type TimerWheel,
  US_PER_S,
} from '../../lnet/nal.ts';
import { LNET_MTU } from '../../lnet/wire/lnet-hdr.ts';
import { compareNids, type Nid, nidOfText } from '../../lnet/wire/nid.ts';
import { LNET_PID_USERFLAG } from '../../lnet/wire/process-id.ts';
import { newUdpCounters, type UdpCounters } from './counters.ts';
import { type Endpoint, withoutZone } from './endpoint.ts';
import { isSameId, type Opening, type ReceivedOpening } from './handshake.ts';
import type { HeldBudget } from './held-pieces.ts';
import { Link, type LinkOwner } from './link.ts';
import type { PacketWriter } from './packet-writer.ts';
import type { UdpNal } from './udp-nal.ts';
import { changeTunable, openTunables, type UdpTunables } from './tunables.ts';
import { REFUSE_BUSY, REFUSE_NOT_ACCEPTING } from './wire.ts';

/** Headers of IP and UDP. */
const IPV4_OVERHEAD_BYTES = 28;
const IPV6_OVERHEAD_BYTES = 48;

/** Source ports below this need a privilege: `accept: secure`. */
const FIRST_UNPRIVILEGED_PORT = 1_024;

/** How often the NI's address is looked for on the machine's interfaces, microseconds. */
const ADDRESS_CHECK_US = 5 * US_PER_S;

/** One NI on UDP: its links, one per peer. */
export class UdpNi implements NalNi, LinkOwner, HeldBudget {
  readonly nid: Nid;
  readonly interfaceName: string;
  readonly nal: UdpNal;
  readonly tunables: UdpTunables;
  readonly counters: UdpCounters = newUdpCounters();
  readonly interfaceBytes: number;
  /** Differs after every restart: socklnd §2.6. */
  readonly incarnation: bigint;
  heldBytes = 0;
  readonly #endpoint: Endpoint;
  readonly #accept: NalNiOptions['accept'];
  readonly #port: number;
  readonly #links = new Map<Nid, Link>();
  /** Accepted and not yet heard from. */
  readonly #halfOpen = new Set<Link>();
  readonly #addressCheck: Timer;
  #isAddressLost = false;
  #isOpen = true;

  constructor(nal: UdpNal, endpoint: Endpoint, options: NalNiOptions) {
    this.nal = nal;
    this.#endpoint = endpoint;
    this.nid = options.nid;
    this.interfaceName = options.interfaceName;
    this.#accept = options.accept;
    this.#port = options.acceptPort;
    this.tunables = openTunables(options.tunables);
    const { env, host } = endpoint.context;
    this.incarnation = env.clock.wallNs();
    const overhead = options.nid.isLarge ? IPV6_OVERHEAD_BYTES : IPV4_OVERHEAD_BYTES;
    this.interfaceBytes = host.mtuOf(options.nid.addressText) - overhead;
    this.#addressCheck = endpoint.context.wheel.timer(() => this.#checkAddress());
    this.#addressCheck.set(env.clock.now() + ADDRESS_CHECK_US);
  }

  get budget(): HeldBudget {
    return this;
  }

  get ni(): NalNi {
    return this;
  }

  get timeoutUs(): number {
    return this.tunables.timeout * US_PER_S;
  }

  get heldBytesMax(): number {
    return this.tunables.held_kb * 1024;
  }

  get upcalls(): NalUpcalls {
    return this.#endpoint.context.env.upcalls;
  }

  get clock(): Clock {
    return this.#endpoint.context.env.clock;
  }

  get wheel(): TimerWheel {
    return this.#endpoint.context.wheel;
  }

  get writer(): PacketWriter {
    return this.#endpoint.writer;
  }

  get isBlocked(): boolean {
    return this.#endpoint.isBlocked;
  }

  get links(): readonly Link[] {
    return [...this.#links.values()];
  }

  send(tx: NalTx): number {
    if (!this.#isOpen) return -ESHUTDOWN;
    const to = tx.nextHop;
    if (to.isAny || to.net !== this.nid.net) return -EHOSTUNREACH;
    if (tx.hdr.payloadLength > LNET_MTU) return -EINVAL;
    let link = this.#links.get(to);
    if (!link) {
      // Nobody listens at such a process: socklnd §11.
      if ((tx.nextHopPid & LNET_PID_USERFLAG) !== 0) return -EIO;
      link = this.#newLink(to, this.#port);
      if (to === this.nid) link.openToSelf(this.openingFor(link));
      else link.dial();
    }
    link.send(tx);
    return 0;
  }

  setTunable(name: string, value: number): void {
    changeTunable(this.tunables, name, value);
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#addressCheck.clear();
    for (const link of this.links) link.end('closed_by_us');
    await this.nal.niClosed(this, this.#endpoint);
  }

  /** The link whose peer has this address. */
  linkAt(address: string): Link | undefined {
    const nid = nidOfText(this.nid.net, withoutZone(address));
    return nid && this.#links.get(nid);
  }

  #newLink(peer: Nid, port: number): Link {
    const link = new Link(this, peer, this.#endpoint.newId(), port);
    this.#links.set(peer, link);
    this.#endpoint.register(link);
    return link;
  }

  /** Somebody dials this NI: udp §5. */
  receivedInit(opening: ReceivedOpening, bytes: number, address: string, port: number): void {
    const peer = opening.srcNid;
    if (peer === this.nid || nidOfText(this.nid.net, withoutZone(address)) !== peer) {
      this.counters.refused_address++;
      return;
    }
    if (this.#accept === 'none') {
      this.counters.refused_not_accepting++;
      this.#endpoint.refuse(opening.idBytes, REFUSE_NOT_ACCEPTING, address, port, this.counters);
      return;
    }
    if (this.#accept === 'secure' && port >= FIRST_UNPRIVILEGED_PORT) {
      this.counters.refused_insecure_port++;
      this.#endpoint.refuse(opening.idBytes, REFUSE_NOT_ACCEPTING, address, port, this.counters);
      return;
    }
    const known = this.#links.get(peer);
    if (known?.state === 'dialling' && compareNids(peer, this.nid) < 0) {
      this.counters.refused_race++;
      return;
    }
    const isSame = known !== undefined && isSameId(known.peerId, opening.ownId);
    if (isSame && known.peerIncarnation === opening.incarnation) {
      known.acceptAgain(bytes);
      return;
    }
    const isProven = this.#isProven(opening, address, port);
    // What harms a link that stands, or comes when many are half open, must not be a forgery.
    if (!isProven && (known || this.#halfOpen.size >= this.tunables.half_open_max)) {
      this.#endpoint.retry({ address, port, connId: opening.idBytes }, this.counters);
      return;
    }
    if (!known && this.#links.size >= this.tunables.links_max) {
      this.counters.refused_link_limit++;
      this.#endpoint.refuse(opening.idBytes, REFUSE_BUSY, address, port, this.counters);
      return;
    }
    this.#accepted(opening, known, isProven, bytes, port);
  }

  #isProven(opening: ReceivedOpening, address: string, port: number): boolean {
    if (opening.token.length === 0) return false;
    const isGood = this.#endpoint.isTokenGood(opening.token, { address, port, connId: opening.idBytes });
    if (!isGood) this.counters.refused_bad_token++;
    return isGood;
  }

  #accepted(opening: ReceivedOpening, known: Link | undefined, isProven: boolean, bytes: number, port: number): void {
    if (known?.state === 'dialling') {
      known.accept(opening, port, isProven, bytes);
      return;
    }
    // Takes its place first, so that what the core sends when it learns of the end goes out on it.
    const link = this.#newLink(opening.srcNid, port);
    if (!isProven) this.#halfOpen.add(link);
    link.accept(opening, port, isProven, bytes);
    known?.end(known.peerIncarnation === opening.incarnation ? 'broken_redialled' : 'broken_restarted');
  }

  // LinkOwner

  openingFor(link: Link): Opening {
    return {
      ownId: link.ownId,
      srcNid: this.nid,
      dstNid: link.peerNid,
      incarnation: this.incarnation,
      window: this.tunables.window_kb * 1024,
      pid: this.#endpoint.context.env.pid,
      datagramBytesMax: this.tunables.datagram_max,
      ackDelayMaxMs: this.tunables.ack_delay_ms,
    };
  }

  atTurnEnd(link: Link): void {
    this.#endpoint.atTurnEnd(link);
  }

  awaitDrain(link: Link): void {
    this.#endpoint.awaitDrain(link);
  }

  transmit(link: Link, segments: readonly Uint8Array[], bytes: number): void {
    this.#endpoint.send(segments, bytes, link.address, link.port, this.counters);
  }

  proven(link: Link): void {
    this.#halfOpen.delete(link);
  }

  doubt(link: Link): void {
    this.#endpoint.doubt(link, this.nid.addressText);
  }

  forget(link: Link): void {
    this.#halfOpen.delete(link);
    this.#endpoint.unregister(link);
    if (this.#links.get(link.peerNid) === link) this.#links.delete(link.peerNid);
  }

  reportDown(link: Link): void {
    if (!this.#isOpen || this.#links.has(link.peerNid)) return;
    this.counters.peers_lost++;
    this.upcalls.peerDown(this, link.peerNid);
  }

  #checkAddress(): void {
    const { host } = this.#endpoint.context;
    this.#addressCheck.set(this.clock.now() + ADDRESS_CHECK_US);
    const isLost = !host.hasAddress(this.nid.addressText);
    if (isLost === this.#isAddressLost) return;
    this.#isAddressLost = isLost;
    this.upcalls.linkFatal(this, isLost);
  }
}
