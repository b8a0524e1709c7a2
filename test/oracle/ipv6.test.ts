/**
 * Version 4 and large NIDs, for which no dissector exists: two nodes of ours at the addresses of the capture send what the
 * kernel nodes sent, and beyond that what the API was asked for.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readCapture } from '../replay/capture.ts';
import { FrameCutter } from '../replay/frame-cutter.ts';
import { fieldBytes, fieldNamed, fieldsOf, fieldText, type Frame, messageType } from '../replay/frame-fields.ts';
import { differences } from '../replay/rules.ts';
import { ASKED, ASKING, type Ipv6Report, MATCH_BITS, PORTAL, SIZES } from './ipv6-pair.ts';
import { testUnless } from '../skip.ts';
import { missingNamespace } from './missing-tool.ts';

async function runPair(): Promise<Ipv6Report> {
  const program = fileURLToPath(new URL('ipv6-pair.ts', import.meta.url));
  const args = ['--net', process.execPath, '--import', 'tsx', program];
  const { stdout } = await promisify(execFile)('unshare', args, { maxBuffer: 1 << 26, timeout: 60_000 });
  return JSON.parse(stdout) as Ipv6Report;
}

/** Frames by the side that sent them and the connection: `[fd77::11]:1023 to [fd77::12]:988`. */
function byStream(report: Ipv6Report): Map<string, Frame[]> {
  return new Map(
    report.streams.map(({ src, dst, isConnector, hex }) => [
      `${src} to ${dst}`,
      new FrameCutter(isConnector).push(Buffer.from(hex, 'hex')),
    ]),
  );
}

const onIpv6 = (name: string): boolean => name.startsWith('[fd77::');

/** `fd77::11@tcp6` as it stands in a header. */
function nid16Hex(nid: string): string {
  const [start = '', end = ''] = nid.replace('@tcp6', '').split('::');
  return `0c020006${start.padEnd(28, '0')}${end.padStart(4, '0')}`;
}

testUnless(missingNamespace)(
  'over IPv6 our nodes send what the kernels of the capture sent, on the same connections and from the same ports',
  async (t) => {
    const report = await runPair();
    const ours = byStream(report);
    const recorded = new Map<string, Frame[]>();
    for (const frame of readCapture('largenid')) {
      const end = ({ address, port }: typeof frame.src): string => `[${address}]:${port}`;
      const name = `${end(frame.src)} to ${end(frame.dst)}`;
      if (onIpv6(name)) recorded.set(name, [...(recorded.get(name) ?? []), frame]);
    }
    t.deepEqual([...ours.keys()].filter(onIpv6).toSorted(), [...recorded.keys()].toSorted());

    let compared = 0;
    const constants = new Map<string, Map<string, string>>();
    for (const [name, kernelFrames] of recorded) {
      const side = name.startsWith('[fd77::11]') ? 'asking' : 'asked';
      if (!constants.has(side)) constants.set(side, new Map());
      for (const [i, kernelFrame] of kernelFrames.entries()) {
        const own = ours.get(name)?.[i] as Frame;
        const found = differences(asEndNode(kernelFrame), own, constants.get(side)!);
        t.deepEqual(
          found.filter(({ field }) => !isHandleOfOther(field)),
          [],
          `${name}, frame ${i}`,
        );
        compared++;
      }
    }
    t.log(`${compared} frames compared`);

    const beyond = [...ours].flatMap(([name, frames]) =>
      onIpv6(name) ? frames.slice(recorded.get(name)?.length) : [],
    );
    checkTransfers(t, beyond, report);
  },
);

/** ACK and REPLY echo a handle that the other side chose; that they do is checked with the transfers. */
const isHandleOfOther = (field: string): boolean => field === 'ack.handle' || field === 'reply.handle';

/** The recorded node that was asked is a router; ours is none and says so. */
function asEndNode(frame: Frame): Frame {
  const features = fieldsOf(frame).find(({ name }) => name === 'ping.features');
  if (!features) return frame;
  const payload = Buffer.from(frame.payload);
  payload.writeUInt32LE(payload.readUInt32LE(features.at) | 0x4, features.at);
  return { ...frame, payload };
}

type Assertions = Parameters<Parameters<ReturnType<typeof testUnless>>[1]>[0];

const valueOf = (frame: Frame, name: string): string => fieldText(frame, fieldNamed(frame, name));

const handle = (frame: Frame): string =>
  fieldBytes(frame, fieldNamed(frame, `${messageType(frame)}.handle`)).toString('hex');

/** What the headers of all types have, but for the type. */
const header = (frame: Frame): string[] =>
  ['srcNid', 'destNid', 'srcPid', 'destPid', 'payloadLength'].map((name) => valueOf(frame, `hdr.${name}`));

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** PUT, ACK, GET and REPLY of each size, field by field as they were asked for. */
function checkTransfers(t: Assertions, frames: readonly Frame[], { cookies: [cookie] }: Ipv6Report): void {
  const messages = frames.filter(({ kind }) => kind === 'message');
  t.is(messages.length, SIZES.length * 4);
  const fieldsOfType = (type: string): Frame[] => messages.filter((frame) => messageType(frame) === type);
  const [from, to] = [nid16Hex(ASKING[1]), nid16Hex(ASKED[2])];
  const pids = [hex(12345), hex(12345)];
  for (const size of SIZES) {
    const put = fieldsOfType('put').find((frame) => valueOf(frame, 'put.hdrData') === hex(size)) as Frame;
    t.deepEqual(header(put), [from, to, ...pids, hex(size)]);
    t.deepEqual(
      ['matchBits', 'portal', 'offset'].map((name) => valueOf(put, `put.${name}`)),
      [hex(MATCH_BITS), hex(PORTAL), '0x0'],
    );
    t.is(fieldBytes(put, fieldNamed(put, 'put.handle')).readBigUInt64LE(0), BigInt(cookie));
    t.true(put.payload.equals(Buffer.alloc(size, 0x5a)));
    const ack = fieldsOfType('ack').find((frame) => handle(frame) === handle(put)) as Frame;
    t.deepEqual(header(ack), [to, from, ...pids, '0x0']);
    t.deepEqual(
      ['matchBits', 'mlength', 'unused'].map((name) => valueOf(ack, `ack.${name}`)),
      [hex(MATCH_BITS), hex(size), '00'.repeat(12)],
    );
    const get = fieldsOfType('get').find((frame) => valueOf(frame, 'get.sinkLength') === hex(size)) as Frame;
    t.deepEqual(header(get), [from, to, ...pids, '0x0']);
    t.deepEqual(
      ['matchBits', 'portal', 'offset', 'unused'].map((name) => valueOf(get, `get.${name}`)),
      [hex(MATCH_BITS), hex(PORTAL), '0x0', '00000000'],
    );
    const reply = fieldsOfType('reply').find((frame) => handle(frame) === handle(get)) as Frame;
    t.deepEqual(header(reply), [to, from, ...pids, hex(size)]);
    t.is(valueOf(reply, 'reply.unused'), '00'.repeat(24));
    t.true(reply.payload.equals(Buffer.alloc(size, 0x5a)));
  }
}
