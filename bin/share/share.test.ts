import test, { type ExecutionContext } from 'ava';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LnetError } from '../../lnet/error-code.ts';
import type { LnetNode } from '../../lnet/node.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import { startNodes } from '../daemon/node.test-support.ts';
import { isSafeFileName } from './file-name.ts';
import {
  CHUNK_BYTES,
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  SHARE_COMMIT,
  SHARE_MATCH_BITS,
  SHARE_OFFER,
  SHARE_OPEN,
  SHARE_READ,
  SHARE_REQUEST_PORTAL,
  SHARE_WRITE,
} from './protocol.ts';
import { ShareRequester } from './requester.ts';
import { ShareServer } from './server.ts';
import { fetchFile, sendFile, type TransferOptions } from './transfer.ts';

interface Fixture {
  /** Directory that the server shares, and one of the client's own. */
  readonly shared: string;
  readonly own: string;
  readonly client: LnetNode;
  readonly server: ShareServer;
  readonly target: Nid;
  readonly transfer: (path: string, name: string) => TransferOptions;
}

let nextHost = 41;

async function fixture(t: ExecutionContext): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-share-'));
  const [shared, own] = [join(folder, 'shared'), join(folder, 'own')];
  mkdirSync(shared);
  mkdirSync(own);
  t.teardown(() => rmSync(folder, { recursive: true }));
  const addresses = [`127.0.0.${nextHost++}`, `127.0.0.${nextHost++}`];
  const [client, serving] = (await startNodes(t, addresses)) as [LnetNode, LnetNode];
  const server = await ShareServer.open(serving, shared);
  t.teardown(() => server.close());
  const target = serving.nid as Nid;
  const { signal } = new AbortController();
  const transfer = (path: string, name: string): TransferOptions => ({
    node: client,
    target,
    path: join(own, path),
    name,
    signal,
    onProgress: () => {},
  });
  return { shared, own, client, server, target, transfer };
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('files of every size around the chunk arrive whole, in both directions', async (t) => {
  const { shared, own, transfer, server } = await fixture(t);
  for (const size of [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 20 * CHUNK_BYTES + 12_345]) {
    const bytes = randomBytes(size);
    const name = `file-${size}`;
    writeFileSync(join(own, name), bytes);
    const seen: number[] = [];
    const sent = await sendFile({ ...transfer(name, name), onProgress: (done) => seen.push(done) });
    t.deepEqual(sent, { bytes: size, sha256: digest(bytes) });
    t.is(seen.at(-1) ?? 0, size);
    t.true(readFileSync(join(shared, name)).equals(bytes), name);
    const got = await fetchFile({ ...transfer(`back-${size}`, name), replaces: false });
    t.deepEqual(got, { bytes: size, sha256: digest(bytes) });
    t.true(readFileSync(join(own, `back-${size}`)).equals(bytes), name);
  }
  t.deepEqual(
    readdirSync(shared).filter((name) => name.includes('part')),
    [],
  );
  t.deepEqual(
    readdirSync(own).filter((name) => name.includes('part')),
    [],
  );
  t.deepEqual(
    [server.counters.files_received, server.counters.files_sent, server.counters.transfers_given_up],
    [6, 6, 0],
  );
});

test('a name that is there already is refused on both sides; --force replaces the own one', async (t) => {
  const { shared, own, transfer } = await fixture(t);
  writeFileSync(join(own, 'a'), 'new');
  writeFileSync(join(shared, 'a'), 'old');
  const put = await t.throwsAsync(sendFile(transfer('a', 'a')), { instanceOf: LnetError });
  t.is(put.code, 'ERR_LNET_EXISTS');
  t.is(readFileSync(join(shared, 'a'), 'utf8'), 'old');
  const get = await t.throwsAsync(fetchFile({ ...transfer('a', 'a'), replaces: false }), { instanceOf: LnetError });
  t.is(get.code, 'ERR_LNET_EXISTS');
  await fetchFile({ ...transfer('a', 'a'), replaces: true });
  t.is(readFileSync(join(own, 'a'), 'utf8'), 'old');
});

