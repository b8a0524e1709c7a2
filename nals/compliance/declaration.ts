import { EINVAL, LnetError } from '../../lnet/nal.ts';
import { LNET_MTU } from '../../lnet/wire/lnet-hdr.ts';
import type { Suite } from './bench.ts';

/** What a NAL says of itself, as data. */
export function declarationRules(suite: Suite): void {
  suite.rule('declares limits that carry every LNet message', async (t, scene) => {
    const [a] = await scene.openAll();
    const { caps } = a.ni.nal;
    t.true(caps.payloadBytesMax >= LNET_MTU);
    t.true(caps.segmentsMax >= 256);
    t.true(a.ni.nal.description.length > 0);
    t.true(a.ni.interfaceName.length > 0);
    t.true(a.ni.timeoutUs >= 0);
  });

  suite.rule('every counter that is declared is there, and no other', async (t, scene) => {
    const [a] = await scene.openAll();
    const declared = a.ni.nal.counterNames.map(({ name }) => name);
    t.deepEqual(Object.keys(a.ni.counters).toSorted(), declared.toSorted());
    t.is(new Set(declared).size, declared.length);
    for (const counter of a.ni.nal.counterNames) {
      t.is(a.ni.counters[counter.name], 0);
      t.true(counter.help.length > 0);
    }
  });

  suite.rule('every tunable that is declared has its default, and no other is there', async (t, scene) => {
    const [a] = await scene.openAll();
    const declared = a.ni.nal.tunables.map(({ name }) => name);
    t.deepEqual(Object.keys(a.ni.tunables).toSorted(), declared.toSorted());
    for (const tunable of a.ni.nal.tunables) {
      t.true(tunable.min <= tunable.default && tunable.default <= tunable.max, tunable.name);
      t.true(tunable.help.length > 0);
    }
  });

  suite.rule('a tunable that is unknown or out of range is refused and changes nothing', async (t, scene) => {
    const [a] = await scene.openAll();
    const before = { ...a.ni.tunables };
    t.throws(() => a.ni.setTunable('no_such_tunable', 1), { instanceOf: LnetError });
    for (const { name, min, max } of a.ni.nal.tunables) {
      const above = t.throws(() => a.ni.setTunable(name, max + 1), { instanceOf: LnetError });
      t.is(above.errno, -EINVAL);
      t.throws(() => a.ni.setTunable(name, min - 1), { instanceOf: LnetError });
    }
    t.deepEqual({ ...a.ni.tunables }, before);
  });
}
