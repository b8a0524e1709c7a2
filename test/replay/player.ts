import type { Server } from 'node:net';
import { acknowledgedCookies, courtesy, helloAnswer, nidText, openingFrames } from './frame-builder.ts';
import { fieldBytes, fieldNamed, type Frame, handleOf, messageType } from './frame-fields.ts';
import { dial, Link, listen } from './link.ts';
import type { AddressMap } from './nid-map.ts';
import { type Difference, differences } from './rules.ts';
import { keyOf, type Script, type ScriptConn, type Step } from './script.ts';

/** What stands above our node and starts what a user started when the capture was made. */
export interface UpperLayer {
  /** Called for each frame of ours when its turn comes, before the player waits for it. */
  cause(step: Step): Promise<void>;
  /** Called when a connection has to be there that the capture does not show us open. */
  reach(nid: string): void;
}

export interface PlayerOptions {
  readonly script: Script;
  readonly addresses: AddressMap;
  /** `accept_port` of our node and of the kernels. */
  readonly port: number;
  readonly upper: UpperLayer;
  /** NIDs of nodes by captured address, as captured, where they are not just ADDRESS@tcp: for what the capture leaves out. */
  readonly nids?: Readonly<Record<string, readonly string[]>>;
  /** Longest wait for one frame, ms. */
  readonly patienceMs?: number;
}

/** What a replay found. All lists are empty when our node behaved as the kernel did. */
export interface ReplayReport {
  /** Frames of ours that were compared. */
  readonly compared: number;
  readonly differences: readonly (Difference & { readonly frame: number })[];
  /** Frames that no recorded one matches. */
  readonly unexpected: readonly string[];
  readonly faults: readonly string[];
}

const PATIENCE_MS = 5_000;
const ZC_FIELD = 'ksh.zcRequest';

/** Plays the recorded kernels' side of a capture to our node over real sockets, and compares what it answers. */
export class Player {
  readonly #options: PlayerOptions;
  readonly #links = new Map<number, Link>();
  readonly #open = new Set<Link>();
  readonly #servers: Server[] = [];
  /** Frames of ours that have not come yet, in recorded order. */
  readonly #awaited: Step[];
  readonly #differences: (Difference & { frame: number })[] = [];
  readonly #unexpected: string[] = [];
  readonly #faults: string[] = [];
  readonly #constants = new Map<string, string>();
  /** Our handle for each recorded one of the role we play, in hex. */
  readonly #handles = new Map<string, Buffer>();
  /** Zero-copy cookies that ours asked for, by recorded cookie; those it asked not for are absent. */
  readonly #zcRequests = new Set<string>();
  /** Zero-copy cookies still to be acknowledged by ours: kernel and cookie. */
  readonly #zcDue: string[] = [];
  #compared = 0;
  #isEnding = false;
  #wake: (() => void) | undefined;

  constructor(options: PlayerOptions) {
    this.#options = options;
    const ours = options.script.steps.filter(({ direction }) => direction === 'out');
    this.#awaited = ours.filter(({ kind }) => kind !== 'noop');
    for (const step of ours.filter(({ kind }) => kind === 'noop')) {
      this.#zcDue.push(...acknowledgedCookies(step).map((cookie) => `${step.link.kernel} ${cookie}`));
    }
  }

  /** Makes the kernels reachable: before our node starts to talk. */
  async listen(): Promise<void> {
    const { script, addresses, port } = this.#options;
    for (const kernel of script.kernels) {
      this.#servers.push(await listen(addresses.played(kernel), port, (socket) => this.#adopt(kernel, socket, true)));
    }
  }