test('nothing outside the shared directory can be named, read or written', async (t) => {
  const { shared, own, transfer, client, target } = await fixture(t);
  writeFileSync(join(own, 'secret'), 'secret');
  symlinkSync(join(own, 'secret'), join(shared, 'link'));
  symlinkSync(join(own, 'created'), join(shared, 'dangling'));
  mkdirSync(join(shared, 'folder'));
  const requester = new ShareRequester(client, target, new AbortController().signal);
  for (const name of [
    '../own/secret',
    '..',
    '.',
    '',
    '/etc/passwd',
    'folder/x',
    '.hidden',
    'a\u0000b',
    'link',
    'folder',
  ]) {
    await t.throwsAsync(requester.call({ op: SHARE_OPEN, name }), { instanceOf: LnetError }, `open ${name}`);
  }
  for (const name of ['../own/created', '..', '', 'folder/x', '.hidden', 'folder', 'link']) {
    await t.throwsAsync(
      requester.call({ op: SHARE_OFFER, name, size: 0n }),
      { instanceOf: LnetError },
      `offer ${name}`,
    );
  }
  writeFileSync(join(own, 'x'), 'x');
  await t.throwsAsync(sendFile(transfer('x', 'dangling')), { instanceOf: LnetError });
  t.false(existsSync(join(own, 'created')));
  t.deepEqual(readdirSync(shared).toSorted(), ['dangling', 'folder', 'link']);
  await t.throwsAsync(sendFile(transfer('x', '../y')), { message: /is no name of a file that can be shared/ });
});

test('a file that changes, is cut short or is not complete never gets its final name', async (t) => {
  const { shared, client, target } = await fixture(t);
  const requester = new ShareRequester(client, target, new AbortController().signal);
  const bytes = randomBytes(CHUNK_BYTES + 10);
  const offer = {
    op: SHARE_OFFER,
    name: 'a',
    size: BigInt(bytes.length),
    sha256: createHash('sha256').update('other').digest(),
  };
  const wrong = await requester.call(offer);
  await requester.call(
    { op: SHARE_WRITE, transferId: wrong.transferId, chunk: 0 },
    { memory: bytes.subarray(0, CHUNK_BYTES), access: 'read' },
  );
  await requester.call(
    { op: SHARE_WRITE, transferId: wrong.transferId, chunk: 1 },
    { memory: bytes.subarray(CHUNK_BYTES), access: 'read' },
  );
  const commit = await t.throwsAsync(requester.call({ op: SHARE_COMMIT, transferId: wrong.transferId }), {
    instanceOf: LnetError,
  });
  t.is(commit.errno, -5);

  const half = await requester.call(offer);
  await requester.call(
    { op: SHARE_WRITE, transferId: half.transferId, chunk: 1 },
    { memory: bytes.subarray(CHUNK_BYTES), access: 'read' },
  );
  await t.throwsAsync(requester.call({ op: SHARE_COMMIT, transferId: half.transferId }), { instanceOf: LnetError });

  const short = await requester.call(offer);
  const tooShort = requester.call(
    { op: SHARE_WRITE, transferId: short.transferId, chunk: 0 },
    { memory: bytes.subarray(0, 5), access: 'read' },
  );
  await t.throwsAsync(tooShort, { message: /chunk 0 has 5 bytes/ });
  const beyond = requester.call(
    { op: SHARE_WRITE, transferId: short.transferId, chunk: 2 },
    { memory: bytes.subarray(0, 5), access: 'read' },
  );
  await t.throwsAsync(beyond, { message: /chunk 2 is not part/ });
  t.deepEqual(
    readdirSync(shared).filter((name) => !name.startsWith('.lnet-')),
    [],
  );
});

