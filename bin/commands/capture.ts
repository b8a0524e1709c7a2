import type { Command } from 'commander';
import { closeSync, openSync, writeSync } from 'node:fs';
import { EINVAL, EIO } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import { parseCInteger } from '../../lnet/config/c-integer.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import type { CapturedFrame } from '../capture/frame.ts';
import { pcapngHeader, pcapngPacket } from '../capture/pcapng.ts';
import { SegmentBuilder } from '../capture/segments.ts';
import { summaryOf } from '../capture/summary.ts';
import type { Tree, TreeMap } from '../print/tree.ts';
import { common } from './options.ts';
import type { CommonOptions, Shell } from './shell.ts';

/** Bytes of each frame that a listing needs: the headers. */
const HEADER_BYTES = 128;

interface CaptureOptions extends CommonOptions {
  readonly write?: string;
  readonly count?: string;
  readonly seconds?: string;
  readonly snaplen?: string;
}

/** `capture`: what crosses the TCP links of the node, as a listing or as pcapng for Wireshark. */
export function addCapture(program: Command, shell: Shell): void {
  common(program.command('capture').description('show the messages that cross the TCP links of the node'))
    .option('-w, --write <file>', "write pcapng for Wireshark to this file; '-': to standard output")
    .option('-c, --count <n>', 'end after so many messages')
    .option('--seconds <n>', 'end after so many seconds')
    .option('--snaplen <bytes>', 'keep at most so many bytes of each message; default: all')
    .action((options: CaptureOptions) => shell.run(options, { format: 'plain' }, () => capture(shell, options)));
}

async function capture(shell: Shell, options: CaptureOptions): Promise<void> {
  const limits = {
    count: positive(options.count, '--count'),
    seconds: positive(options.seconds, '--seconds'),
    snap_bytes: positive(options.snaplen, '--snaplen') ?? (options.write === undefined ? HEADER_BYTES : undefined),
  };
  const args = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)) as TreeMap;
  const sink = options.write === undefined ? lineSink(shell, options) : fileSink(options.write);
  let frames = 0;
  let lost = 0;
  const onItem = (part: Tree): void => {
    frames++;
    sink.frame(frameOf(part as TreeMap));
  };
  try {
    const request = { onItem, signal: shell.world.interrupt };
    const result = (await shell.withDaemon(options, (client) => client.request('capture', args, request))) as TreeMap;
    lost = result['lost'] as number;
  } catch (error) {
    // Ctrl-C is how a capture without a limit ends.
    if (!(error instanceof LnetError && error.code === 'ERR_LNET_CANCELED')) throw error;
  } finally {
    sink.end();
  }
  const more = lost > 0 ? `, ${lost} lost because this command did not keep up` : '';
  shell.world.stderr(`${frames} messages captured${more}\n`);
}

function positive(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const value = parseCInteger(text);
  if (value !== undefined && value > 0) return value;
  throw new LnetError('ERR_LNET_BAD_ARGUMENT', {
    errno: -EINVAL,
    message: `'${text}' is no value for ${option}`,
    hint: 'a whole number above 0 belongs here',
  });
}

function frameOf(item: TreeMap): CapturedFrame {
  return {
    atUs: item['at_us'] as number,
    from: parseNid(item['from'] as string),
    to: parseNid(item['to'] as string),
    link: item['link'] as number,
    length: item['length'] as number,
    bytes: Buffer.from(item['data'] as string, 'base64'),
  };
}

interface Sink {
  readonly frame: (frame: CapturedFrame) => void;
  readonly end: () => void;
}

function lineSink(shell: Shell, { json }: CommonOptions): Sink {
  return {
    frame: (frame) =>
      shell.print(
        json ? `${JSON.stringify({ ...frame, bytes: undefined, text: summaryOf(frame) })}\n` : `${summaryOf(frame)}\n`,
      ),
    end: () => {},
  };
}

function fileSink(path: string): Sink {
  const file = openOutput(path);
  const segments = new SegmentBuilder();
  // Written at once: a capture that is interrupted is a whole file up to that point.
  writeSync(file, pcapngHeader('lnet-node', 'lnet'));
  return {
    frame: (frame) => {
      const packets = segments.packetsOf(frame);
      writeSync(file, Buffer.concat(packets.map((packet) => pcapngPacket(frame.atUs, packet.bytes, packet.length))));
    },
    end: () => {
      if (file !== process.stdout.fd) closeSync(file);
    },
  };
}

function openOutput(path: string): number {
  if (path === '-') return process.stdout.fd;
  try {
    return openSync(path, 'w', 0o600);
  } catch (error) {
    throw new LnetError('ERR_LNET_IO', {
      errno: -EIO,
      message: `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`,
      cause: error,
    });
  }
}
