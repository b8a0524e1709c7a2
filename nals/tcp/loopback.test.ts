/** The same state machines on the sockets of this machine. */
import test, { type ExecutionContext } from 'ava';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EACCES, RX_PLACE, RX_WAIT } from '../../lnet/nal.ts';
import { LNET_MSG_PUT } from '../../lnet/wire/lnet-hdr.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { missingPrivilege, testUnless } from '../../test/skip.ts';
import { firstDifference, patternBytes } from '../compliance/memory.ts';
import { putTx, TestTx } from '../compliance/message.ts';
import { Recorder } from '../compliance/recorder.ts';
import { systemClock } from '../system-clock.ts';
import { envOf, turn } from './node.test-support.ts';
import { errnoOf, NodeTcpHost } from './socket.ts';
import type { ConnectOptions, Stream, StreamSink, TcpHost } from './stream.ts';
import { TcpNal } from './tcp-nal.ts';
import type { TcpNi } from './tcp-ni.ts';

const MIB = 1_048_576;
const privilegedTest = testUnless(missingPrivilege);
/** Connections of a complete set: one of each type, or one at all without privileges. */
const LINKS = missingPrivilege === undefined ? 3 : 1;
const clock = systemClock();

const nothing = (): void => undefined;
const NO_STREAM: Stream = {
  local: { address: '', port: 0 },
  remote: { address: '', port: 0 },
  write: nothing,
  finish: nothing,
  resume: nothing,
  destroy: nothing,
  reset: nothing,
};

/** A process that may not use ports below 1024. */
class UnprivilegedHost extends NodeTcpHost {
  override connect(options: ConnectOptions, sink: StreamSink): Stream {
    if (options.fromPort === 0 || options.fromPort > 1023) return super.connect(options, sink);
    setImmediate(() => sink.ended(-EACCES));
    return NO_STREAM;
  }
}

interface RealNode {
  readonly core: Recorder;
  readonly ni: TcpNi;
  readonly nal: TcpNal;
  readonly logs: string[];
}

/** A network of its own on this machine: nodes 1, 2, … */
class Loopback {
  readonly #t: ExecutionContext;
  readonly #prefix = `127.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  readonly port = randomInt(20_000, 30_000);

  constructor(t: ExecutionContext) {
    this.#t = t;
  }

  address(number: number): string {
    return `${this.#prefix}.${number}`;
  }

  async node(number: number, host: TcpHost = new NodeTcpHost()): Promise<RealNode> {
    const core = new Recorder(`node ${number}`);
    const logs: string[] = [];
    const nal = new TcpNal(envOf(clock, core, logs), host);
    const nid = parseNid(`${this.address(number)}@tcp`);
    const options = { nid, interfaceName: 'lo', accept: 'all', acceptPort: this.port, tunables: {} } as const;
    const ni = (await nal.openNi(options)) as TcpNi;
    core.attach(ni);
    this.#t.teardown(async () => {
      await core.close();
      if (core.violations.length > 0) throw new Error(core.violations.join('; '));
    });
    return { core, ni, nal, logs };
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = clock.now() + 10_000_000; !condition(); await turn())
    if (clock.now() > deadline) throw new Error(`in vain waited for: ${what}`);
}

const send = (from: RealNode, to: RealNode, number: number, length: number): number =>
  from.core.send(putTx(from.ni.nid, to.ni.nid, number, length));

const linksOf = ({ ni }: RealNode): number => ni.pairs[0]?.conns.length ?? 0;

/** Sends 64 MiB in PUTs of 1 MiB from memory to memory; gives GB/s. */
async function pump(t: ExecutionContext, from: RealNode, to: RealNode): Promise<number> {
  const count = 64;
  const source = patternBytes(1, MIB);
  const target = new Uint8Array(count * MIB);
  const before = { arrivals: to.core.arrivals.length, ends: from.core.ends.length };
  let arrived = 0;
  to.core.answer = ({ rx }) => {
    rx.iov = [target.subarray(arrived * MIB, ++arrived * MIB)];
    rx.wantedBytes = MIB;
    return RX_PLACE;
  };
  const began = clock.now();
  let sent = 0;
  await until(() => {
    for (; sent < Math.min(count, from.core.ends.length - before.ends + 8); sent++)
      t.is(from.core.send(new TestTx(LNET_MSG_PUT, from.ni.nid, to.ni.nid).carrying([source], 0, MIB)), 0);
    return to.core.placedArrivals.length - before.arrivals === count;
  }, 'all messages are placed');
  const seconds = (clock.now() - began) / 1e6;
  for (let i = 0; i < count; i++) t.is(firstDifference(target.subarray(i * MIB, (i + 1) * MIB), source), undefined);
  to.core.answer = (arrival) => arrival.want();
  return (count * MIB) / 1e9 / seconds;
}

