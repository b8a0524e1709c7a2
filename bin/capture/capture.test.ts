import test from 'ava';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LNET_HDR4_BYTES, LNET_MSG_PUT, LnetHdr } from '../../lnet/wire/lnet-hdr.ts';
import { viewOf } from '../../lnet/wire/layout.ts';
import { type Nid, parseNid } from '../../lnet/wire/nid.ts';
import { missingDissector } from '../../test/oracle/missing-tool.ts';
import { testUnless } from '../../test/skip.ts';
import type { CapturedFrame } from './frame.ts';
import { pcapngHeader, pcapngPacket } from './pcapng.ts';
import { SegmentBuilder } from './segments.ts';

const withTshark = testUnless(missingDissector, test);

const A = parseNid('10.77.0.11@tcp');
const B = parseNid('10.77.0.12@tcp');
const START_US = 1_760_000_000_000_000;

interface GoldenLine {
  readonly t: number;
  readonly conn: number;
  readonly src: string;
  readonly dst: string;
  readonly kind: string;
  readonly type?: string;
  readonly hex: string;
  readonly payloadLength?: number;
  readonly payload?: string;
}

function goldenFrames(name: string, net: string): { frames: CapturedFrame[]; lines: GoldenLine[] } {
  const lines = readFileSync(new URL(`../../test/golden/${name}.jsonl`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as GoldenLine)
    .filter((line) => line.kind === 'message');
  const nidOf = (place: string): Nid => parseNid(`${place.replace(/:[0-9]+$/, '').replace(/[[\]]/g, '')}@${net}`);
  const frames = lines.map((line) => {
    const bytes = Buffer.concat([Buffer.from(line.hex, 'hex'), Buffer.from(line.payload ?? '', 'hex')]);
    return {
      atUs: START_US + Math.round(line.t * 1e6),
      from: nidOf(line.src),
      to: nidOf(line.dst),
      link: line.conn,
      bytes,
      length: line.hex.length / 2 + (line.payloadLength ?? 0),
    };
  });
  return { frames, lines };
}

function putFrame(payloadBytes: number, keptBytes: number, portal: number): CapturedFrame {
  const headBytes = 24 + LNET_HDR4_BYTES;
  const bytes = new Uint8Array(headBytes + payloadBytes).fill(0x5a);
  bytes.fill(0, 0, 24);
  bytes[0] = 0xc1;
  const hdr = new LnetHdr();
  Object.assign(hdr, { destNid: B, srcNid: A, destPid: 12345, srcPid: 12345, type: LNET_MSG_PUT });
  Object.assign(hdr, { payloadLength: payloadBytes, portal, matchBitsLow: 7 });
  hdr.encode(viewOf(bytes), 24, 4);
  const kept = bytes.subarray(0, headBytes + keptBytes);
  return { atUs: START_US, from: A, to: B, link: 1, bytes: kept, length: bytes.length };
}

/** The rows that tshark prints of these fields, one per packet, checksums verified. */
function dissect(frames: readonly CapturedFrame[], filter: string, fields: readonly string[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-capture-'));
  try {
    const builder = new SegmentBuilder();
    const packets = frames.flatMap((frame) =>
      builder.packetsOf(frame).map((packet) => pcapngPacket(frame.atUs, packet.bytes, packet.length)),
    );
    const file = join(folder, 'a.pcapng');
    writeFileSync(file, Buffer.concat([pcapngHeader('lnet-node', 'tcp'), ...packets]));
    const checked = ['-o', 'ip.check_checksum:TRUE', '-o', 'tcp.check_checksum:TRUE'];
    const output = execFileSync(
      'tshark',
      ['-r', file, '-Y', filter, '-T', 'fields', ...checked, ...fields.flatMap((field) => ['-e', field])],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    return output
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split('\t'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

withTshark('a capture of recorded kernel messages opens in tshark as the LNet messages they are', (t) => {
  const { frames, lines } = goldenFrames('ping-discover', 'tcp');
  const rows = dissect(frames, 'lnet', [
    'lnet.ksm_type',
    'lnet.msg_type',
    'lnet.payload_length',
    'ip.src',
    'frame.time_epoch',
  ]);
  const numbers: Record<string, string> = { ACK: '0', PUT: '1', GET: '2', REPLY: '3' };
  t.deepEqual(
    rows.map((row) => row.slice(0, 4)),
    lines.map((line) => [
      '0x000000c1',
      numbers[line.type as string] as string,
      String(line.payloadLength),
      line.src.replace(/:.*/, ''),
    ]),
  );
  t.is(rows[0]?.[4], ((frames[0] as CapturedFrame).atUs / 1e6).toFixed(6).padEnd(20, '0'));
});

withTshark('sequence numbers and checksums of the synthetic segments are right', (t) => {
  const { frames } = goldenFrames('ping-discover', 'tcp');
  const doubtful = 'tcp.checksum.status != 1 || ip.checksum.status != 1 || tcp.analysis.flags';
  t.deepEqual(dissect(frames, doubtful, ['frame.number', '_ws.col.Info']), []);
  t.is(dissect(frames, 'tcp.checksum.status == 1 && ip.checksum.status == 1', ['frame.number']).length, frames.length);
});

withTshark('large NIDs give IPv6 packets with right checksums', (t) => {
  const { frames } = goldenFrames('largenid', 'tcp6');
  const large = frames.filter((frame) => frame.from.isLarge);
  t.true(large.length > 4);
  const rows = dissect(large, 'ipv6 && tcp.checksum.status == 1', ['ipv6.src', 'ipv6.dst']);
  t.deepEqual(
    rows,
    large.map((frame) => [frame.from.addressText, frame.to.addressText]),
  );
});

withTshark('a message of 1 MiB is cut into segments that tshark joins, and the next message is found', (t) => {
  const rows = dissect([putFrame(1_048_576, 1_048_576, 26), putFrame(100, 100, 27)], 'lnet', [
    'lnet.payload_length',
    'lnet.ptl_index',
    'tcp.reassembled.length',
  ]);
  t.deepEqual(rows, [
    ['1048576', '26', String(1_048_576 + 96)],
    ['100', '27', ''],
  ]);
});

withTshark('after a message that was cut short the next one is found', (t) => {
  for (const kept of [0, 500, 65_000 - 96, 70_000]) {
    const frames = [putFrame(1_048_576, kept, 26), putFrame(100, 100, 27), putFrame(3000, 10, 28), putFrame(0, 0, 29)];
    const portals = dissect(frames, 'lnet.ptl_index', ['lnet.ptl_index']).map(([portal]) => portal);
    t.deepEqual(portals.slice(-3), ['27', '28', '29'], `kept ${kept}`);
  }
});

test('a packet is padded to four bytes and says how long it was', (t) => {
  const block = pcapngPacket(0x1_0000_0002, Uint8Array.of(1, 2, 3, 4, 5), 9000);
  const view = viewOf(block);
  t.is(block.length % 4, 0);
  t.deepEqual(
    [4, 12, 16, 20, 24, block.length - 4].map((at) => view.getUint32(at, true)),
    [block.length, 1, 2, 5, 9000, block.length],
  );
});

test('the side that speaks first plays the connector, the answer comes from port 988 of the other', (t) => {
  const builder = new SegmentBuilder();
  const request = putFrame(10, 10, 1);
  const answer = { ...request, from: B, to: A };
  const [first, second, third] = [request, answer, request].map((frame) => viewOf(builder.packetsOf(frame)[0]!.bytes));
  const tcp = 34;
  t.deepEqual([first!.getUint16(tcp), first!.getUint16(tcp + 2)], [1022, 988]);
  t.deepEqual([second!.getUint16(tcp), second!.getUint16(tcp + 2)], [988, 1022]);
  t.is(second!.getUint32(tcp + 8), 1 + request.length);
  t.is(third!.getUint32(tcp + 4), 1 + request.length);
  t.is(third!.getUint32(tcp + 8), 1 + answer.length);
});
