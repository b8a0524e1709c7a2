import type { NalNiOptions } from '../../lnet/nal.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { Recorder } from '../compliance/recorder.ts';
import type { SimNet } from './sim-net.ts';

/** For tests: opens a NID on the fabric's node of that name, with a recording core above it. */
export async function recordedNode(
  fabric: SimNet,
  name: string,
  nid: string,
  options: Partial<NalNiOptions> = {},
): Promise<Recorder> {
  const node = fabric.node(name);
  const recorder = new Recorder(name);
  const nal = node.nal({
    clock: node.clock,
    random: node.random,
    upcalls: recorder,
    pid: 12345,
    log: () => undefined,
  });
  recorder.attach(
    await nal.openNi({
      nid: parseNid(nid),
      interfaceName: 'sim0',
      accept: 'all',
      acceptPort: 988,
      tunables: {},
      ...options,
    }),
  );
  return recorder;
}
