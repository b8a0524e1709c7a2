import test from 'ava';
import { testUnless } from '../skip.ts';
import { canMakeNamespace, replayInNamespace } from './namespace.ts';

const namespaceTest = testUnless(
  (await canMakeNamespace()) ? undefined : 'no network namespace can be made here: that takes unshare and ip',
  test,
);

const ADDRESSES = ['10.77.0.11', '10.77.0.12', 'fd77::11', 'fd77::12'];
const NIDS_11 = ['10.77.0.11@tcp', 'fd77::11@tcp6'];
const NIDS_12 = ['10.77.0.12@tcp', '10.77.0.12@tcp1', 'fd77::12@tcp6'];

namespaceTest('a node with large NIDs discovers and pings a kernel as a kernel does', async (t) => {
  const kernelNids = { '10.77.0.12': NIDS_12.slice(0, 2), 'fd77::12': NIDS_12.slice(2) };
  const report = await replayInNamespace({ capture: 'largenid', nids: NIDS_11, kernelNids }, ADDRESSES);
  t.deepEqual({ ...report, compared: 0 }, { compared: 0, differences: [], unexpected: [], faults: [] });
  t.true(report.compared >= 8);
});

namespaceTest('a kernel with large NIDs discovers and pings us as it did a kernel', async (t) => {
  const kernelNids = { '10.77.0.11': NIDS_11.slice(0, 1), 'fd77::11': NIDS_11.slice(1) };
  const acquainted = { knows: ['fd77::11@tcp6'], informed: ['fd77::11@tcp6'] };
  const report = await replayInNamespace({ capture: 'largenid', nids: NIDS_12, kernelNids, ...acquainted }, ADDRESSES);
  // The kernel was a router; this node is not, and says so.
  const routing = report.differences.filter(({ field }) => field === 'ping.features');
  t.deepEqual(
    routing.map(({ recorded, ours }) => ({ recorded, ours })),
    Array.from({ length: 3 }, () => ({ recorded: '0x3a', ours: '0x3e' })),
  );
  const others = report.differences.filter((difference) => !routing.includes(difference));
  t.deepEqual(
    { others, unexpected: report.unexpected, faults: report.faults },
    { others: [], unexpected: [], faults: [] },
  );
});
