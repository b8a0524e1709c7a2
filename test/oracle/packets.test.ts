/** The same messages as real packets: what the tap shows is what crosses the network. */
import { freePort } from '../../bench/harness/free-port.ts';
import { LNET_MD_MANAGE_REMOTE, LNET_MD_OP_GET, LNET_MD_OP_PUT } from '../../lnet/index.ts';
import { LoopbackCapture } from './loopback-capture.ts';
import { Conversation } from './oracle-node.ts';
import { testUnless } from '../skip.ts';
import { missingCapture } from './missing-tool.ts';
import { dissectFile, dissectFrames, type Dissected, faultsOf, tshark } from './tshark.ts';

const PORTAL = 57;
const MIB = 1 << 20;
const ADDRESSES = ['127.0.11.1', '127.0.11.2'] as const;

/** Messages in an order that does not depend on which connection was faster. */
const sorted = (messages: readonly Dissected[]): string[] =>
  messages
    .map(({ source, message }) =>
      JSON.stringify({ source, ...message }, (_, value: unknown) =>
        typeof value === 'bigint' ? value.toString(16) : value,
      ),
    )
    .toSorted();

const byText = (x: string, y: string): number => x.localeCompare(y);

/** What a list has that another has not, each as often as it is missing there. */
function without(all: readonly string[], taken: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const one of taken) left.set(one, (left.get(one) ?? 0) + 1);
  return all.filter((one) => {
    const count = left.get(one) ?? 0;
    left.set(one, count - 1);
    return count <= 0;
  });
}

testUnless(missingCapture)(
  'packets on the loopback device, told to be LNet on their port, are the messages that the tap saw',
  async (t) => {
    const acceptPort = await freePort(ADDRESSES);
    const capture = await LoopbackCapture.start(acceptPort);
    t.teardown(() => capture.remove());
    const conversation = new Conversation();
    const [a, b] = [
      await conversation.node(t, { nids: [`${ADDRESSES[0]}@tcp`], acceptPort }),
      await conversation.node(t, { nids: [`${ADDRESSES[1]}@tcp`], acceptPort }),
    ];
    const me = b.node.attachMe({ portal: PORTAL, matchBits: 1n });
    const options = LNET_MD_OP_PUT | LNET_MD_OP_GET | LNET_MD_MANAGE_REMOTE;
    b.node.attachMd(me, { memory: new Uint8Array(MIB), options }, false);
    const transfer = { target: b.nid, portal: PORTAL, matchBits: 1n };
    for (const bytes of [0, 1, 927, 928, 65_536, MIB]) {
      await a.node.put({ ...transfer, memory: new Uint8Array(bytes).fill(0x5a) });
      await a.node.get({ ...transfer, memory: new Uint8Array(bytes) });
    }
    // Many at once share segments, and are cut by them.
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => a.node.put({ ...transfer, memory: new Uint8Array(i * 7), offset: i })),
    );
    for (const { node } of [a, b]) await node.close();
    await capture.stop();

    const seen = dissectFile(capture.file, acceptPort);
    t.deepEqual(seen.flatMap(faultsOf), []);
    const [crossed, tapped] = [sorted(seen), sorted(dissectFrames(conversation.frames))];
    t.deepEqual({ missing: without(tapped, crossed), surplus: without(crossed, tapped) }, { missing: [], surplus: [] });
    t.log(`${seen.length} frames compared`);

    // The dissector knows no handshake: it must have left those bytes alone, whatever they could be taken for.
    const first = [
      '-d',
      `tcp.port==${acceptPort},lnet`,
      '-Y',
      `ip.addr == ${ADDRESSES[0]} && tcp.len > 0 && tcp.seq == 1`,
    ];
    const handshakes = tshark(capture.file, first, 'tcp lnet').map(({ tcp, lnet }) => {
      t.is(lnet, undefined);
      return (tcp as Record<string, string>)['tcp.payload']?.replaceAll(':', '') ?? '';
    });
    const written = [a, b].flatMap(({ host }) =>
      host.sent.map(({ isConnector, bytes }) => bytes.toString('hex', 0, isConnector ? 16 + 56 : 56)),
    );
    t.deepEqual(handshakes.toSorted(byText), written.toSorted(byText));
  },
);
