import test from 'ava';
import { freePort } from '../../bench/harness/free-port.ts';
import { missingPrivilege, testUnless } from '../skip.ts';
import { type CapturedFrame, readCapture } from './capture.ts';
import { AddressMap } from './nid-map.ts';
import { Player, type ReplayReport, type UpperLayer } from './player.ts';
import { scriptOf } from './script.ts';

const replayTest = testUnless(missingPrivilege, test);

/** Another player needs nobody above it: it sends what was recorded. */
const NOBODY: UpperLayer = { cause: () => Promise.resolve(), reach: () => undefined };

const ADDRESSES = ['10.77.0.11', '10.77.0.12', '10.77.0.13'];

let lastBlock = 200;

/** Two players face each other: one stands for the node at `own`, the other for all kernels. Gives what the latter saw. */
async function mirror(
  frames: readonly CapturedFrame[],
  own: string,
  change: (frames: readonly CapturedFrame[]) => readonly CapturedFrame[] = (same) => same,
): Promise<ReplayReport> {
  const addresses = AddressMap.loopback(lastBlock++);
  const port = await freePort(ADDRESSES.map((address) => addresses.played(address)));
  const common = { addresses, port, upper: NOBODY, patienceMs: 500 };
  const kernels = new Player({ ...common, script: scriptOf(frames, [own]) });
  const others = ADDRESSES.filter((address) => address !== own);
  const node = new Player({ ...common, script: scriptOf(change(frames), others) });
  try {
    await kernels.listen();
    await node.listen();
    const [report] = await Promise.all([kernels.play(), node.play()]);
    return report;
  } finally {
    kernels.close();
    node.close();
  }
}

for (const [capture, own] of [
  ['ping-discover', '10.77.0.12'],
  ['ping-discover', '10.77.0.11'],
  ['lst', '10.77.0.11'],
  ['lst', '10.77.0.12'],
  ['lst', '10.77.0.13'],
] as const) {
  replayTest(`a node that sends exactly what ${own} sent in ${capture} passes`, async (t) => {
    const report = await mirror(readCapture(capture), own);
    t.deepEqual({ ...report, compared: 0 }, { compared: 0, differences: [], unexpected: [], faults: [] });
    t.true(report.compared >= 4);
  });
}

/** The frames with one byte of one frame changed. */
const flipped = (index: number, part: 'head' | 'payload', at: number) => (frames: readonly CapturedFrame[]) =>
  frames.map((frame) => {
    if (frame.index !== index) return frame;
    const bytes = Buffer.from(frame[part]);
    bytes.writeUInt8((bytes[at] as number) ^ 1, at);
    return { ...frame, [part]: bytes };
  });

replayTest('a wrong byte is reported by the name of its field', async (t) => {
  const features = await mirror(readCapture('ping-discover'), '10.77.0.12', flipped(7, 'payload', 4));
  t.deepEqual(features.differences, [{ frame: 7, field: 'ping.features', recorded: '0x1e', ours: '0x1f' }]);
  const mlength = await mirror(readCapture('ping-discover'), '10.77.0.12', flipped(15, 'head', 24 + 32 + 24));
  t.deepEqual(mlength.differences, [{ frame: 15, field: 'ack.mlength', recorded: '0x30', ours: '0x31' }]);
});

replayTest('an incarnation may be any, but not change between connections', async (t) => {
  const once = await mirror(readCapture('ping-discover'), '10.77.0.12', (frames) =>
    [2, 6, 10].reduce((all, index) => flipped(index, 'head', 33)(all), frames),
  );
  t.deepEqual(once.differences, []);
  const changing = await mirror(readCapture('ping-discover'), '10.77.0.12', flipped(6, 'head', 33));
  t.deepEqual(
    changing.differences.map(({ frame, field }) => ({ frame, field })),
    [{ frame: 6, field: 'hello.srcIncarnation' }],
  );
});

replayTest('a frame that ours leaves out is named', async (t) => {
  const error = await t.throwsAsync(
    mirror(readCapture('ping-discover'), '10.77.0.12', (frames) => frames.filter(({ index }) => index !== 15)),
  );
  t.regex(error.message, /frame 15: ACK to 10\.77\.0\.11@tcp/);
});
