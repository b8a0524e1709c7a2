import { EMPTY_IOV, type Iov, type NalNi, type NalRx, type NalTx } from '../../lnet/nal.ts';
import { LNET_HDR4_BYTES, type LnetHdrForm } from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';

/** One message on its way from a node to itself. Pooled by its NI. */
export class LoRx implements NalRx {
  readonly ni: NalNi;
  readonly fromPid: number;
  readonly view = new DataView(new ArrayBuffer(LNET_HDR4_BYTES));
  readonly hdrAt = 0;
  readonly form: LnetHdrForm = 4;
  readonly token = undefined;
  iov: Iov = EMPTY_IOV;
  iovOffset = 0;
  wantedBytes = 0;
  coreSlot: unknown = null;
  /** The transmission that it is the other end of. */
  tx: NalTx | null = null;
  readonly #resumed: (rx: LoRx) => void;

  constructor(ni: NalNi, pid: number, resumed: (rx: LoRx) => void) {
    this.ni = ni;
    this.fromPid = pid;
    this.#resumed = resumed;
  }

  get fromNid(): Nid {
    return this.ni.nid;
  }

  resume(): void {
    this.#resumed(this);
  }

  reset(): void {
    this.tx = null;
    this.iov = EMPTY_IOV;
    this.coreSlot = null;
  }
}