test('a transfer belongs to the node that opened it, and a closing server leaves no unfinished file', async (t) => {
  const { shared, client, server, target } = await fixture(t);
  const requester = new ShareRequester(client, target, new AbortController().signal);
  const { transferId } = await requester.call({ op: SHARE_OFFER, name: 'a', size: 10n });
  t.is(readdirSync(shared).length, 1);
  const stranger = await requester
    .call({ op: SHARE_READ, transferId: transferId + 1n })
    .catch((error: LnetError) => error.errno);
  t.is(stranger, -2);
  await server.close();
  t.deepEqual(readdirSync(shared), []);
  t.is(server.counters.transfers_given_up, 1);
});

test('messages to the portal that are no requests are counted and change nothing', async (t) => {
  const { client, server, target, own, transfer } = await fixture(t);
  const junk = [
    new Uint8Array(0),
    randomBytes(72),
    randomBytes(300),
    encodeRequest({ op: 1, requestId: 1n }).subarray(0, 71),
  ];
  for (const memory of junk) {
    await client.put({ memory, target, portal: SHARE_REQUEST_PORTAL, matchBits: SHARE_MATCH_BITS });
  }
  t.is(server.counters.malformed, junk.length);
  const requester = new ShareRequester(client, target, new AbortController().signal);
  await t.throwsAsync(requester.call({ op: 99 }), { message: /operation 99 is unknown/ });
  writeFileSync(join(own, 'a'), 'a');
  await t.notThrowsAsync(sendFile(transfer('a', 'a')));
});

test('what a killed daemon left unfinished is removed when the directory is opened again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lnet-share-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [node] = (await startNodes(t, ['127.0.0.39'])) as [LnetNode];
  writeFileSync(join(folder, '.lnet-0123456789abcdef.part'), 'x');
  writeFileSync(join(folder, '.lnet-precious'), 'x');
  const server = await ShareServer.open(node, folder);
  t.teardown(() => server.close());
  t.deepEqual(readdirSync(folder), ['.lnet-precious']);
  await t.throwsAsync(ShareServer.open(node, join(folder, 'none')), { message: /is no directory to share/ });
});

test('a wish to stop ends a transfer and leaves nothing behind', async (t) => {
  const { shared, own, transfer } = await fixture(t);
  writeFileSync(join(own, 'a'), randomBytes(4 * CHUNK_BYTES));
  const controller = new AbortController();
  const options = { ...transfer('a', 'a'), signal: controller.signal, onProgress: () => controller.abort() };
  const error = await t.throwsAsync(sendFile(options), { instanceOf: LnetError });
  t.is(error.code, 'ERR_LNET_CANCELED');
  t.deepEqual(readdirSync(shared), []);
});

test('requests and answers survive the wire', (t) => {
  const request = {
    op: 3,
    requestId: 2n ** 64n - 1n,
    transferId: 5n,
    chunk: 7,
    size: 9n,
    sha256: randomBytes(32),
    name: 'bücher.bin',
  };
  t.deepEqual(decodeRequest(encodeRequest(request)), { ...request, sha256: new Uint8Array(request.sha256) });
  const reply = { requestId: 4n, status: 17, transferId: 5n, size: 6n, sha256: randomBytes(32), text: 'no' };
  t.deepEqual(decodeReply(encodeReply(reply)), { ...reply, sha256: new Uint8Array(reply.sha256) });
});

test('a file name is one plain, visible, printable name', (t) => {
  for (const good of ['a', 'data.bin', 'büro 7.txt', 'x'.repeat(255), '~', '-rf']) t.true(isSafeFileName(good), good);
  const bad = [
    '',
    '.',
    '..',
    '.a',
    'a/b',
    '/a',
    'a\\b',
    'a\nb',
    'a\u0000',
    'a\u007f',
    'x'.repeat(256),
    'ü'.repeat(128),
    '\ufffd',
  ];
  for (const name of bad) t.false(isSafeFileName(name), name);
});
