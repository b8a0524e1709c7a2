import test from 'ava';
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ESHUTDOWN, type NalNi, type NalUpcalls } from '../../lnet/nal.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import type { NalBench } from '../compliance/bench.ts';
import { nalCompliance } from '../compliance/nal-compliance.ts';
import { SimClock } from '../sim/sim-clock.ts';
import { systemClock } from '../system-clock.ts';
import { envOf, PORT, turn } from './node.test-support.ts';
import { NodeTcpHost } from './socket.ts';
import { TcpNal } from './tcp-nal.ts';
import { VirtualTcp } from './virtual-tcp.test-support.ts';

const NIDS = {
  4: ['10.0.0.1@tcp', '10.0.0.2@tcp', '10.0.0.3@tcp'],
  16: ['fd00::1@tcp', 'fd00::2@tcp', 'fd00::3@tcp'],
} as const;

function virtualBench(form: 4 | 16, readMax: number): NalBench {
  const clock = new SimClock('tcp compliance');
  const net = new VirtualTcp(clock);
  net.readMax = readMax;
  const nids = NIDS[form].map((text) => parseNid(text));
  const openNi = (index: number, upcalls: Parameters<NalBench['openNi']>[1]): Promise<NalNi> =>
    new TcpNal(envOf(clock, upcalls, []), net.host()).openNi({
      nid: nids[index] as (typeof nids)[number],
      interfaceName: 'eth0',
      accept: 'secure',
      acceptPort: PORT,
      tunables: {},
    });
  return {
    openNi,
    until: async (condition, what) => {
      await turn();
      clock.runUntil(condition, what);
    },
    settle: async () => clock.advance({ us: 10_000 }),
    cut: (a, b) => net.cut(String(nids[a]?.addressText), String(nids[b]?.addressText)),
    close: async () => undefined,
  };
}

nalCompliance(test, {
  name: 'virtual TCP',
  forms: [4, 16],
  reach: 'peers',
  waitStops: 'link',
  open: async (form) => virtualBench(form, Number.POSITIVE_INFINITY),
});

nalCompliance(test, {
  name: 'virtual TCP in reads of 397 bytes',
  forms: [4],
  reach: 'peers',
  waitStops: 'link',
  open: async (form) => virtualBench(form, 397),
});

/** A core that hears nothing any more once its life is over. */
function mortal(core: NalUpcalls, life: { readonly isOver: boolean }): NalUpcalls {
  return {
    arrived: (rx) => (life.isOver ? -ESHUTDOWN : core.arrived(rx)),
    placed: (rx, errno) => life.isOver || core.placed(rx, errno),
    sent: (tx, errno, health) => life.isOver || core.sent(tx, errno, health),
    peerDown: (ni, nid) => life.isOver || core.peerDown(ni, nid),
    linkFatal: (ni, isFatal) => life.isOver || core.linkFatal(ni, isFatal),
  };
}

function loopbackBench(): NalBench {
  const clock = systemClock();
  const net = `127.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const port = randomInt(20_000, 30_000);
  const nis: NalNi[] = [];
  const lives: { isOver: boolean }[] = [];
  const received = (): number => nis.reduce((sum, ni) => sum + (ni.counters['rx_bytes'] as number), 0);
  return {
    openNi: async (index, upcalls) => {
      lives[index] = { isOver: false };
      const env = envOf(clock, mortal(upcalls, lives[index]), []);
      const ni = await new TcpNal(env, new NodeTcpHost()).openNi({
        nid: parseNid(`${net}.${index + 1}@tcp`),
        interfaceName: 'lo',
        accept: 'all',
        acceptPort: port,
        // A process without privileges has one connection per peer: its loss, while a message waits, shows only by this.
        tunables: { timeout: 3 },
      });
      nis[index] = ni;
      return ni;
    },
    until: async (condition, what) => {
      const deadline = clock.now() + 10_000_000;
      // A message is sent when the kernel has it: what is on its way to the other node arrives within some turns.
      for (let quietTurns = 0, before = -1; quietTurns < 20; quietTurns++) {
        if (!condition() || received() !== before) quietTurns = 0;
        before = received();
        if (clock.now() > deadline) throw new Error(`in vain waited for: ${what}`);
        await turn();
      }
    },
    settle: () => sleep(20),
    crash: async (index) => {
      (lives[index] as { isOver: boolean }).isOver = true;
      await nis[index]?.close();
    },
    close: async () => undefined,
  };
}

nalCompliance(test, {
  name: 'TCP on loopback',
  forms: [4],
  reach: 'peers',
  waitStops: 'link',
  open: async () => loopbackBench(),
});
