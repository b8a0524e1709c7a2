import test, { type ExecutionContext } from 'ava';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bin/daemon/node.test-support.ts';
import { ROOT } from '../tidy/source-tree.ts';

/** The command as users run it; `npm test` builds it first. */
const COMMAND = join(ROOT, 'dist/bin/lnet.js');
const hasTshark = spawnSync('tshark', ['-v']).status === 0;

interface Place {
  readonly folder: string;
  readonly port: number;
  /** Writes a configuration for one address; gives its path. */
  readonly config: (name: string, address: string, more?: string) => string;
  /** Runs a command to its end. */
  readonly run: (...words: string[]) => Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** Starts a daemon and waits until it is ready. */
  readonly up: (...words: string[]) => Promise<Daemon>;
}

interface Daemon {
  readonly process: ChildProcess;
  readonly stdout: () => string;
  readonly ended: Promise<number | null>;
}

async function place(t: ExecutionContext): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-e2e-'));
  const port = await freePort();
  const running = new Set<ChildProcess>();
  t.teardown(() => {
    for (const child of running) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  const start = (
    words: readonly string[],
  ): { child: ChildProcess; out: { stdout: string; stderr: string }; ended: Promise<number | null> } => {
    const environment = { ...process.env, XDG_RUNTIME_DIR: folder };
    const child = spawn(process.execPath, [COMMAND, ...words], {
      env: environment,
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    const out = { stdout: '', stderr: '' };
    child.stdout.on('data', (piece: Buffer) => (out.stdout += piece.toString()));
    child.stderr.on('data', (piece: Buffer) => (out.stderr += piece.toString()));
    const ended = new Promise<number | null>((resolve) => {
      child.on('close', (code) => {
        running.delete(child);
        resolve(code);
      });
    });
    return { child, out, ended };
  };
  return {
    folder,
    port,
    config: (name, address, more = '') => {
      const path = join(folder, `${name}.yaml`);
      writeFileSync(
        path,
        `net: [{net type: tcp, interfaces: [${address}]}]\nglobal: {accept: all, accept_port: ${port}}\n${more}`,
      );
      return path;
    },
    run: async (...words) => {
      const { out, ended } = start(words);
      return { code: await ended, ...out };
    },
    up: async (...words) => {
      const { child, out, ended } = start(['up', ...words]);
      const isReady = new Promise<boolean>((resolve) => {
        child.stdout?.on('data', () => out.stdout.includes('ready;') && resolve(true));
        void ended.then(() => resolve(false));
      });
      if (!(await isReady)) throw new Error(`the daemon ended: ${out.stderr}`);
      return { process: child, stdout: () => out.stdout, ended };
    },
  };
}

test('lnet up says which interfaces are up and where it listens for commands, and ends in order on SIGTERM and SIGINT', async (t) => {
  const { config, up, run, folder, port } = await place(t);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const daemon = await up(config('site', '127.0.0.141'));
    const socket = join(folder, 'lnet/site.sock');
    t.is(daemon.stdout(), `127.0.0.141@tcp up on 127.0.0.141 (tcp, port ${port})\nready; commands at ${socket}\n`);
    t.is(statSync(socket).mode & 0o777, 0o600);
    t.is(statSync(join(folder, 'lnet')).mode & 0o777, 0o700);
    t.like(JSON.parse((await run('status', '--json')).stdout), { name: 'site', pid: daemon.process.pid });
    daemon.process.kill(signal);
    t.is(await daemon.ended, 0, signal);
    t.false(existsSync(socket));
  }
});

test('a second daemon on the same socket is refused and the first goes on; lnet down ends it', async (t) => {
  const { config, up, run, folder } = await place(t);
  const file = config('site', '127.0.0.142');
  const daemon = await up(file);
  const second = await run('up', file);
  t.is(second.code, 240);
  t.regex(second.stderr, /^lnet: an lnet daemon answers at .*site\.sock already; stop it with 'lnet down/);
  t.deepEqual(await run('down'), { code: 0, stdout: '', stderr: '' });
  t.is(await daemon.ended, 0);
  t.regex((await run('down')).stderr, /^lnet: no lnet daemon of yours is running/);

  const third = await up(file);
  third.process.kill('SIGKILL');
  await third.ended;
  t.true(existsSync(join(folder, 'lnet/site.sock')));
  const fourth = await up(file);
  await run('down');
  t.is(await fourth.ended, 0);
});

test('a configuration that cannot be applied starts nothing and is explained', async (t) => {
  const { config, run, folder, up } = await place(t);
  const wrong = await run('up', config('wrong', '127.0.0.143', 'speed: 9\n'));
  t.is(wrong.code, 234);
  t.regex(wrong.stderr, /^lnet: .*wrong\.yaml:3:1: invalid key 'speed'; known here: net,/);
  t.false(existsSync(join(folder, 'lnet/wrong.sock')));
  t.regex((await run('up', join(folder, 'none.yaml'))).stderr, /cannot open '.*none\.yaml': No such file or directory/);
  await up(config('first', '127.0.0.144'));
  const taken = await run('up', config('second', '127.0.0.144'));
  t.not(taken.code, 0);
  t.regex(taken.stderr, /^lnet: .*127\.0\.0\.144/m);
  t.false(existsSync(join(folder, 'lnet/second.sock')));
});

test('two daemons ping and discover each other; files travel whole; a capture opens in tshark', async (t) => {
  const { config, up, run, folder } = await place(t);
  mkdirSync(join(folder, 'shared'));
  await up(config('a', '127.0.0.145'));
  await up(config('b', '127.0.0.146', `share: ${join(folder, 'shared')}\n`));
  const peer = '127.0.0.146@tcp';
  const pcap = join(folder, 'a.pcapng');
  const capture = run('capture', '--socket', 'a', '-w', pcap, '--seconds', '60', '--count', '40', '--snaplen', '4096');
  // The file exists from the moment on in which the command has its tap or is about to: ping until it has seen enough.
  const ping = await run('ping', peer, '--socket', 'a');
  t.is(ping.stdout, `ping:\n- primary nid: ${peer}\n  Multi-Rail: false\n  peer_ni:\n  - nid: ${peer}\n`);
  t.is((await run('discover', peer, '--socket', 'a')).code, 0);
  const shown = await run('peer', 'show', '--socket', 'a');
  t.is(
    shown.stdout,
    `peer:\n-     primary nid: ${peer}\n      Multi-Rail: true\n      peer ni:\n      -     nid: ${peer}\n            state: NA\n`,
  );

  const bytes = randomBytes(9_000_001);
  writeFileSync(join(folder, 'data'), bytes);
  const put = await run('put', 'data', peer, '--socket', 'a');
  t.is(put.stderr, '');
  t.true(put.stdout.includes(createHash('sha256').update(bytes).digest('hex')));
  t.true(readFileSync(join(folder, 'shared/data')).equals(bytes));
  t.is((await run('get', `${peer}:data`, 'back', '--socket', 'a')).code, 0);
  t.true(readFileSync(join(folder, 'back')).equals(bytes));

  const captured = await capture;
  t.is(captured.code, 0);
  t.is(captured.stderr, '40 messages captured\n');
  if (!hasTshark) {
    t.log('tshark is not there: the capture was not opened');
    return;
  }
  const { stdout } = spawnSync(
    'tshark',
    ['-r', pcap, '-Y', 'lnet', '-T', 'fields', '-e', 'lnet.msg_type', '-e', 'lnet.ptl_index'],
    {
      encoding: 'utf8',
    },
  );
  const rows = stdout.trimEnd().split('\n');
  t.is(rows.length, 40);
  t.true(rows.includes('1\t60'), 'a request of the transfer');
});

test('a capture that is interrupted ends with what it has', async (t) => {
  const { config, up, folder } = await place(t);
  await up(config('a', '127.0.0.147'));
  const pcap = join(folder, 'a.pcapng');
  const child = spawn(process.execPath, [COMMAND, 'capture', '-w', pcap], {
    env: { ...process.env, XDG_RUNTIME_DIR: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
  const ended = new Promise((resolve) => child.on('close', resolve));
  while (!existsSync(pcap)) await new Promise(setImmediate);
  child.kill('SIGINT');
  t.is(await ended, 0);
  t.regex(stderr, /^0 messages captured\n$/);
  t.true(statSync(pcap).size > 0);
});
