import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { EINVAL, EIO } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import { RpcTracker, type Sighting } from '../../ptlrpc/capture/rpc-tracker.ts';
import { describe, describeInFull } from '../../ptlrpc/wire/describe.ts';
import type { LnetFrame } from '../../ptlrpc/capture/lnet-frame.ts';
import { readRecording, type Recording } from '../capture/recorded-frames.ts';
import { common } from './options.ts';
import type { CommonOptions, Shell } from './shell.ts';

interface DecodeOptions extends CommonOptions {
  readonly full?: boolean;
}

/** `decode`: the RPCs in a capture file, one a line or in full. Needs no daemon. */
export function addDecode(program: Command, shell: Shell): void {
  common(program.command('decode').description('show the Lustre RPCs in a capture file: pcap, pcapng or JSON lines'))
    .argument('<file>', 'the capture')
    .option('--full', 'every buffer of every message, one value a line')
    .action((file: string, options: DecodeOptions) =>
      shell.run(options, { format: 'plain' }, () => Promise.resolve(decode(shell, file, options))),
    );
}

function decode(shell: Shell, file: string, options: DecodeOptions): void {
  const { frames, skippedBytes } = recordingOf(file);
  const tracker = new RpcTracker();
  const counts = { rpcs: 0, bulk: 0, bad: 0 };
  for (const frame of frames) {
    const seen = tracker.add(frame);
    if (seen.kind === 'foreign' || seen.kind === 'bulk-ask') continue;
    counts[seen.kind === 'bulk' || seen.kind === 'bad' ? seen.kind : 'rpcs']++;
    shell.print(options.json ? `${JSON.stringify(jsonOf(frame, seen))}\n` : lineOf(frame, seen, options));
  }
  const skipped = skippedBytes > 0 ? `, ${skippedBytes} bytes of no known frame skipped` : '';
  shell.world.stderr(`${counts.rpcs} messages of RPCs, ${counts.bulk} of bulk, ${counts.bad} unreadable${skipped}\n`);
}

function recordingOf(file: string): Recording {
  try {
    return readRecording(readFileSync(file));
  } catch (error) {
    if (error instanceof WireError)
      throw new LnetError('ERR_LNET_BAD_ARGUMENT', {
        errno: -EINVAL,
        message: `${file}: ${error.message}`,
        hint: 'pcap, pcapng and the JSON lines of test/golden are read',
      });
    throw new LnetError('ERR_LNET_IO', {
      errno: -EIO,
      message: `cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`,
      cause: error,
    });
  }
}

function textOf(frame: LnetFrame, seen: Sighting, isFull: boolean): string {
  if (seen.kind === 'bad') return `portal ${frame.portal}: unreadable: ${seen.error.message}`;
  if (seen.kind === 'bulk') {
    const xid = seen.exchange ? ` of xid 0x${seen.exchange.xid.toString(16)}` : '';
    return `bulk ${frame.payloadBytes} bytes${xid}`;
  }
  if (!('rpc' in seen)) return '';
  const options = { xid: seen.exchange?.xid ?? frame.matchBits };
  return isFull ? describeInFull(seen.rpc, options) : describe(seen.rpc, options);
}

function lineOf(frame: LnetFrame, seen: Sighting, { full }: DecodeOptions): string {
  return `${frame.timeS.toFixed(6)} ${frame.src} > ${frame.dst} ${textOf(frame, seen, full === true)}\n`;
}

function jsonOf(frame: LnetFrame, seen: Sighting): object {
  const { timeS, src, dst, portal } = frame;
  const ends = { time: timeS, src: String(src), dst: String(dst), portal, kind: seen.kind };
  if (!('rpc' in seen)) return { ...ends, text: textOf(frame, seen, false) };
  const { opc, status, transno } = seen.rpc.body;
  const xid = (seen.exchange?.xid ?? frame.matchBits).toString();
  return {
    ...ends,
    xid,
    opc,
    name: seen.rpc.format?.name,
    status,
    transno: transno.toString(),
    text: textOf(frame, seen, false),
  };
}
