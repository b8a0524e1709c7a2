import type { ExecutionContext } from 'ava';
import type { NalNi, NalUpcalls } from '../../lnet/nal.ts';
import type { LnetHdrForm } from '../../lnet/wire/lnet-hdr.ts';
import type { TestTx } from './message.ts';
import { type Arrival, Recorder } from './recorder.ts';

/** What the suite must know of a NAL before it makes one. */
export interface NalSubject {
  /** Stands before each test title. */
  readonly name: string;
  /** Header forms that its links can be made to take. */
  readonly forms: readonly LnetHdrForm[];
  /** `self`: a node reaches only itself (loopback). */
  readonly reach: 'peers' | 'self';
  /** What a message that the core makes wait holds up: the link it came on, or nothing but itself (loopback). */
  readonly waitStops: 'link' | 'message';
  /** A network for one test. `form`: what its links take. */
  open(form: LnetHdrForm): Promise<NalBench>;
}

/** A network of up to three nodes for one test. */
export interface NalBench {
  /** Opens the NI of node 0, 1 or 2 for that core; may be called anew, as a restart, once that node was closed or crashed. */
  openNi(node: number, upcalls: NalUpcalls): Promise<NalNi>;
  /** Lets time pass until the condition holds. Rejects, naming `what`, when it never does. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Lets everything happen that happens without further input. */
  settle(): Promise<void>;
  /** The node dies; nothing is reported to its core any more. Absent: the NAL cannot die without closing. */
  crash?(node: number): Promise<void>;
  /** Nothing passes between two nodes until healed, and nobody is told. Absent: cannot be arranged. */
  cut?(a: number, b: number): { heal(): void };
  /** Lets the driver timeout pass. Absent: takes too long. */
  passTimeout?(): Promise<void>;
  /** Ends everything that the bench itself made. */
  close(): Promise<void>;
}

/** Nodes of one test, each with a recording core. */
export class Scene {
  readonly bench: NalBench;
  readonly reach: NalSubject['reach'];
  readonly recorders: Recorder[] = [];

  constructor(bench: NalBench, reach: NalSubject['reach']) {
    this.bench = bench;
    this.reach = reach;
  }

  /** Opens the NIs of all three nodes. Where a node reaches only itself, that one takes all places. */
  async openAll(): Promise<[Recorder, Recorder, Recorder]> {
    const first = await this.open(0);
    if (this.reach === 'self') return [first, first, first];
    return [first, await this.open(1), await this.open(2)];
  }

  async open(node: number): Promise<Recorder> {
    const recorder = new Recorder(`node ${node}`);
    this.recorders[node] = recorder;
    recorder.attach(await this.bench.openNi(node, recorder));
    return recorder;
  }

  /** Sends one message and waits until it is over at both ends. Gives it as it arrived. */
  async deliver(from: Recorder, to: Recorder, tx: TestTx): Promise<Arrival> {
    const before = to.arrivals.length;
    const result = from.send(tx);
    if (result !== 0) throw new Error(`send failed at once: ${result}`);
    await this.bench.until(
      () => from.endOf(tx) !== undefined && to.arrivals.length > before && to.unplaced === 0,
      'the message is over at both ends',
    );
    return to.arrivals.at(-1) as Arrival;
  }

  /** Waits until so many messages are in place at a node, and every transmission has ended. */
  async untilPlaced(at: Recorder, count: number): Promise<void> {
    await this.bench.until(() => at.placedArrivals.length >= count, `${count} messages have arrived`);
    await this.untilQuiet();
  }

  /**
   * Waits until every accepted transmission and every answered arrival of every node is over. What has been sent need not
   * have arrived: a transmission may end as soon as its memory is free again.
   */
  async untilQuiet(): Promise<void> {
    await this.bench.until(
      () => this.recorders.every((recorder) => recorder.unfinished === 0 && recorder.unplaced === 0),
      'all messages are over',
    );
  }

  /** Closes everything and asserts that each NAL kept the contract all the time. */
  async end(t: ExecutionContext): Promise<void> {
    for (const recorder of this.recorders) await recorder.close();
    await this.bench.settle();
    await this.bench.close();
    t.deepEqual(
      this.recorders.flatMap((recorder) => recorder.violations),
      [],
    );
  }
}

/** ava's `test`, or `test.serial` for a NAL with real sockets. */
export type RegisterTest = (title: string, implementation: (t: ExecutionContext) => Promise<void>) => void;

/** Registers tests of one subject. */
export class Suite {
  readonly #test: RegisterTest;
  readonly subject: NalSubject;

  constructor(test: RegisterTest, subject: NalSubject) {
    this.#test = test;
    this.subject = subject;
  }

  /** One rule. `needs` names facilities without which the rule cannot be tried. */
  rule(
    title: string,
    body: (t: ExecutionContext, scene: Scene) => Promise<void>,
    options: {
      readonly form?: LnetHdrForm;
      readonly needs?: readonly ('crash' | 'cut' | 'passTimeout')[];
    } = {},
  ): void {
    this.#test(`${this.subject.name}: ${title}`, async (t) => {
      const bench = await this.subject.open(options.form ?? (this.subject.forms[0] as LnetHdrForm));
      const missing = (options.needs ?? []).filter((facility) => bench[facility] === undefined);
      if (missing.length > 0) {
        await bench.close();
        t.pass(`cannot be tried here: no ${missing.join(', ')}`);
        return;
      }
      const scene = new Scene(bench, this.subject.reach);
      try {
        await body(t, scene);
      } finally {
        await scene.end(t);
      }
    });
  }
}