privilegedTest(
  '64 MiB in messages of 1 MiB land in the memory of the target without a copy in JavaScript',
  async (t) => {
    const net = new Loopback(t);
    const [a, b] = [await net.node(1), await net.node(2)];
    t.is(send(a, b, 0, 10), 0);
    await until(() => a.ni.pairs[0]?.hasEachType === true && b.core.placedArrivals.length === 1, 'the set is complete');
    const before = b.ni.counters.rx_copied_bytes;
    const rate = await pump(t, a, b);
    t.log(`${rate.toFixed(2)} GB/s, both ends in one process`);
    t.is(b.ni.counters.rx_copied_bytes, before);
    t.is(a.ni.counters.tx_copied_bytes, 10);
    t.is(b.ni.counters.rx_messages, 65);
  },
);

test.serial(
  'without privileges one CONTROL connection carries bulk as well, all but the beginning without a copy',
  async (t) => {
    const net = new Loopback(t);
    const [a, b] = [await net.node(1, new UnprivilegedHost()), await net.node(2, new UnprivilegedHost())];
    t.is(send(a, b, 0, 10), 0);
    await until(() => b.core.placedArrivals.length === 1, 'the first message is there');
    const rate = await pump(t, a, b);
    t.log(`${rate.toFixed(2)} GB/s, both ends in one process`);
    t.true(b.ni.counters.rx_copied_bytes <= 10 + 65_536);
    t.is(b.ni.pairs[0]?.conns.length, 1);
    t.true((b.ni.pairs[0]?.pid ?? 0) > 0x80000000);
    // And back over the same connection.
    const pid = b.ni.pairs[0]?.pid as number;
    const back = putTx(b.ni.nid, a.ni.nid, 3, 300_000);
    back.nextHopPid = pid;
    t.is(b.core.send(back), 0);
    await until(() => a.core.placedArrivals.length === 1, 'the answer is there');
    t.is(a.ni.counters.connections_accepted, 0);
  },
);

test.serial('a runtime whose accepted sockets take no onread: everything works, with a copy', async (t) => {
  const net = new Loopback(t);
  const [a, b] = [await net.node(1), await net.node(2, new NodeTcpHost('copied'))];
  t.regex(b.nal.description, /copy/);
  t.notRegex(a.nal.description, /copy/, 'on this runtime the direct way works');
  const lengths = [10, 0, 200_000, 1000, MIB, 5];
  b.core.answer = (arrival) => (arrival.number % 2 === 0 ? RX_WAIT : arrival.want());
  lengths.forEach((length, number) => t.is(send(a, b, number, length), 0));
  await until(() => {
    for (const arrival of b.core.arrivals) if (arrival.state === 'waiting') arrival.resume();
    return b.core.placedArrivals.length === lengths.length;
  }, 'all messages are placed');
  for (const { number, payload } of b.core.placedArrivals)
    t.is(firstDifference(payload, patternBytes(number, lengths[number] as number)), undefined);
});

test.serial('S31: TCP_NODELAY and TCP keepalive 30/5/5 are set.', async (t) => {
  const calls: string[] = [];
  const settings = ['setNoDelay', 'setKeepAlive'] as const;
  for (const name of settings) {
    const original = Socket.prototype[name] as (...args: unknown[]) => Socket;
    Object.assign(Socket.prototype, {
      [name](this: Socket, ...args: unknown[]) {
        calls.push([name, ...args].join(' '));
        return original.apply(this, args);
      },
    });
    t.teardown(() => Object.assign(Socket.prototype, { [name]: original }));
  }
  const net = new Loopback(t);
  const [a, b] = [await net.node(1), await net.node(2)];
  t.is(send(a, b, 0, 10), 0);
  await until(() => linksOf(a) === LINKS && linksOf(b) === LINKS, 'the set is complete');
  // Both ends of each connection. The interval and the count of the probes cannot be chosen through node:net.
  t.is(calls.filter((call) => call === 'setNoDelay true').length, 2 * LINKS);
  t.is(calls.filter((call) => call === 'setKeepAlive true 30000').length, 2 * LINKS);
  await sleep(50);
  const timers = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === '01' && columns[2]?.endsWith(`:${net.port.toString(16).toUpperCase()}`))
    .map((columns) => columns[5] as string);
  t.is(timers.length, LINKS);
  for (const timer of timers) {
    const [kind, ticks] = timer.split(':') as [string, string];
    t.is(kind, '02', 'the keepalive timer runs');
    t.true(Math.abs(Number.parseInt(ticks, 16) / 100 - 30) < 2, 'and is due in 30 s');
  }
});

