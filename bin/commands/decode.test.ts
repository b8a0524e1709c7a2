import test from 'ava';
import { join } from 'node:path';
import { ROOT } from '../../test/tidy/source-tree.ts';
import { runCommand } from './daemon.test-support.ts';

const decode = (...words: string[]): ReturnType<typeof runCommand> =>
  runCommand('/nowhere/a.sock', ['decode', ...words]);
const capture = join(ROOT, 'test', 'golden', 'fs-mount-ls-umount.jsonl');

test('decode prints each message of an RPC on a line, with times, ends and what matters of it; no daemon is needed', async (t) => {
  const { exitCode, stdout, stderr } = await decode(capture);
  t.is(exitCode, 0);
  t.is(stderr, '58 messages of RPCs, 2 of bulk, 0 unreadable\n');
  const lines = stdout.trimEnd().split('\n');
  t.is(lines.length, 60);
  t.is(
    lines[0],
    '0.000000 10.77.0.12@tcp > 10.77.0.11@tcp MGS_CONNECT request xid 0x6b00ee600ef00 INITIAL tgtuuid "MGS" ' +
      'cluuid "fb5bace7-94b2-4668-9214-fd3f7b129371"',
  );
  t.regex(lines[5] ?? '', /LLOG_ORIGIN_HANDLE_CREATE reply xid 0x6b00ee600f000 status -2/);
});

test('decode --full prints every buffer', async (t) => {
  const { stdout } = await decode(capture, '--full');
  t.regex(stdout, /^ {2}cdata:\n {4}connectFlags: VERSION\|/m);
  t.regex(stdout, /^ {2}cut by the recording: llogLogHdr$/m);
});

test('decode --json prints one object a message', async (t) => {
  const { stdout } = await decode(capture, '--json');
  const first = JSON.parse(stdout.split('\n')[0] as string) as Record<string, unknown>;
  t.like(first, { kind: 'request', opc: 250, name: 'MGS_CONNECT', portal: 26, xid: '1882427895115520' });
});

test('decode says what is wrong with a file that is missing or no capture', async (t) => {
  const missing = await decode('/nowhere/a.pcap');
  t.not(missing.exitCode, 0);
  t.regex(missing.stderr, /^lnet: cannot read \/nowhere\/a\.pcap: ENOENT/);
  const foreign = await decode(join(ROOT, 'package.json'));
  t.not(foreign.exitCode, 0);
  t.regex(foreign.stderr, /package\.json: line 1 is neither JSON nor part of a packet capture/);
});
