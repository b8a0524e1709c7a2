import test from 'ava';
import * as fc from 'fast-check';
import { EIO } from '../errno.ts';
import type { LnetEvent } from '../event.ts';
import { HEALTH_LOCAL_ERROR } from '../health-status.ts';
import { LNET_MD_ACK_DISABLE, LNET_MD_OP_GET, LNET_MD_OP_PUT, LNET_MD_TRUNCATE, type MdHandle } from '../portals/md.ts';
import { NID_LOOPBACK } from '../wire/nid.ts';
import { NID_A, NID_B, NOTHING_LEFT, type TestCore } from './core-fixture.test-support.ts';
import { pair, type TestNet } from './link-fixture.test-support.ts';

/** What may happen, in any order and any number; `at` chooses among what there is. */
const STEPS = [
  'put',
  'put with ack',
  'get',
  'put to self',
  'get from self',
  'serve',
  'serve a few',
  'unlink',
  'lazy',
  'not lazy',
  'deliver',
  'slow link',
  'finish link',
  'break payload',
  'new link',
  'block sends',
  'let go',
  'fail a send',
] as const;

interface Step {
  readonly what: (typeof STEPS)[number];
  readonly at: number;
}

/** Two cores with descriptors that watch their own events. */
class World {
  readonly net: TestNet;
  readonly a: TestCore;
  readonly b: TestCore;
  /** Handlers send this often and no more: what they send may come back to them. */
  #sendsLeft = 50;
  readonly #mds: { readonly core: TestCore; readonly handle: MdHandle; readonly events: string[]; lasts: number }[] =
    [];

  constructor({ net, a, b }: { net: TestNet; a: TestCore; b: TestCore }) {
    this.net = net;
    this.a = a;
    this.b = b;
  }

  perform({ what, at }: Step): void {
    const [core, other] = at % 2 === 0 ? [this.a, this.b] : [this.b, this.a];
    const link = core === this.a ? this.net.link(NID_A, NID_B) : this.net.link(NID_B, NID_A);
    const target = what.endsWith('self') ? NID_LOOPBACK : other === this.b ? NID_B : NID_A;
    switch (what) {
      case 'put':
      case 'put with ack':
      case 'put to self':
        core.put(this.#bind(core, at), { target, wantsAck: what === 'put with ack' });
        break;
      case 'get':
      case 'get from self':
        core.get(this.#bind(core, at), { target });
        break;
      case 'serve':
      case 'serve a few':
        this.#serve(core, at, what === 'serve' ? -1 : (at % 3) + 1);
        break;
      case 'unlink':
        this.#unlink(at);
        break;
      case 'lazy':
        core.portals.setLazy(4);
        break;
      case 'not lazy':
        core.portals.clearLazy(4);
        break;
      case 'deliver':
        this.net.run();
        break;
      case 'slow link':
        link.isSlow = true;
        break;
      case 'finish link':
        link.finish();
        break;
      case 'break payload':
        link.breaksNext = true;
        break;
      case 'new link':
        link.cut();
        link.isClosed = false;
        break;
      case 'block sends':
        core.sendPath.isBlocked = true;
        break;
      case 'let go':
        core.sendPath.letGo();
        break;
      case 'fail a send': {
        const msg = core.sendPath.waiting.shift();
        if (msg) core.delivery.finalize(msg, -EIO, HEALTH_LOCAL_ERROR);
      }
    }
  }

  #bind(core: TestCore, at: number): MdHandle {
    const threshold = [1, 2, -1][at % 3] as number;
    const options = at % 5 === 0 ? LNET_MD_TRUNCATE : 0;
    return this.#watch(core, at, (handler) =>
      core.portals.bindMd({ memory: new Uint8Array(at % 7), threshold, options, handler }, at % 4 !== 0),
    );
  }

  #serve(core: TestCore, at: number, threshold: number): void {
    const options = LNET_MD_OP_PUT | LNET_MD_OP_GET | [0, LNET_MD_TRUNCATE, LNET_MD_ACK_DISABLE][at % 3]!;
    this.#watch(core, at, (handler) =>
      core.serve({}, { memory: new Uint8Array(at % 20), threshold, options, handler }, at % 4 !== 0),
    );
  }

  /** Some handlers send on, and some unlink another descriptor, from within. */
  #watch(core: TestCore, at: number, make: (handler: (event: LnetEvent) => void) => MdHandle): MdHandle {
    const watched = { core, events: [] as string[], lasts: 0, handle: undefined as unknown as MdHandle };
    watched.handle = make((event) => {
      if (watched.lasts > 0) throw new Error(`${event.typeName} after the last of ${watched.events}`);
      watched.events.push(event.typeName);
      if (event.isUnlinked) watched.lasts++;
      if (at % 11 === 0 && this.#sendsLeft-- > 0) core.put(core.bind({ threshold: 1 }, true), { target: NID_LOOPBACK });
      if (at % 13 === 0) this.#unlink(at + 1, watched.handle);
    });
    this.#mds.push(watched);
    return watched.handle;
  }

  #unlink(at: number, except?: MdHandle): void {
    const live = this.#mds.filter(({ handle }) => handle?.isLive && handle !== except);
    const chosen = live[at % Math.max(live.length, 1)];
    if (chosen) chosen.core.portals.unlinkMd(chosen.handle);
  }

  /** Ends everything that is still under way, and checks that nothing is left. */
  settle(): void {
    for (let round = 0; round < 4; round++) {
      for (const core of [this.a, this.b]) {
        core.portals.clearLazy(4);
        core.sendPath.letGo();
      }
      for (const link of [this.net.link(NID_A, NID_B), this.net.link(NID_B, NID_A)]) link.finish();
      this.net.run();
    }
    for (const { core, handle } of this.#mds) if (handle.isLive) core.portals.unlinkMd(handle);
    for (const core of [this.a, this.b]) {
      const left = JSON.stringify(core.leftovers);
      if (left !== JSON.stringify(NOTHING_LEFT)) throw new Error(`${left} ${core.handlerErrors}`);
    }
    for (const { lasts, events } of this.#mds) if (lasts !== 1) throw new Error(`${lasts} last events in ${events}`);
  }
}

test('whatever happens, each descriptor gets exactly one last event, and no message is left', async (t) => {
  const step = fc.record({ what: fc.constantFrom(...STEPS), at: fc.nat(1000) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (steps) => {
      const world = new World(await pair());
      for (const each of steps) world.perform(each);
      world.settle();
    }),
    { numRuns: 400 },
  );
  t.pass();
});
