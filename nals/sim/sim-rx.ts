import { EMPTY_IOV, type Iov, type NalRx } from '../../lnet/nal.ts';
import type { LnetHdrForm } from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import type { SimConn } from './sim-conn.ts';
import type { SimNi } from './sim-ni.ts';

/** The message that a connection is receiving: one record per connection, since messages come one by one. */
export class SimRx implements NalRx {
  readonly ni: SimNi;
  readonly fromNid: Nid;
  readonly form: LnetHdrForm;
  readonly hdrAt = 0;
  readonly view: DataView;
  readonly token: unknown;
  readonly #conn: SimConn;
  iov: Iov = EMPTY_IOV;
  iovOffset = 0;
  wantedBytes = 0;
  coreSlot: unknown = undefined;

  constructor(conn: SimConn) {
    this.#conn = conn;
    this.ni = conn.ni;
    this.view = conn.ni.headerView;
    this.fromNid = conn.peerNid;
    this.form = conn.form;
    this.token = conn;
  }

  get fromPid(): number {
    return this.#conn.peerPid;
  }

  /** Ready for the next message. */
  reset(): void {
    this.iov = EMPTY_IOV;
    this.iovOffset = 0;
    this.wantedBytes = 0;
    this.coreSlot = undefined;
  }

  resume(): void {
    this.#conn.inbox.resume();
  }
}
