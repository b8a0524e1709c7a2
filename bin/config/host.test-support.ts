import type { ConfigHost } from '../../lnet/config/host.ts';
import { type PlannedNode, readPlan } from '../../lnet/config/read-plan.ts';
import { ConfigReader } from '../../lnet/config/reader.ts';
import type { NalTunable } from '../../lnet/nal.ts';
import { readYaml } from './yaml-tree.ts';

const tunable = (name: string, min: number, max: number, unit: NalTunable['unit'] = 'count'): NalTunable => ({
  name,
  default: min,
  min,
  max,
  unit,
  help: '',
  isShown: true,
});

const TUNABLES: Readonly<Record<string, readonly NalTunable[]>> = {
  tcp: [tunable('conns_per_peer', 0, 127), tunable('tos', -1, 255)],
  udp: [tunable('mtu', 1200, 9000, 'bytes')],
  rdma: [
    ...['peercredits_hiw', 'concurrent_sends', 'fmr_pool_size', 'fmr_flush_trigger', 'fmr_cache', 'ntx'].map((name) =>
      tunable(name, 0, 65_535),
    ),
    tunable('conns_per_peer', 0, 127),
    tunable('tos', -1, 255),
  ],
};

/** A machine with two Ethernets and an InfiniBand, and a program with three NALs. */
export const HOST: ConfigHost = {
  interfaces: () => [
    { name: 'lo', isLoopback: true, addresses: ['127.0.0.1', '::1'] },
    { name: 'eth2', isLoopback: false, addresses: ['fe80::1'] },
    { name: 'eth0', isLoopback: false, addresses: ['169.254.3.3', '192.168.1.10', 'fe80::2', 'fd00::10'] },
    { name: 'eth1', isLoopback: false, addresses: ['192.168.2.10', '10.20.2.5'] },
    { name: 'ib0', isLoopback: false, addresses: ['10.10.0.1'] },
    { name: 'eth6', isLoopback: false, addresses: ['fd00::66'] },
  ],
  nalOf: (name) => (TUNABLES[name] ? { name, tunables: TUNABLES[name] } : undefined),
};

export interface ReadResult extends PlannedNode {
  readonly warnings: readonly string[];
}

/** Reads a text as `site.yaml` of that machine. */
export async function planOf(text: string, extensions: readonly string[] = [], host = HOST): Promise<ReadResult> {
  const warnings: string[] = [];
  const reader = new ConfigReader('site.yaml', host, (warning) => warnings.push(warning));
  const planned = readPlan(reader, await readYaml(text, 'site.yaml'), extensions);
  return { ...planned, warnings };
}
