import test, { type ExecutionContext } from 'ava';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LnetError } from '../../lnet/error-code.ts';
import { ControlClient } from './control-client.ts';
import { ControlServer, type Handler, type Handlers } from './control-server.ts';
import { ReportedError } from './fault.ts';
import { LineReader } from './line-reader.ts';
import { CLIENTS_MAX, LINE_BYTES_MAX, REQUESTS_MAX } from './protocol.ts';
import {
  daemonNameOf,
  onlySocket,
  prepareSocket,
  socketDirectory,
  socketPathOf,
  type SocketEnvironment,
} from './socket-path.ts';

interface Fixture {
  readonly path: string;
  readonly server: ControlServer;
  readonly defects: unknown[];
  readonly client: () => Promise<ControlClient>;
}

async function serve(t: ExecutionContext, handlers: Handlers): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-control-'));
  const path = join(folder, 'a.sock');
  const defects: unknown[] = [];
  const server = new ControlServer({ name: 'a', handlers, onDefect: (error) => defects.push(error) });
  await server.listen(path);
  const clients: ControlClient[] = [];
  t.teardown(async () => {
    for (const client of clients) client.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return {
    path,
    server,
    defects,
    client: async () => {
      const client = await ControlClient.connect(path);
      clients.push(client);
      return client;
    },
  };
}

/** Sends raw bytes and gives everything that comes back until the daemon closes. */
function raw(path: string, bytes: string | Buffer): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    socket.on('data', (piece: Buffer) => (text += piece.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(text.trimEnd().split('\n')));
    socket.write(bytes);
  });
}

/** A handler that ends only when it is told to. */
const untilAborted: Handler = (_args, { signal }) =>
  new Promise((_resolve, reject) => {
    const end = (): void => reject(new LnetError('ERR_LNET_CANCELED', { errno: -125, message: 'ended' }));
    signal.addEventListener('abort', end);
  });

test('requests are answered by id, in whatever order they end', async (t) => {
  let release: ((result: string) => void) | undefined;
  const { client } = await serve(t, {
    slow: () => new Promise<string>((resolve) => (release = resolve)),
    fast: (args) => args['x'] ?? null,
  });
  const one = await client();
  const slow = one.request('slow');
  t.is(await one.request('fast', { x: 7 }), 7);
  release?.('slow');
  t.is(await slow, 'slow');
});

test('an answer in parts arrives part by part', async (t) => {
  const { client } = await serve(t, {
    count: (_args, stream) => {
      for (let i = 0; i < 3; i++) stream.item(i);
      return 'end';
    },
  });
  const parts: unknown[] = [];
  t.is(await (await client()).request('count', {}, { onItem: (part) => parts.push(part) }), 'end');
  t.deepEqual(parts, [0, 1, 2]);
});

test('an error crosses the socket with code, errno, hint and wording', async (t) => {
  const { client, defects } = await serve(t, {
    busy: () => {
      throw new LnetError('ERR_LNET_BUSY', { errno: -16, message: 'in use', hint: 'wait' });
    },
    route: () => {
      const report = { action: 'add', item: 'route', description: 'no such thing' };
      throw new ReportedError('ERR_LNET_NOT_FOUND', report, { errno: -2, place: 'a.yaml:1:2' });
    },
    broken: () => {
      throw new TypeError('x is undefined');
    },
  });
  const one = await client();
  const busy = await t.throwsAsync(one.request('busy'), { instanceOf: LnetError });
  t.deepEqual([busy.code, busy.errno, busy.hint, busy.message], ['ERR_LNET_BUSY', -16, 'wait', 'in use; wait']);
  const route = await t.throwsAsync(one.request('route'), { instanceOf: ReportedError });
  t.deepEqual([route.report.item, route.place, route.errno], ['route', 'a.yaml:1:2', -2]);
  t.deepEqual(defects, []);
  const broken = await t.throwsAsync(one.request('broken'), { instanceOf: LnetError });
  t.regex(broken.message, /defect of the daemon: x is undefined/);
  t.is(defects.length, 1);
});

