import test from 'ava';
import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { seededRandom } from '../../lnet/nal.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { firstDifference, patternBytes } from '../compliance/memory.ts';
import { putTx } from '../compliance/message.ts';
import { Recorder } from '../compliance/recorder.ts';
import { systemClock } from '../system-clock.ts';
import { NodeDatagramHost } from './datagram-socket.ts';
import { envOf } from './node.test-support.ts';
import { UdpNal } from './udp-nal.ts';
import type { UdpNi } from './udp-ni.ts';

function bound(address: string, port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.setMaxListeners(20);
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port }, () => resolve(socket));
  });
}

interface Place {
  readonly address: string;
  readonly port: number;
}

/** Stands between two nodes: each takes it for the other. Loses, duplicates and delays what it passes on. */
class LossyProxy {
  readonly #random;
  readonly #front: Socket;
  #back: Socket;
  readonly #a: Place;
  passed = 0;
  lost = 0;
  /** New datagrams are not passed on once it is closed. */
  #isOpen = true;

  constructor(seed: number, front: Socket, back: Socket, a: Place, b: Place) {
    this.#random = seededRandom(seed);
    this.#front = front;
    this.#back = back;
    this.#a = a;
    front.on('message', (bytes) => this.#pass(() => this.#back.send(bytes, b.port, b.address)));
    this.#listenBack();
  }

  static async open(seed: number, a: Place, b: Place): Promise<LossyProxy> {
    return new LossyProxy(seed, await bound(b.address, a.port), await bound(a.address, 0), a, b);
  }

  #listenBack(): void {
    this.#back.on('message', (bytes) => this.#pass(() => this.#front.send(bytes, this.#a.port, this.#a.address)));
  }

  /** From now on it sends from another port, as a translator does that forgot. */
  async moveBack(): Promise<void> {
    const old = this.#back;
    this.#back = await bound(this.#a.address, 0);
    this.#listenBack();
    old.close();
  }

  #pass(send: () => void): void {
    const dice = this.#random.below(1_000);
    if (dice < 20) {
      this.lost++;
      return;
    }
    this.passed++;
    const leave = (): void => {
      if (this.#isOpen) send();
    };
    if (dice < 60) setTimeout(leave, 1 + this.#random.below(3));
    else leave();
    if (dice >= 980) leave();
  }

  close(): void {
    this.#isOpen = false;
    this.#front.close();
    this.#back.close();
  }
}

const length = (number: number): number => (number % 5 === 0 ? 1_048_576 : number * 37);

test('real sockets through a proxy that loses, duplicates, reorders and changes its port: all messages, once, in order', async (t) => {
  const seed = 4_711;
  const net = `127.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const a = { address: `${net}.1`, port: randomInt(20_000, 25_000) };
  const b = { address: `${net}.2`, port: randomInt(25_001, 30_000) };
  const clock = systemClock();
  const open = async ({ address, port }: Place): Promise<{ core: Recorder; ni: UdpNi }> => {
    const core = new Recorder(address);
    const ni = (await new UdpNal(envOf(clock, core), new NodeDatagramHost()).openNi({
      nid: parseNid(`${address}@udp`),
      interfaceName: 'lo',
      accept: 'all',
      acceptPort: port,
      tunables: { datagram_max: 8_192 },
    })) as UdpNi;
    core.attach(ni);
    return { core, ni };
  };
  const until = async (condition: () => boolean, what: string): Promise<void> => {
    const deadline = clock.now() + 20_000_000;
    while (!condition()) {
      if (clock.now() > deadline) throw new Error(`in vain waited for: ${what}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const proxy = await LossyProxy.open(seed, a, b);
  const [from, to] = [await open(a), await open(b)];
  try {
    const send = (number: number): void => {
      from.core.send(putTx(from.ni.nid, to.ni.nid, number, length(number)));
    };
    for (let number = 0; number < 10; number++) send(number);
    await until(() => to.core.placedArrivals.length >= 4, 'half has arrived');
    await proxy.moveBack();
    for (let number = 10; number < 20; number++) send(number);
    await until(() => from.core.unfinished === 0, 'everything is acknowledged');
    t.deepEqual(
      to.core.arrivals.map(({ number }) => number),
      Array.from({ length: 20 }, (_, number) => number),
    );
    for (const arrival of to.core.arrivals)
      t.is(firstDifference(arrival.payload, patternBytes(arrival.number, length(arrival.number))), undefined);
    t.is(to.ni.counters.peer_moved, 1);
    t.is(to.ni.counters.links_accepted, 1);
    t.true(from.ni.counters.packets_lost > 0);
    t.log(`seed ${seed}: ${proxy.passed} passed, ${proxy.lost} lost, ${to.ni.counters.dropped_duplicate} duplicates`);
  } finally {
    await from.core.close();
    await to.core.close();
    proxy.close();
  }
  t.deepEqual([...from.core.violations, ...to.core.violations], []);
});
