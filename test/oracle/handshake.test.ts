/**
 * What our node sends before the first message, which no dissector reads: compared with recorded kernels by the rules of
 * the replay, and field by field with what was meant.
 */
import test, { type ExecutionContext } from 'ava';
import { connect } from 'node:net';
import { freePort } from '../../bench/harness/free-port.ts';
import { readCapture } from '../replay/capture.ts';
import { FrameCutter } from '../replay/frame-cutter.ts';
import { fieldsOf, fieldText, type Frame } from '../replay/frame-fields.ts';
import { BULK_IN, BULK_OUT, CONTROL, openingFrames } from '../replay/frame-builder.ts';
import { AddressMap } from '../replay/nid-map.ts';
import { differences } from '../replay/rules.ts';
import { missingPrivilege, testUnless } from '../skip.ts';
import { Conversation, type OracleNode, until } from './oracle-node.ts';
import type { SentStream } from './recording-host.ts';

const ANY = 0;
const NONE = 0xffffffff;
const BLOCK = 240;

const privilegedTest = testUnless(missingPrivilege);

/** The frames before the first message that one side sent on a connection. */
function handshakeOf(sent: SentStream): Frame[] {
  return new FrameCutter(sent.isConnector)
    .push(sent.bytes)
    .filter(({ kind }) => kind === 'connreq' || kind === 'hello');
}

/** All fields of a frame by name. */
const valuesOf = (frame: Frame): Record<string, string> =>
  Object.fromEntries(fieldsOf(frame).map((field) => [field.name.replace(/.*\./, ''), fieldText(frame, field)]));

const helloFrame = (head: Buffer): Frame => ({ kind: 'hello', head, payload: Buffer.alloc(0) });

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** A nid4 on net tcp, as fieldText shows it. */
const nid4 = (address: string): string =>
  hex(address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n) | (2n << 48n));

privilegedTest(
  'requests and HELLOs of all three connections are those of a kernel but for NIDs and incarnations',
  async (t) => {
    const conversation = new Conversation();
    const addresses = AddressMap.loopback(BLOCK);
    const [from, to] = ['10.77.0.11', '10.77.0.12'].map((address) => addresses.played(address)) as [string, string];
    const acceptPort = await freePort([from, to]);
    const a = await conversation.node(t, { nids: [`${from}@tcp`], acceptPort });
    const b = await conversation.node(t, { nids: [`${to}@tcp`], acceptPort });
    await a.node.discover(b.nid);
    await until(() => a.host.sent.length === 3 && a.ni.connectionCount === 3, 'three connections');

    const recorded = readCapture('ping-discover').filter(({ kind }) => kind === 'connreq' || kind === 'hello');
    const ours = a.host.sent.flatMap((sent) => [...handshakeOf(sent), ...handshakeOf(answerTo(b, sent))]);
    t.is(ours.length, 9);
    t.deepEqual(
      ours.map(({ kind }) => kind),
      recorded.map(({ kind }) => kind),
    );
    const constants = [new Map<string, string>(), new Map<string, string>()] as const;
    for (const [i, frame] of ours.entries()) {
      const kernel = recorded[i]!;
      const side = constants[kernel.src.port === 988 ? 1 : 0];
      t.deepEqual(differences(kernel, addresses.toCaptured(frame), side), [], `frame ${i}`);
    }
    const ports = a.host.sent.map(({ local }) => local.port);
    t.true(
      ports.every((port, i) => port >= 512 && port <= 1023 && (i === 0 || port < (ports[i - 1] as number))),
      `source ports ${ports.join(', ')}`,
    );
  },
);

/** What the acceptor sent on the connection of a connector. */
function answerTo(b: OracleNode, { local }: SentStream): SentStream {
  const found = b.host.sent.find(({ remote }) => remote.port === local.port && remote.address === local.address);
  if (!found) throw new Error(`no connection from port ${local.port}`);
  return found;
}