test('a cancel and a client that goes away end the request', async (t) => {
  const signals: AbortSignal[] = [];
  const { client } = await serve(t, {
    wait: (args, stream) => {
      signals.push(stream.signal);
      return untilAborted(args, stream);
    },
    ready: () => signals.length,
  });
  const one = await client();
  const controller = new AbortController();
  const waiting = one.request('wait', {}, { signal: controller.signal });
  await one.request('ready');
  controller.abort();
  t.is((await t.throwsAsync(waiting, { instanceOf: LnetError })).code, 'ERR_LNET_CANCELED');
  const two = await client();
  const lost = two.request('wait');
  await two.request('ready');
  two.close();
  await t.throwsAsync(lost, { instanceOf: LnetError });
  t.true(signals.every((signal) => signal.aborted));
});

test('an operation that does not exist is refused and counted, the client goes on', async (t) => {
  const { client, server } = await serve(t, { known: () => 1 });
  const one = await client();
  const error = await t.throwsAsync(one.request('toString'), { instanceOf: LnetError });
  t.is(error.code, 'ERR_LNET_PROTOCOL');
  t.is(server.counters.operations_unknown, 1);
  t.is(await one.request('known'), 1);
});

test('a line that is no request cuts the client off, is counted, and others go on', async (t) => {
  const { path, client, server } = await serve(t, { known: () => 1 });
  const lines = [
    'hello',
    '[]',
    '{"id":"x","op":"known"}',
    '{"id":1}',
    '{"id":1,"op":"known","more":1}',
    '{"id":-4,"op":"known"}',
    '\u0000',
  ];
  for (const line of lines) {
    const [, answer] = await raw(path, `${line}\n`);
    t.regex(answer as string, /"id":-1.*ERR_LNET_PROTOCOL/, line);
  }
  t.is(server.counters.lines_unreadable, lines.length);
  t.is(await (await client()).request('known'), 1);
});

test('a line longer than allowed cuts the client off and is counted; the longest allowed is read', async (t) => {
  const { path, server } = await serve(t, { length: (args) => (args['x'] as string).length });
  const head = '{"id":1,"op":"length","args":{"x":"';
  const fill = LINE_BYTES_MAX - head.length - 3;
  const client = connect(path);
  const answer = new Promise<string>((resolve) => {
    let text = '';
    client.on('data', (piece: Buffer) => {
      text += piece.toString();
      if (text.split('\n').length > 2) resolve(text);
    });
  });
  client.write(`${head}${'a'.repeat(fill)}"}}\n`);
  t.regex(await answer, new RegExp(`"result":${fill}`));
  client.destroy();
  const [, refusal] = await raw(path, `${head}${'a'.repeat(fill + 1)}"}}\n`);
  t.regex(refusal as string, /longer than/);
  t.is(server.counters.lines_too_long, 1);
});

test('too many requests of one client at once are turned away and counted', async (t) => {
  const { client, server } = await serve(t, { wait: untilAborted, quick: () => 1 });
  const one = await client();
  for (let i = 0; i < REQUESTS_MAX; i++) one.request('wait').catch(() => {});
  const error = await t.throwsAsync(one.request('quick'), { instanceOf: LnetError });
  t.is(error.code, 'ERR_LNET_BUSY');
  t.is(server.counters.requests_refused, 1);
  t.is(await (await client()).request('quick'), 1);
});

test('too many clients are turned away and counted; one that leaves makes room', async (t) => {
  const { path, server, client } = await serve(t, { quick: () => 1 });
  const sockets: Socket[] = [];
  for (let i = 0; i < CLIENTS_MAX; i++) sockets.push(connect(path));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('data', resolve))));
  const refused = await client();
  const error = await t.throwsAsync(refused.request('quick'), { instanceOf: LnetError });
  t.is(error.code, 'ERR_LNET_BUSY');
  t.is(server.counters.clients_refused, 1);
  for (const socket of sockets) {
    await new Promise((resolve) => {
      socket.once('close', resolve);
      socket.end();
    });
  }
  t.is(await (await client()).request('quick'), 1);
});

test('the socket is the owner’s alone', async (t) => {
  const { path } = await serve(t, {});
  t.is(statSync(path).mode & 0o777, 0o600);
});

test('a command without a daemon says how to start one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-control-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const error = await t.throwsAsync(ControlClient.connect(join(folder, 'none.sock')), { instanceOf: LnetError });
  t.is(error.code, 'ERR_LNET_DOWN');
  t.regex(error.message, /no lnet daemon answers at .*none\.sock; start one with 'lnet up FILE.yaml'/);
});

