import test from 'ava';
import { parseNid } from '../../lnet/wire/nid.ts';
import type { NalBench } from '../compliance/bench.ts';
import { nalCompliance } from '../compliance/nal-compliance.ts';
import { createFabric } from './fabric.ts';
import type { LinkConditions } from './link.ts';

const NIDS = ['10.0.0.1@tcp', '10.0.0.2@tcp', '10.0.0.3@tcp'].map(parseNid);

function bench(form: 4 | 16, conditions: Partial<LinkConditions>): NalBench {
  const fabric = createFabric({ seed: 1, form, conditions });
  const nodes = NIDS.map((nid) => fabric.node(String(nid)));
  return {
    openNi: (index, upcalls) => {
      const node = nodes[index] as (typeof nodes)[number];
      const nal = node.nal({ clock: node.clock, random: node.random, upcalls, pid: 12345, log: () => undefined });
      const nid = NIDS[index] as (typeof NIDS)[number];
      return nal.openNi({ nid, interfaceName: 'sim0', accept: 'all', acceptPort: 988, tunables: {} });
    },
    until: async (condition, what) => fabric.runUntil(condition, what),
    settle: async () => fabric.advance({ us: 1_000_000 }),
    crash: async (index) => {
      nodes[index]?.crash();
      nodes[index]?.restart();
    },
    cut: (a, b) => fabric.partition([String(NIDS[a])], [String(NIDS[b])]),
    passTimeout: async () => fabric.advance({ us: 51_000_000 }),
    close: async () => undefined,
  };
}

nalCompliance(test, {
  name: 'sim',
  forms: [4, 16],
  reach: 'peers',
  waitStops: 'link',
  open: async (form) => bench(form, {}),
});

nalCompliance(test, {
  name: 'sim over slow, jittery links',
  forms: [4],
  reach: 'peers',
  waitStops: 'link',
  open: async (form) => bench(form, { latencyUs: 300, jitterUs: 900, bytesPerS: 20_000_000 }),
});
