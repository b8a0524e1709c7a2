import test from 'ava';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pcapngHeader, pcapngPacket } from '../../bin/capture/pcapng.ts';
import { SegmentBuilder } from '../../bin/capture/segments.ts';
import { FILE_SYSTEM_CAPTURES, type GoldenFrame, goldenFrames } from '../../ptlrpc/capture/golden.test-support.ts';
import { RpcTracker } from '../../ptlrpc/capture/rpc-tracker.ts';
import { MDS_IO_PORTAL, OUT_PORTAL } from '../../ptlrpc/wire/portal.ts';
import { reencode } from '../../ptlrpc/wire/reencode.test-support.ts';
import type { RpcMessage } from '../../ptlrpc/wire/rpc-message.ts';

const hasTshark = spawnSync('tshark', ['-v']).status === 0;
const withTshark = hasTshark ? test : test.skip;

/** Requests on these portals tshark 4.0 leaves undissected. */
const UNDISSECTED_PORTALS: ReadonlySet<number> = new Set([MDS_IO_PORTAL, OUT_PORTAL]);

interface Written {
  readonly golden: GoldenFrame;
  readonly rpc: RpcMessage;
  /** The frame's headers as recorded, the message as we write it from its decoded values. */
  readonly bytes: Uint8Array;
}

function writtenMessages(capture: string): readonly Written[] {
  const tracker = new RpcTracker();
  return goldenFrames(capture).flatMap((golden) => {
    const seen = tracker.add(golden.frame);
    if (!('rpc' in seen)) return [];
    return [{ golden, rpc: seen.rpc, bytes: Buffer.concat([golden.head, reencode(seen.rpc)]) }];
  });
}

const FIELDS = [
  'lnet.msg_dst_match_bits',
  'lnet.ptl_index',
  'lustre.lustre_msg_v2.lm_bufcount',
  'lustre.lustre_msg_v2.lm_buflens',
  'lustre.ptlrpc_body.pb_type',
  'lustre.ptlrpc_body.pb_opc',
  'lustre.ptlrpc_body.pb_status',
  'lustre.ptlrpc_body.pb_transno',
  'lustre.ptlrpc_body.pb_last_xid',
  'lustre.ptlrpc_body.pb_last_committed',
];

/** One row a message, as tshark sees it. */
function dissect(messages: readonly Written[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-rpc-'));
  try {
    const builder = new SegmentBuilder();
    const packets = messages.flatMap(({ golden: { frame }, bytes }, i) =>
      builder
        .packetsOf({ atUs: i, from: frame.src, to: frame.dst, link: 1, bytes, length: bytes.length })
        .map((packet) => pcapngPacket(i, packet.bytes, packet.length)),
    );
    const file = join(folder, 'a.pcapng');
    writeFileSync(file, Buffer.concat([pcapngHeader('lnet-node', 'tcp'), ...packets]));
    const fields = FIELDS.flatMap((field) => ['-e', field]);
    const output = execFileSync('tshark', ['-r', file, '-Y', 'lnet', '-T', 'fields', ...fields], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
    });
    return output
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split('\t').map(plain));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Numbers as decimal text, whatever base tshark shows them in. */
function plain(column: string): string {
  return column
    .split(',')
    .map((value) => (value === '' ? '' : String(BigInt.asIntN(64, BigInt(value)))))
    .join(',');
}

for (const capture of FILE_SYSTEM_CAPTURES)
  withTshark(
    `${capture}: tshark's Lustre dissector reads from what we write what we read from what was recorded`,
    (t) => {
      const messages = writtenMessages(capture);
      const rows = dissect(messages);
      t.is(rows.length, messages.length);
      let compared = 0;
      for (const [i, { golden, rpc }] of messages.entries()) {
        if (UNDISSECTED_PORTALS.has(golden.frame.portal)) continue;
        compared++;
        const { body, message } = rpc;
        t.deepEqual(
          rows[i],
          [
            golden.frame.matchBits,
            golden.frame.portal,
            message.bufferCount,
            message.bufferLengths.join(','),
            body.type,
            body.opc,
            body.status,
            body.transno,
            body.lastXid,
            body.lastCommitted,
          ].map(String),
          `line ${golden.line}`,
        );
      }
      t.log(`${compared} of ${messages.length} messages compared`);
    },
  );
