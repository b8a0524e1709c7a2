import { LNET_MD_OP_GET, LNET_MD_OP_PUT, type LnetNode, parseNid } from '../../index.ts';
import { nidText } from './frame-builder.ts';
import { fieldBytes, fieldNamed, handleOf, messageType } from './frame-fields.ts';
import type { AddressMap } from './nid-map.ts';
import type { UpperLayer } from './player.ts';
import type { Script, Step } from './script.ts';

const LUSTRE_PID = 12345;
const NO_HANDLE = 'ff'.repeat(16);
/** Length that `lnetctl ping` asks for; discovery asks for less. lnet-wire §7.1 */
const PING_COMMAND_BYTES = 3960;
const PING_HEADER_BYTES = 16;
const PING_MATCH_BITS = 0x8000000000000000n;
const PATIENCE_MS = 5_000;

/**
 * Stands above our node where the kernel had `lnetctl`, lnet_selftest or Lustre: posts the memory that recorded traffic needs
 * and sends what was sent. Everything follows from the capture; LNet's own traffic (portal 0, ACK, REPLY) is left to the node.
 */
export class NodeUpperLayer implements UpperLayer {
  readonly #node: LnetNode;
  readonly #script: Script;
  readonly #addresses: AddressMap;
  readonly #patienceMs: number;
  /** Frames of the kernels that an MD of ours must have received: index, and what is wrong with it ('' while it is not there). */
  readonly #due = new Set<number>();
  readonly #issued = new Set<number>();
  /** Kernels to which a first connection was opened. */
  readonly #connected = new Set<string>();
  readonly #faults: string[] = [];
  #wake: (() => void) | undefined;

  constructor(node: LnetNode, script: Script, addresses: AddressMap, patienceMs = PATIENCE_MS) {
    this.#node = node;
    this.#script = script;
    this.#addresses = addresses;
    this.#patienceMs = patienceMs;
    for (const step of script.steps) if (step.direction === 'in' && step.kind === 'message') this.#post(step);
  }

