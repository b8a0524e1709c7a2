import type { ExecutionContext, TestFn } from 'ava';
import type { NalNi, NalUpcalls } from '../../lnet/nal.ts';
import type { LnetHdrForm } from '../../lnet/wire/lnet-hdr.ts';
import { Recorder } from './recorder.ts';

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

  /** Waits until every accepted transmission and every answered arrival of every node is over. */
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

/** Registers tests of one subject. */
export class Suite {
  readonly #test: TestFn;
  readonly subject: NalSubject;

  constructor(test: TestFn, subject: NalSubject) {
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