/** Sends bytes to a node; gives what came back until `bytes` of it were there or the node closed. */
async function ask(
  t: ExecutionContext,
  b: OracleNode,
  from: string,
  question: Uint8Array,
  bytes = 1000,
): Promise<Buffer> {
  const socket = connect({ host: b.ni.nid.addressText, port: b.ni.port, localAddress: from });
  t.teardown(() => socket.destroy());
  const chunks: Buffer[] = [];
  const length = (): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  let isOver = false;
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
  socket.on('error', () => {});
  socket.on('close', () => {
    isOver = true;
  });
  socket.write(question);
  await until(() => isOver || length() >= bytes, 'an answer');
  return Buffer.concat(chunks);
}

let lastAddress = 0;

async function startAcceptor(t: ExecutionContext): Promise<{ b: OracleNode; from: string; to: string }> {
  const [from, to] = [`127.0.10.${++lastAddress}`, `127.0.10.${++lastAddress}`] as const;
  const b = await new Conversation().node(t, { nids: [`${to}@tcp`], acceptPort: await freePort([to]) });
  return { b, from, to };
}

const opening = (from: string, to: string, ctype: number, change: (hello: Buffer) => void = () => {}): Buffer => {
  const [request, hello] = openingFrames(`${from}@tcp`, `${to}@tcp`, ctype).map(({ head }) => head) as [Buffer, Buffer];
  change(hello);
  return Buffer.concat([request, hello]);
};

const helloOfAcceptor = ({ ni }: OracleNode, dst: string, ctype: number): Record<string, string> => ({
  magic: '0x45726963',
  version: '0x3',
  srcNid: nid4(ni.nid.addressText),
  dstNid: nid4(dst),
  srcPid: '0x3039',
  dstPid: '0x0',
  srcIncarnation: hex(ni.incarnation),
  dstIncarnation: '0x0',
  ctype: hex(ctype),
  nips: '0x0',
});

test.serial('a HELLO of each type is answered with the mirrored one', async (t) => {
  for (const [ctype, mirrored] of [
    [ANY, ANY],
    [CONTROL, CONTROL],
    [BULK_IN, BULK_OUT],
    [BULK_OUT, BULK_IN],
  ] as const) {
    const { b, from, to } = await startAcceptor(t);
    const head = await ask(t, b, from, opening(from, to, ctype), 56);
    t.deepEqual(valuesOf(helloFrame(head)), helloOfAcceptor(b, from, mirrored));
  }
});

test.serial('"not this time" in version 3 to an unknown version', async (t) => {
  const { b, from, to } = await startAcceptor(t);
  const unknown = await ask(
    t,
    b,
    from,
    opening(from, to, CONTROL, (hello) => hello.writeUInt32LE(5, 4)),
  );
  t.deepEqual(valuesOf(helloFrame(unknown)), helloOfAcceptor(b, to, NONE));
});

privilegedTest('"not this time" to a peer that has restarted', async (t) => {
  const { b, from, to } = await startAcceptor(t);
  const dial = (port: number, incarnation: bigint): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: to, port: b.ni.port, localAddress: from, localPort: port });
      t.teardown(() => socket.destroy());
      socket.once('error', reject);
      socket.once('data', resolve);
      socket.write(opening(from, to, CONTROL, (hello) => hello.writeBigUInt64LE(incarnation, 32)));
    });
  const welcome = new FrameCutter(false).push(await dial(603, 7n))[0] as Frame;
  t.deepEqual(valuesOf(welcome), helloOfAcceptor(b, from, CONTROL));
  const refusal = new FrameCutter(false).push(await dial(602, 8n))[0] as Frame;
  t.deepEqual(valuesOf(refusal), helloOfAcceptor(b, from, NONE));
});

test.serial('the version answer of the acceptor is the one of socklnd §13.11', async (t) => {
  const { b, from } = await startAcceptor(t);
  for (const question of ['63697245', '0071ceac03000000'])
    t.is((await ask(t, b, from, Buffer.from(question, 'hex'))).toString('hex'), '0071ceac010000000000000000000000');
});