  /** Plays the whole script. Rejects when our node leaves out a frame; differences are in the report. */
  async play(): Promise<ReplayReport> {
    await this.#openEarlier();
    for (const step of this.#options.script.steps) {
      if (step.direction === 'out') await this.#options.upper.cause(step);
      else await this.#perform(step);
    }
    await this.#until(
      () => this.#awaited.length === 0,
      () => `frame ${this.#awaited[0]?.index}: ${keyOf(this.#awaited[0] as Step)}`,
    );
    await this.#until(
      () => this.#zcDue.length === 0,
      () => `acknowledgement of zero-copy cookie ${this.#zcDue[0]}`,
    );
    return {
      compared: this.#compared,
      differences: this.#differences,
      unexpected: this.#unexpected,
      faults: this.#faults,
    };
  }

  close(): void {
    this.#isEnding = true;
    for (const link of this.#open) link.close();
    for (const server of this.#servers) server.close();
  }

  async #perform(step: Step): Promise<void> {
    await this.#until(
      () => (this.#awaited[0]?.index ?? Number.POSITIVE_INFINITY) > step.index,
      () => `frame ${this.#awaited[0]?.index}: ${keyOf(this.#awaited[0] as Step)}`,
    );
    if (step.kind === 'noop') return this.#performNoop(step);
    const link = await this.#linkOf(step);
    link.send(this.#options.addresses.toPlayed(this.#withOwnHandle(step)));
  }

  /** A recorded acknowledgement is played only when ours asked for it: an unknown cookie closes connections (socklnd §7.3). */
  async #performNoop(step: Step): Promise<void> {
    const cookies = acknowledgedCookies(step);
    const asked = cookies.filter((cookie) => this.#zcRequests.has(`${step.link.kernel} ${cookie}`));
    if (asked.length === cookies.length) (await this.#linkOf(step)).send(step);
    else if (asked.length > 0) throw new Error(`frame ${step.index}: ours asked for some of the acknowledgements only`);
  }

  /** ACK and REPLY name a memory descriptor of ours: the handle that ours sent takes the recorded one's place. */
  #withOwnHandle(step: Step): Frame {
    if (step.kind !== 'message') return step;
    const type = messageType(step);
    if (type !== 'ack' && type !== 'reply') return step;
    const { at } = fieldNamed(step, `${type}.handle`);
    const handle = this.#handles.get(step.head.toString('hex', at, at + 16));
    if (!handle) throw new Error(`frame ${step.index} answers a request that ours never sent`);
    const head = Buffer.from(step.head);
    handle.copy(head, at);
    return { ...step, head };
  }

  async #linkOf({ link: conn }: Step): Promise<Link> {
    return this.#links.get(conn.conn) ?? (await this.#dial(conn));
  }

  async #dial(conn: ScriptConn): Promise<Link> {
    const { addresses, port } = this.#options;
    const from = { address: addresses.played(conn.kernel), port: conn.openerPort };
    const socket = await dial(from, { address: addresses.played(conn.own), port });
    const link = this.#adopt(conn.kernel, socket, false);
    link.conn = conn.conn;
    this.#links.set(conn.conn, link);
    return link;
  }

  /** Opens the connections that were open when the capture began. */
  async #openEarlier(): Promise<void> {
    const earlier = this.#options.script.conns.filter(({ hasHandshake }) => !hasHandshake);
    for (const conn of earlier.toSorted((one, other) => one.ctype - other.ctype)) {
      const nid = this.#nidsOf(conn.kernel)[0] as string;
      if (conn.isOpenedByUs && !this.#links.has(conn.conn)) this.#options.upper.reach(nid);
      else if (!conn.isOpenedByUs) {
        const target = this.#nidsOf(conn.own).find((own) => netOf(own) === netOf(nid)) as string;
        const link = await this.#dial(conn);
        const opening = openingFrames(nid, target, conn.ctype);
        for (const frame of opening) link.send(this.#options.addresses.toPlayed(frame));
      }
      await this.#until(
        () => this.#links.get(conn.conn)?.hasHello === true,
        () => `HELLO of connection ${conn.conn} to ${conn.kernel}`,
      );
    }
  }

  #nidsOf(address: string): readonly string[] {
    return this.#options.nids?.[address] ?? [`${address}@tcp`];
  }

  #adopt(kernel: string, socket: Parameters<Parameters<typeof listen>[2]>[0], isOpenedByUs: boolean): Link {
    const onFault = (fault: string): void => {
      if (!this.#isEnding) this.#faults.push(fault);
      this.#wake?.();
    };
    const link = new Link(kernel, socket, isOpenedByUs, (from, frame) => this.#received(from, frame), onFault);
    this.#open.add(link);
    return link;
  }

  #received(link: Link, played: Frame): void {
    const frame = this.#options.addresses.toCaptured(played);
    if (frame.kind === 'hello') {
      link.hasHello = true;
      this.#settle(link, frame);
    }
    if (frame.kind === 'noop') this.#acknowledged(link, frame);
    else if (!this.#match(link, frame)) this.#leftOver(link, frame);
    this.#wake?.();
  }

  /** Our HELLO tells by its type which recorded connection this is. */
  #settle(link: Link, hello: Frame): void {
    if (link.conn !== undefined) return;
    const ctype = fieldBytes(hello, fieldNamed(hello, 'hello.ctype')).readUInt32LE(0);
    const request = link.request as Frame;
    const isOfNet = ({ conn }: ScriptConn): boolean => {
      const recorded = this.#options.script.steps.find((step) => step.conn === conn && step.kind === 'connreq');
      return !recorded || keyOf(recorded) === keyOf(request);
    };
    const conn = this.#options.script.conns.find(
      (candidate) =>
        candidate.kernel === link.kernel &&
        candidate.isOpenedByUs &&
        candidate.ctype === ctype &&
        !this.#links.has(candidate.conn) &&
        isOfNet(candidate),
    );
    if (conn) {
      link.conn = conn.conn;
      this.#links.set(conn.conn, link);
    }
    if (!conn?.hasHandshake) link.send(this.#options.addresses.toPlayed(helloAnswer(hello, request)));
  }

  #match(link: Link, frame: Frame): boolean {
    if (frame.kind === 'connreq') link.request = frame;
    const key = keyOf(frame);
    const at = this.#awaited.findIndex(
      (step) =>
        step.link.kernel === link.kernel && (frame.kind !== 'hello' || step.conn === link.conn) && keyOf(step) === key,
    );
    if (at < 0) return false;
    const [step] = this.#awaited.splice(at, 1) as [Step];
    this.#compared++;
    const found = differences(step, frame, this.#constants);
    this.#differences.push(...found.map((difference) => ({ frame: step.index, ...difference })));
    if (frame.kind !== 'message') return true;
    if (link.conn !== step.conn && !this.#mayFallBack(step))
      this.#differences.push({
        frame: step.index,
        field: 'connection',
        recorded: String(step.conn),
        ours: String(link.conn),
      });
    this.#learn(link, step, frame);
    return true;
  }

  /**
   * A message that is due before its connection is open goes over another one (socklnd §6): so may a quick answer of ours,
   * where the kernel took long enough for the connection to come up.
   */
  #mayFallBack(step: Step): boolean {
    const type = messageType(step);
    if (type !== 'reply' && type !== 'ack') return step.link.upAt > step.index;
    const handle = handleOf(step);
    const request = this.#options.script.steps.find(
      (other) => other.direction === 'in' && other.kind === 'message' && handleOf(other) === handle,
    );
    return request !== undefined && step.link.upAt > request.index;
  }

  /** Keeps what later frames of the kernel have to repeat. */
  #learn(link: Link, step: Step, frame: Frame): void {
    const type = messageType(frame);
    const handle = fieldNamed(frame, `${type}.handle`);
    if (type === 'put' || type === 'get')
      this.#handles.set(fieldBytes(step, handle).toString('hex'), fieldBytes(frame, handle));
    const zc = fieldBytes(frame, fieldNamed(frame, ZC_FIELD)).readBigUInt64LE(0);
    if (zc !== 0n) this.#zcRequests.add(`${link.kernel} ${zc}`);
  }

  #acknowledged(link: Link, noop: Frame): void {
    for (const cookie of acknowledgedCookies(noop)) {
      const at = this.#zcDue.indexOf(`${link.kernel} ${cookie}`);
      if (at >= 0) this.#zcDue.splice(at, 1);
      else this.#unexpected.push(`acknowledgement of zero-copy cookie ${cookie} to ${link.kernel}`);
    }
  }

  /** What the capture has no place for: handshakes and pings from before it began are answered, the rest is reported. */
  #leftOver(link: Link, frame: Frame): void {
    const { script, addresses } = this.#options;
    if (frame.kind === 'connreq' || frame.kind === 'hello') {
      const conn = script.conns.find((candidate) => candidate.conn === link.conn);
      if (frame.kind === 'connreq' || !conn?.hasHandshake) return;
    } else {
      const nids = this.#nidsOf(link.kernel);
      const isForKernel = nids.includes(nidText(frame, 'hdr.destNid'));
      const answer = isForKernel ? courtesy(frame, nids) : undefined;
      if (answer) return link.send(addresses.toPlayed(answer));
      if (isForKernel && messageType(frame) === 'ack') return;
    }
    this.#unexpected.push(`${keyOf(frame)} on connection ${link.conn} to ${link.kernel}`);
  }

  /** Waits until something holds; looked at whenever a frame has come. */
  #until(holds: () => boolean, what: () => string): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const patience = this.#options.patienceMs ?? PATIENCE_MS;
      const stop = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
      };
      const timer = setTimeout(() => {
        stop();
        const context = [...this.#faults, ...this.#unexpected].map((line) => `\n  ${line}`).join('');
        reject(new Error(`ours did not send within ${patience} ms: ${what()}${context}`));
      }, patience);
      this.#wake = () => {
        if (!holds()) return;
        stop();
        resolve();
      };
    });
  }
}

function netOf(nid: string): string {
  return nid.slice(nid.indexOf('@'));
}