test.serial('a message that must wait stops the reading: the sender gets stuck, memory does not grow', async (t) => {
  const net = new Loopback(t);
  const [a, b] = [await net.node(1), await net.node(2)];
  b.core.answer = () => RX_WAIT;
  for (let number = 0; number < 64; number++) t.is(send(a, b, number, MIB), 0);
  await until(() => b.core.arrivals.length > 0 && a.ni.counters.tx_messages > 0, 'the first waits');
  await sleep(100);
  const stuck = a.ni.counters.tx_messages;
  await sleep(100);
  t.is(a.ni.counters.tx_messages, stuck);
  t.true(b.ni.counters.rx_bytes < 400_000);
  b.core.answer = (arrival) => arrival.want();
  for (const arrival of b.core.arrivals) if (arrival.state === 'waiting') arrival.resume();
  await until(() => b.core.placedArrivals.length === 64, 'all have arrived');
});

test.serial('an address in use, or not of this machine: ERR_LNET_LISTEN says which and what to do', async (t) => {
  const net = new Loopback(t);
  await net.node(1);
  const taken = await t.throwsAsync(net.node(1));
  t.like(taken, { code: 'ERR_LNET_LISTEN', errno: -98 });
  t.regex(taken?.message ?? '', /another process listens there/);
  const nal = new TcpNal(envOf(clock, new Recorder('elsewhere'), []), new NodeTcpHost());
  const options = { interfaceName: 'x', accept: 'all', acceptPort: net.port, tunables: {} } as const;
  const foreign = await t.throwsAsync(nal.openNi({ nid: parseNid('203.0.113.7@tcp'), ...options }));
  t.like(foreign, { code: 'ERR_LNET_LISTEN', errno: -99 });
});

test.serial('after closing, the port is free at once and peers see the end', async (t) => {
  const net = new Loopback(t);
  const [a, b] = [await net.node(1), await net.node(2)];
  t.is(send(a, b, 0, 10), 0);
  await until(() => linksOf(a) === LINKS && b.core.placedArrivals.length === 1, 'linked');
  await b.core.close();
  const again = await net.node(2);
  await until(() => a.core.downs.length === 1, 'the peer sees the end');
  t.is(send(a, again, 1, 10), 0);
  await until(() => again.core.placedArrivals.length === 1, 'linked again');
});

test.serial('connections that die in the handshake leave nothing behind', async (t) => {
  const net = new Loopback(t);
  const node = await net.node(1);
  const sockets = Array.from({ length: 40 }, (_, i) => {
    const socket = connect(net.port, net.address(1));
    socket.on('error', () => {});
    socket.once('connect', () => (i % 2 === 0 ? socket.destroy() : socket.write(Buffer.alloc(5000, i))));
    return socket;
  });
  await until(
    () => node.ni.counters.refused_closed + node.ni.counters.refused_request_magic === sockets.length,
    'all are refused',
  );
  t.is(node.ni.pairs.length, 0);
});

test.serial('IPv6: version 4 on the sockets of this machine', async (t) => {
  const core = new Recorder('six');
  const nal = new TcpNal(envOf(clock, core, []), new NodeTcpHost());
  const nid = parseNid('::1@tcp');
  const acceptPort = randomInt(30_000, 32_000);
  const options = { nid, interfaceName: 'lo', accept: 'all', acceptPort, tunables: {} } as const;
  const ni = await nal.openNi(options).catch(() => null);
  if (!ni) {
    t.pass('this machine has no IPv6');
    return;
  }
  core.attach(ni);
  t.is(core.send(putTx(nid, nid, 1, 100_000)), 0);
  await until(() => core.placedArrivals.length === 1, 'the message is there');
  t.is(core.arrivals[0]?.form, 16);
  await core.close();
  t.deepEqual(core.violations, []);
});

test('errors of sockets: EACCES means the source port only, EPIPE is the RST of the peer', (t) => {
  t.is(errnoOf({ code: 'EACCES', errno: -13, syscall: 'bind' }), -13);
  t.is(errnoOf({ code: 'EACCES', errno: -13, syscall: 'connect' }), -101);
  t.is(errnoOf({ code: 'EPIPE', errno: -32, syscall: 'write' }), -104);
  t.is(errnoOf({ code: 'ECONNREFUSED', errno: -111, syscall: 'connect' }), -111);
  t.is(errnoOf({}), -5);
});
