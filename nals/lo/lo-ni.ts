import {
  copyIov,
  EINVAL,
  EIO,
  ESHUTDOWN,
  errnoName,
  HEALTH_LOCAL_ERROR,
  HEALTH_OK,
  LnetError,
  type Nal,
  type NalEnv,
  type NalNi,
  type NalNiOptions,
  type NalTx,
  RX_WAIT,
} from '../../lnet/nal.ts';
import { LNET_MSG_GET } from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { LoRx } from './lo-rx.ts';

/** The one NI of the loopback driver. A message is delivered within the call that sends it. */
export class LoNi implements NalNi {
  readonly nid: Nid;
  readonly interfaceName: string;
  readonly nal: Nal;
  readonly tunables = {};
  readonly counters = { messages: 0 };
  /** Nothing of it can time out. */
  readonly timeoutUs = 0;
  readonly #env: NalEnv;
  readonly #free: LoRx[] = [];
  /** Arrivals that wait for the core's answer. */
  readonly #waiting = new Set<LoRx>();
  #isClosed = false;

  constructor(nal: Nal, env: NalEnv, options: NalNiOptions) {
    this.nal = nal;
    this.#env = env;
    this.nid = options.nid;
    this.interfaceName = options.interfaceName;
  }

  send(tx: NalTx): number {
    if (this.#isClosed) return -ESHUTDOWN;
    this.counters.messages++;
    const rx = this.#free.pop() ?? new LoRx(this, this.#env.pid, (waited) => this.#resumed(waited));
    tx.hdr.encode(rx.view, 0, 4);
    rx.tx = tx;
    const verdict = this.#env.upcalls.arrived(rx);
    if (verdict < 0) {
      this.#release(rx);
      return verdict;
    }
    if (verdict === RX_WAIT) this.#waiting.add(rx);
    else this.#transfer(rx, tx);
    return 0;
  }

  #resumed(rx: LoRx): void {
    if (this.#waiting.delete(rx)) this.#transfer(rx, rx.tx as NalTx);
  }

  /**
   * Moves the payload: the single copy is the transfer itself. The order of the two reports makes the order of events that
   * lnet-semantics §6 asks for: a GET is sent before it is answered, anything else has arrived before it counts as sent.
   */
  #transfer(rx: LoRx, tx: NalTx): void {
    const { upcalls } = this.#env;
    if (tx.hdr.type === LNET_MSG_GET) {
      upcalls.sent(tx, 0, HEALTH_OK);
      upcalls.placed(rx, 0);
    } else {
      if (rx.wantedBytes > 0) copyIov(tx.payload, tx.payloadOffset, rx.wantedBytes, rx.iov, rx.iovOffset);
      upcalls.placed(rx, 0);
      upcalls.sent(tx, 0, HEALTH_OK);
    }
    this.#release(rx);
  }

  #release(rx: LoRx): void {
    rx.reset();
    this.#free.push(rx);
  }

  setTunable(name: string): void {
    throw new LnetError('ERR_LNET_BAD_ARGUMENT', {
      errno: -EINVAL,
      message: `${errnoName(EINVAL)}: the loopback has no tunable '${name}'`,
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const rx of this.#waiting) {
      this.#waiting.delete(rx);
      this.#env.upcalls.placed(rx, -EIO);
      this.#env.upcalls.sent(rx.tx as NalTx, -EIO, HEALTH_LOCAL_ERROR);
    }
    return Promise.resolve();
  }
}