test('what is no lnet daemon, or speaks another version, is recognised', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-control-'));
  const path = join(folder, 'a.sock');
  const greetings = ['hello\n', '{"lnet":99,"pid":1,"name":"a"}\n'];
  const server = createServer((socket) => socket.end(greetings.shift() ?? ''));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  t.regex(
    (await t.throwsAsync(ControlClient.connect(path))).message,
    /no lnet daemon of this version: it does not greet/,
  );
  t.regex((await t.throwsAsync(ControlClient.connect(path))).message, /it speaks version 99/);
});

test('lines come out whole however the stream is cut', (t) => {
  const text = Buffer.from('alpha\n\nb\u00e9ta\u{1f600}\nrest');
  for (let cut = 1; cut < text.length; cut++) {
    const reader = new LineReader(100);
    const lines = [...(reader.push(text.subarray(0, cut)) ?? []), ...(reader.push(text.subarray(cut)) ?? [])];
    t.deepEqual(lines, ['alpha', '', 'b\u00e9ta\u{1f600}']);
  }
  t.is(new LineReader(3).push(Buffer.from('abcd')), undefined);
  t.deepEqual(new LineReader(3).push(Buffer.from('abc\n')), ['abc']);
});

const environmentOf = (folder: string): SocketEnvironment => ({
  runtimeDirectory: folder,
  temporaryDirectory: '/nowhere',
  uid: process.getuid?.() ?? 0,
});

test('the default socket is named after the configuration, in a directory of the user', (t) => {
  const environment = environmentOf('/run/user/7');
  t.is(socketPathOf(daemonNameOf('/etc/lnet/site.yaml'), environment), '/run/user/7/lnet/site.sock');
  t.is(
    socketDirectory({ ...environment, runtimeDirectory: undefined, temporaryDirectory: '/tmp', uid: 9 }),
    '/tmp/lnet-9',
  );
  t.is(socketPathOf('./x.sock', environment), join(process.cwd(), 'x.sock'));
  t.is(daemonNameOf('.yaml'), '.yaml');
  t.throws(() => socketPathOf(`/${'a'.repeat(120)}`, environment), { message: /too long for a socket/ });
});

test('a command that names no daemon takes the only one, and asks when there are several', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-control-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const environment = environmentOf(folder);
  t.throws(() => onlySocket(environment), { message: /no lnet daemon of yours is running/ });
  mkdirSync(join(folder, 'lnet'));
  writeFileSync(join(folder, 'lnet', 'a.sock'), '');
  t.is(onlySocket(environment), join(folder, 'lnet', 'a.sock'));
  writeFileSync(join(folder, 'lnet', 'b.sock'), '');
  t.throws(() => onlySocket(environment), {
    message: /several lnet daemons of yours are running: a, b; name one: --socket a/,
  });
});

test('a second daemon on a socket is refused; what a dead one left is removed; anything else is left alone', async (t) => {
  const { path, client } = await serve(t, {});
  const environment = environmentOf('/nowhere');
  const error = await t.throwsAsync(prepareSocket(path, environment), { instanceOf: LnetError });
  t.is(error.code, 'ERR_LNET_BUSY');
  await client();

  const folder = mkdtempSync(join(tmpdir(), 'lnet-control-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const dead = join(folder, 'dead.sock');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(dead, resolve));
  // Node unlinks on close; a killed process does not.
  const kept = join(folder, 'kept.sock');
  const { linkSync } = await import('node:fs');
  linkSync(dead, kept);
  await new Promise((resolve) => server.close(resolve));
  t.true(existsSync(kept));
  await prepareSocket(kept, environment);
  t.false(existsSync(kept));

  const file = join(folder, 'file');
  writeFileSync(file, 'precious');
  await t.throwsAsync(prepareSocket(file, environment), { message: /exists and is no socket/ });
  t.true(existsSync(file));
});

test('a socket directory that others can enter is not used', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-control-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const environment = environmentOf(folder);
  const path = socketPathOf('a', environment);
  await prepareSocket(path, environment);
  t.is(statSync(join(folder, 'lnet')).mode & 0o777, 0o700);
  chmodSync(join(folder, 'lnet'), 0o755);
  await t.throwsAsync(prepareSocket(path, environment), { message: /nobody else can enter/ });
  await t.throwsAsync(prepareSocket(path, { ...environment, uid: environment.uid + 1 }), { message: /of yours/ });
});
