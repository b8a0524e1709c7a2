import { viewOf } from '../../../lnet/wire/layout.ts';
import { BrwPattern } from '../brw/pattern.ts';
import { BRW_REQUEST, LST_BRW_READ } from '../wire/brw-message.ts';
import { PING_REQUEST } from '../wire/ping-message.ts';
import { SERVICES } from '../wire/service.ts';
import { SRPC_BODY_AT } from '../wire/srpc-message.ts';
import { HandServer } from './hand-server.test-support.ts';
import type { SimCore } from './sim-core.test-support.ts';

/** A server that does what recorded kernel servers did, for any size: no kernel, but no line of ours either. */
export class PlayedKernelServer {
  /** Transfers it found wrong. */
  faults = 0;
  served = 0;

  constructor(core: SimCore) {
    const pattern = new BrwPattern();
    const ping: HandServer = new HandServer(core, SERVICES.ping, (request) => {
      const { magic, seq } = PING_REQUEST.body.decode(viewOf(request.bytes), SRPC_BODY_AT);
      this.served++;
      ping.reply(request, { status: 0, magic, seq });
    });
    const brw: HandServer = new HandServer(core, SERVICES.brw, (request) => {
      const { rw, length, flags } = BRW_REQUEST.body.decode(viewOf(request.bytes), SRPC_BODY_AT);
      this.served++;
      if (rw === LST_BRW_READ) {
        brw.put(request.from, request.bulkid, pattern.source(length));
        brw.reply(request, { status: 0 });
        return;
      }
      const data = new Uint8Array(length);
      brw.get(request.from, request.bulkid, data, () => {
        const isWrong = pattern.faultAt(data, { flags, littleEndian: true, usesPages: true }) >= 0;
        if (isWrong) this.faults++;
        brw.reply(request, { status: isWrong ? 74 : 0 });
      });
    });
  }
}
