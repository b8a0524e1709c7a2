import { LNET_MD_MAX_SIZE, LNET_MD_OP_PUT } from '../../../lnet/portals/md.ts';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { NID_ANY, type Nid } from '../../../lnet/wire/nid.ts';
import { LNET_PID_LUSTRE } from '../../../lnet/wire/process-id.ts';
import { type ServiceKind, SRPC_RDMA_PORTAL } from '../wire/service.ts';
import { encodeSrpc, SRPC_BULKID_AT, SRPC_MSG_BYTES, SRPC_RPYID_AT } from '../wire/srpc-message.ts';
import type { SimCore } from './sim-core.test-support.ts';

/** A request as a server sees it. */
export interface SeenRequest {
  readonly from: Nid;
  readonly rpyid: bigint;
  readonly bulkid: bigint;
  readonly bytes: Buffer;
}

/** Takes requests of one service and answers them as the test says, or not at all. */
export class HandServer {
  readonly core: SimCore;
  readonly seen: SeenRequest[] = [];
  readonly #service: ServiceKind;

  constructor(core: SimCore, service: ServiceKind, onRequest: (request: SeenRequest) => void = () => undefined) {
    this.core = core;
    this.#service = service;
    const memory = new Uint8Array(4096 * SRPC_MSG_BYTES);
    const me = core.portals.attachMe({ portal: service.portal, matchBits: BigInt(service.id) });
    const options = LNET_MD_OP_PUT | LNET_MD_MAX_SIZE;
    core.portals.attachMd(
      me,
      {
        memory,
        options,
        maxSize: SRPC_MSG_BYTES,
        handler: (event) => {
          const bytes = Buffer.from(memory.slice(event.offset, event.offset + event.mlength));
          const rpyid = bytes.readBigUInt64LE(SRPC_RPYID_AT);
          const request = { from: event.sourceNid, rpyid, bulkid: bytes.readBigUInt64LE(SRPC_BULKID_AT), bytes };
          this.seen.push(request);
          onRequest(request);
        },
      },
      false,
    );
  }

  /** PUTs a reply with this body, changed by `spoil`. */
  reply(
    request: SeenRequest,
    body: object,
    spoil: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
    littleEndian = true,
  ): void {
    const bytes = new Uint8Array(SRPC_MSG_BYTES);
    encodeSrpc(viewOf(bytes), this.#service.reply, 1, body as never, littleEndian);
    this.put(request.from, request.rpyid, spoil(bytes));
  }

  put(target: Nid, matchBits: bigint, memory: Uint8Array): void {
    this.core.operations.put({
      ...this.#args(target, matchBits),
      md: this.core.portals.bindMd({ memory, threshold: 1 }, true),
    });
  }

  /** Fetches the client's bulk; `done` is called when it is here. */
  get(target: Nid, matchBits: bigint, memory: Uint8Array, done: () => void): void {
    const md = this.core.portals.bindMd(
      {
        memory,
        threshold: 2,
        handler: (event) => {
          if (event.typeName === 'REPLY') done();
        },
      },
      true,
    );
    this.core.operations.get({ ...this.#args(target, matchBits), md });
  }

  #args(target: Nid, matchBits: bigint) {
    return {
      target,
      targetPid: LNET_PID_LUSTRE,
      self: NID_ANY,
      portal: SRPC_RDMA_PORTAL,
      matchBitsLow: Number(matchBits & 0xffffffffn),
      matchBitsHigh: Number(matchBits >> 32n),
      offset: 0,
      hdrDataLow: 0,
      hdrDataHigh: 0,
      wantsAck: false,
      isRecovery: false,
    };
  }
}
