import test from 'ava';
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseNid } from '../../lnet/wire/nid.ts';
import type { NalBench } from '../compliance/bench.ts';
import { nalCompliance } from '../compliance/nal-compliance.ts';
import { SimClock } from '../sim/sim-clock.ts';
import { systemClock } from '../system-clock.ts';
import { NodeDatagramHost } from './datagram-socket.ts';
import { envOf, PORT, turn } from './node.test-support.ts';
import { UdpNal } from './udp-nal.ts';
import { type Conditions, VirtualUdp } from './virtual-udp.test-support.ts';

const NIDS = {
  4: ['10.0.0.1@udp', '10.0.0.2@udp', '10.0.0.3@udp'],
  16: ['fd00::1@udp', 'fd00::2@udp', 'fd00::3@udp'],
} as const;

function virtualBench(form: 4 | 16, seed: number, conditions: Partial<Conditions>): NalBench {
  const clock = new SimClock(`udp compliance, seed ${seed}`);
  const net = new VirtualUdp(clock, { seed, ...conditions });
  const nids = NIDS[form].map((text) => parseNid(text));
  const addresses = nids.map((nid) => nid.addressText);
  return {
    openNi: (index, upcalls) =>
      new UdpNal(envOf(clock, upcalls), net.host()).openNi({
        nid: nids[index] as (typeof nids)[number],
        interfaceName: 'eth0',
        accept: 'secure',
        acceptPort: PORT,
        tunables: {},
      }),
    until: async (condition, what) => {
      await turn();
      clock.runUntil(condition, what);
    },
    settle: async () => clock.advance({ us: 1_000_000 }),
    crash: async (index) => {
      for (const [place, socket] of net.sockets)
        if (socket.address === addresses[index]) {
          socket.sink.received = () => {};
          socket.send = () => {};
          net.sockets.delete(place);
        }
    },
    cut: (a, b) => net.cut(String(addresses[a]), String(addresses[b])),
    passTimeout: async () => clock.advance({ us: 51_000_000 }),
    close: async () => undefined,
  };
}

nalCompliance(test, {
  name: 'virtual UDP',
  forms: [4, 16],
  reach: 'peers',
  waitStops: 'link',
  open: async (form) => virtualBench(form, 1, {}),
});

nalCompliance(test, {
  name: 'virtual UDP with loss, duplicates and reordering',
  forms: [4],
  reach: 'peers',
  waitStops: 'link',
  open: async (form) => virtualBench(form, 2, { loss: 0.05, duplicate: 0.05, delayUs: 500, jitterUs: 1_000 }),
});

function loopbackBench(): NalBench {
  const clock = systemClock();
  const net = `127.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const port = randomInt(20_000, 30_000);
  return {
    openNi: (index, upcalls) =>
      new UdpNal(envOf(clock, upcalls), new NodeDatagramHost()).openNi({
        nid: parseNid(`${net}.${index + 1}@udp`),
        interfaceName: 'lo',
        accept: 'all',
        acceptPort: port,
        tunables: {},
      }),
    until: async (condition, what) => {
      const deadline = clock.now() + 10_000_000;
      while (!condition()) {
        if (clock.now() > deadline) throw new Error(`in vain waited for: ${what}`);
        await turn();
      }
    },
    settle: () => sleep(20),
    close: async () => undefined,
  };
}

nalCompliance(test, {
  name: 'UDP on loopback',
  forms: [4],
  reach: 'peers',
  waitStops: 'link',
  open: async () => loopbackBench(),
});
