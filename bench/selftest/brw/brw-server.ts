import { EBADMSG, EINVAL, EPROTO } from '../../../lnet/errno.ts';
import type { ServerRpc } from '../rpc/server-rpc.ts';
import type { ServiceHandler } from '../rpc/service-port.ts';
import { BRW_REQUEST, LST_BRW_CHECK_NONE, LST_BRW_READ } from '../wire/brw-message.ts';
import { hasUnknownFeatures, LST_FEAT_BULK_LEN, LST_FEATS_MASK } from '../wire/feature.ts';
import { SRPC_BODY_AT, SRPC_HDR, SRPC_STATUS_AT } from '../wire/srpc-message.ts';
import { LST_PAGE_BYTES } from '../wire/test-message.ts';
import { isBrwCheck, isBrwOpcode, LST_BRW_BYTES_MAX } from './brw-params.ts';
import type { BulkMemory } from './bulk-memory.ts';
import type { ErrorInjector } from './error-injector.ts';
import type { BrwPattern, Check } from './pattern.ts';

/** One transfer, between request and reply. */
class BrwTransfer implements Check {
  rw = 0;
  length = 0;
  flags = 0;
  littleEndian = true;
  usesPages = true;
  /** Taken from the bounded memory, to be given back; null when shared memory serves. */
  own: Uint8Array | null = null;
}

export interface BrwServerSpec {
  readonly pattern: BrwPattern;
  readonly memory: BulkMemory;
  readonly injector: ErrorInjector;
  /** Whether a simple check may look at page ends of what comes now: selftest §7.3 rule 5. */
  readonly usesPages: () => boolean;
}

/** Server side of the brw test: serves anybody at any time, without a session. selftest §7.2, §7.3. */
export class BrwServer implements ServiceHandler<BrwTransfer> {
  readonly #spec: BrwServerSpec;

  constructor(spec: BrwServerSpec) {
    this.#spec = spec;
  }

  newNote(): BrwTransfer {
    return new BrwTransfer();
  }

  serve(rpc: ServerRpc<BrwTransfer>): boolean {
    const { request, isLittleEndian, note } = rpc;
    const body = rpc.at + SRPC_BODY_AT;
    const { at } = BRW_REQUEST.body;
    note.rw = request.getUint32(body + at.rw, isLittleEndian);
    note.length = request.getUint32(body + at.length, isLittleEndian);
    note.flags = request.getUint32(body + at.flags, isLittleEndian);
    note.littleEndian = isLittleEndian;
    note.usesPages = this.#spec.usesPages();
    const fault = faultOf(note, rpc.features);
    if (fault !== 0) {
      this.#answer(rpc, fault);
      return true;
    }
    const idLow = request.getUint32(body + at.bulkid + (isLittleEndian ? 0 : 4), isLittleEndian);
    const idHigh = request.getUint32(body + at.bulkid + (isLittleEndian ? 4 : 0), isLittleEndian);
    return note.rw === LST_BRW_READ ? this.#push(rpc, idLow, idHigh) : this.#pull(rpc, idLow, idHigh);
  }

  bulkEnded(rpc: ServerRpc<BrwTransfer>, errno: number): void {
    const { note } = rpc;
    const { pattern, memory } = this.#spec;
    const status =
      note.own && errno === 0 && pattern.faultAt(note.own.subarray(0, note.length), note) >= 0 ? EBADMSG : 0;
    if (note.own) memory.give(note.own);
    note.own = null;
    if (errno !== 0 || rpc.bulkBytes !== note.length) {
      rpc.drop('bulk_failed');
      return;
    }
    this.#answer(rpc, status);
  }

  #push(rpc: ServerRpc<BrwTransfer>, bulkidLow: number, bulkidHigh: number): boolean {
    const { pattern, injector } = this.#spec;
    let source = pattern.source(rpc.note.length);
    if (injector.isArmed && rpc.note.flags !== LST_BRW_CHECK_NONE) {
      source = source.slice();
      injector.maySpoil(source);
    }
    rpc.push(source, bulkidLow, bulkidHigh);
    return true;
  }

  #pull(rpc: ServerRpc<BrwTransfer>, bulkidLow: number, bulkidHigh: number): boolean {
    const { pattern, memory } = this.#spec;
    const { note } = rpc;
    if (note.flags === LST_BRW_CHECK_NONE) {
      rpc.pull(pattern.sink(note.length), bulkidLow, bulkidHigh);
      return true;
    }
    const own = memory.take(note.length);
    if (!own) return false;
    note.own = own;
    const target = own.subarray(0, note.length);
    pattern.poison(target, note);
    rpc.pull(target, bulkidLow, bulkidHigh);
    return true;
  }

  #answer(rpc: ServerRpc<BrwTransfer>, status: number): void {
    rpc.reply.setUint32(SRPC_HDR.at.features, hasUnknownFeatures(rpc.features) ? LST_FEATS_MASK : rpc.features, true);
    rpc.reply.setUint32(SRPC_STATUS_AT, status, true);
    rpc.answer();
  }
}

/** What is wrong with a request, in the order in which a kernel server looks: 0 or an errno. selftest §7.2 rule 4. */
function faultOf({ rw, length, flags }: BrwTransfer, features: number): number {
  if (!isBrwOpcode(rw) || !isBrwCheck(flags)) return EINVAL;
  if (hasUnknownFeatures(features)) return EPROTO;
  if ((features & LST_FEAT_BULK_LEN) === 0 && length % LST_PAGE_BYTES !== 0) return EINVAL;
  return length === 0 || length > LST_BRW_BYTES_MAX ? EINVAL : 0;
}
