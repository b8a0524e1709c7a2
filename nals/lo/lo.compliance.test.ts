import test from 'ava';
import { seededRandom } from '../../lnet/nal.ts';
import { NID_LOOPBACK } from '../../lnet/wire/nid.ts';
import { nalCompliance } from '../compliance/nal-compliance.ts';
import { SimClock } from '../sim/sim-clock.ts';
import { loNal } from './lo-nal.ts';

nalCompliance(test, {
  name: 'lo',
  forms: [4],
  reach: 'self',
  waitStops: 'message',
  open: async () => ({
    openNi: (_node, upcalls) =>
      loNal({ clock: new SimClock(), random: seededRandom(1), upcalls, pid: 12345, log: () => undefined }).openNi({
        nid: NID_LOOPBACK,
        interfaceName: 'lo',
        accept: 'none',
        acceptPort: 0,
        tunables: {},
      }),
    // Everything happens within the call that sends.
    until: async (condition, what) => {
      if (!condition()) throw new Error(`not so: ${what}`);
    },
    settle: async () => undefined,
    close: async () => undefined,
  }),
});