  /** What arrived wrong, or failed on its way out. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  async cause(step: Step): Promise<void> {
    await this.arrived(step.index);
    if (step.kind === 'connreq') this.#connect(step);
    else if (step.kind === 'message') this.#start(step);
  }

  /** The first connection to a kernel is opened for the message that follows; the others belong to it. */
  #connect(request: Step): void {
    if (this.#connected.has(request.link.kernel)) return;
    this.#connected.add(request.link.kernel);
    const next = this.#script.steps.find(
      (step) =>
        step.index > request.index &&
        step.direction === 'out' &&
        step.link.kernel === request.link.kernel &&
        step.kind === 'message',
    );
    if (next) this.#start(next);
  }

  #start(step: Step): void {
    if (this.#issued.has(step.index)) return;
    this.#issued.add(step.index);
    const type = messageType(step);
    if (type !== 'put' && type !== 'get') return;
    if (portalOf(step) !== 0) this.#issue(step);
    else if (type === 'get') this.#askForInfo(step);
  }

  /** Asks for the beginning of a node's ping info, a length that no capture has: only to have a connection. */
  reach(nid: string): void {
    const memory = new Uint8Array(PING_HEADER_BYTES);
    const target = this.#played(nid);
    this.#run(`reach ${nid}`, this.#node.get({ memory, target, portal: 0, matchBits: PING_MATCH_BITS }));
  }

  /** Waits until every frame before this one has come to its memory descriptor. */
  async arrived(before = Number.POSITIVE_INFINITY): Promise<void> {
    const missing = (): number | undefined => [...this.#due].find((index) => index < before);
    if (missing() === undefined) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`frame ${missing()} has not reached its memory`)),
        this.#patienceMs,
      );
      this.#wake = () => {
        if (missing() !== undefined) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Memory for a PUT or GET of a kernel on a portal above LNet's own. */
  #post(step: Step): void {
    const type = messageType(step);
    if ((type !== 'put' && type !== 'get') || portalOf(step) === 0) return;
    const me = this.#node.attachMe({
      portal: portalOf(step),
      nid: parseNid(this.#played(nidText(step, 'hdr.srcNid'))),
      pid: LUSTRE_PID,
      matchBits: wordOf(step, `${type}.matchBits`),
    });
    const isPut = type === 'put';
    const memory = isPut ? new Uint8Array(step.payload.length) : this.#replyTo(step);
    this.#due.add(step.index);
    const options = isPut ? LNET_MD_OP_PUT : LNET_MD_OP_GET;
    const handler = (event: { readonly status: number }): void =>
      this.#landed(step, event.status, isPut ? memory : undefined);
    this.#node.attachMd(me, { memory, options, threshold: 1, handler }, true);
  }

  #landed(step: Step, status: number, memory: Uint8Array | undefined): void {
    this.#due.delete(step.index);
    if (status !== 0) this.#faults.push(`frame ${step.index}: status ${status}`);
    else if (memory && Buffer.compare(memory, step.payload) !== 0)
      this.#faults.push(`frame ${step.index}: payload differs`);
    this.#wake?.();
  }

  /** What we answered to a GET when the capture was made. */
  #replyTo(get: Step): Uint8Array {
    const handle = handleOf(get);
    const isReply = (step: Step): boolean =>
      step.kind === 'message' && messageType(step) === 'reply' && handleOf(step) === handle;
    const reply = this.#script.steps.find((step) => step.direction === 'out' && isReply(step));
    return reply?.payload ?? new Uint8Array(Number(wordOf(get, 'get.sinkLength')));
  }

  #issue(step: Step): void {
    const type = messageType(step) === 'put' ? 'put' : 'get';
    const common = {
      target: this.#played(nidText(step, 'hdr.destNid')),
      portal: portalOf(step),
      matchBits: wordOf(step, `${type}.matchBits`),
      offset: Number(wordOf(step, `${type}.offset`)),
    };
    const what = `frame ${step.index}`;
    if (type === 'put') {
      const ack = handleOf(step) !== NO_HANDLE;
      this.#run(what, this.#node.put({ ...common, memory: step.payload, hdrData: wordOf(step, 'put.hdrData'), ack }));
      return;
    }
    const memory = new Uint8Array(Number(wordOf(step, 'get.sinkLength')));
    const isAnswer = (other: Step): boolean =>
      other.kind === 'message' && messageType(other) === 'reply' && handleOf(other) === handleOf(step);
    const reply = this.#script.steps.find((other) => other.direction === 'in' && isAnswer(other));
    if (reply) this.#due.add(reply.index);
    const got = this.#node.get({ ...common, memory }).then(({ mlength }) => {
      if (reply) this.#landed(reply, 0, memory.subarray(0, mlength));
    });
    this.#run(what, got);
  }

  /** A GET of ping info: by command, or by the discovery that the next message to that node sets off. */
  #askForInfo(step: Step): void {
    const target = nidText(step, 'hdr.destNid');
    if (wordOf(step, 'get.sinkLength') === BigInt(PING_COMMAND_BYTES)) {
      const timeoutMs = this.#patienceMs;
      return this.#run(`ping ${target}`, this.#node.ping(this.#played(target), { timeoutMs }));
    }
    const next = this.#script.steps.find(
      (other) =>
        other.index > step.index &&
        other.direction === 'out' &&
        other.kind === 'message' &&
        (messageType(other) === 'put' || messageType(other) === 'get') &&
        portalOf(other) !== 0 &&
        nidText(other, 'hdr.destNid') === target,
    );
    if (!next) this.#run(`discover ${target}`, this.#node.discover(this.#played(target)));
    else this.#start(next);
  }

  #run(what: string, promise: Promise<unknown>): void {
    promise.catch((error: unknown) => {
      this.#faults.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      this.#wake?.();
    });
  }

  #played(nid: string): string {
    const at = nid.indexOf('@');
    return this.#addresses.played(nid.slice(0, at)) + nid.slice(at);
  }
}

function portalOf(step: Step): number {
  return Number(wordOf(step, `${messageType(step)}.portal`));
}

function wordOf(step: Step, name: string): bigint {
  const field = fieldNamed(step, name);
  const bytes = fieldBytes(step, field);
  return field.size === 8 ? bytes.readBigUInt64LE(0) : BigInt(bytes.readUInt32LE(0));
}
