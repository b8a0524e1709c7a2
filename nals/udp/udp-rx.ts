import { EMPTY_IOV, type Iov, type NalNi, type NalRx } from '../../lnet/nal.ts';
import type { LnetHdrForm } from '../../lnet/wire/lnet-hdr.ts';
import { type Nid, NID_ANY } from '../../lnet/wire/nid.ts';

/** Who lets an arrival go on. */
export interface RxOwner {
  resume(): void;
}

/** The arriving message of a link. A link has one at a time, so one record serves it. */
export class UdpRx implements NalRx {
  readonly ni: NalNi;
  readonly #owner: RxOwner;
  fromNid: Nid = NID_ANY;
  fromPid = 0;
  readonly view: DataView;
  readonly hdrAt: number;
  form: LnetHdrForm = 4;
  readonly token = undefined;
  iov: Iov = EMPTY_IOV;
  iovOffset = 0;
  wantedBytes = 0;
  coreSlot: unknown = undefined;

  constructor(ni: NalNi, owner: RxOwner, view: DataView, hdrAt: number) {
    this.ni = ni;
    this.#owner = owner;
    this.view = view;
    this.hdrAt = hdrAt;
  }

  reset(form: LnetHdrForm): void {
    this.form = form;
    this.iov = EMPTY_IOV;
    this.iovOffset = 0;
    this.wantedBytes = 0;
    this.coreSlot = undefined;
  }

  resume(): void {
    this.#owner.resume();
  }
}
