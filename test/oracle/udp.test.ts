import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { putTx } from '../../nals/compliance/message.ts';
import { PORT, World } from '../../nals/udp/node.test-support.ts';
import type { Datagram } from '../../nals/udp/virtual-udp.test-support.ts';
import { ROOT } from '../tidy/source-tree.ts';
import { testUnless } from '../skip.ts';
import { missingDissector } from './missing-tool.ts';
import { inFolder } from './tshark.ts';

const oracle = testUnless(missingDissector);

/** IPv4 and UDP headers before a datagram, for a pcap of raw IP packets. */
function ipPacket({ from, fromPort, to, toPort, bytes }: Datagram): Buffer {
  const head = Buffer.alloc(28);
  head[0] = 0x45;
  head.writeUInt16BE(28 + bytes.length, 2);
  head[8] = 64;
  head[9] = 17;
  for (const [index, address] of [from, to].entries())
    for (const [at, part] of address.split('.').entries()) head[12 + 4 * index + at] = Number(part);
  head.writeUInt16BE(fromPort, 20);
  head.writeUInt16BE(toPort, 22);
  head.writeUInt16BE(8 + bytes.length, 24);
  return Buffer.concat([head, bytes]);
}

/** A pcap file with link type 101, raw IP. */
function pcapOf(datagrams: readonly Datagram[]): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(262_144, 16);
  head.writeUInt32LE(101, 20);
  const records = datagrams.flatMap((datagram, index) => {
    const packet = ipPacket(datagram);
    const record = Buffer.alloc(16);
    record.writeUInt32LE(index, 0);
    record.writeUInt32LE(packet.length, 8);
    record.writeUInt32LE(packet.length, 12);
    return [record, packet];
  });
  return Buffer.concat([head, ...records]);
}

/** Every line is a packet, its fields separated by bars; values of a field that stands several times by commas. */
function dissect(datagrams: readonly Datagram[], port: number, fields: readonly string[]): string[] {
  return inFolder((folder) => {
    const file = join(folder, 'udp.pcap');
    writeFileSync(file, pcapOf(datagrams));
    const script = join(ROOT, 'docs/lnet-udp.lua');
    const wanted = fields.flatMap((field) => ['-e', field]);
    const args = ['-r', file, '-X', `lua_script:${script}`, '-o', `lnetudp.port:${port}`];
    return execFileSync('tshark', [...args, '-T', 'fields', '-E', 'separator=|', ...wanted], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trimEnd()
      .split('\n');
  });
}

/** Everything that two nodes say to each other from the first INIT to CLOSE, with a RETRY and losses between. */
async function conversation(): Promise<Datagram[]> {
  const world = new World({ seed: 9, loss: 0.1 });
  const seen: Datagram[] = [];
  world.net.watch = (datagram) => {
    seen.push(datagram);
    return true;
  };
  const a = await world.node('10.0.0.1@udp');
  const b = await world.node('10.0.0.2@udp', { tunables: { half_open_max: 0 } });
  for (let number = 0; number < 20; number++) a.core.send(putTx(a.ni.nid, b.ni.nid, number, number * 500));
  world.until(() => a.core.unfinished === 0, 'all is acknowledged');
  await a.core.close();
  return seen;
}

oracle(
  'the dissector of docs/lnet-udp.lua reads every packet of a conversation, and finds nothing malformed',
  async (t) => {
    const datagrams = await conversation();
    const lines = dissect(datagrams, PORT, [
      'lnetudp.version',
      'lnetudp.type',
      'lnetudp.number',
      'lnetudp.frame.kind',
      'lnetudp.data.offset',
      'lnetudp.src_nid',
      'lnetudp.malformed',
    ]);
    t.is(lines.length, datagrams.length);
    const rows = lines.map((line) => line.split('|'));
    for (const [index, [version, type, number]] of rows.entries()) {
      const view = Buffer.from((datagrams[index] as Datagram).bytes);
      t.deepEqual([version, type, number], ['1', String(view[1]), String(view.readBigUInt64LE(12))]);
    }
    t.deepEqual(
      rows.filter(([, , , , , , malformed]) => malformed !== ''),
      [],
    );
    t.deepEqual(new Set(rows.map(([, type]) => type)), new Set(['1', '2', '3', '5']));
    t.true(rows.some(([, type, , , , nid]) => type === '1' && nid === '10.0.0.1@udp'));
    const kinds = new Set(rows.flatMap(([, , , kind = '']) => kind.split(',')));
    for (const kind of ['0', '1', '2', '3', '5']) t.true(kinds.has(kind), `frame ${kind}`);
    t.true(rows.some(([, , , , offset]) => Number(offset) > 0));
  },
);

oracle('the dissector of docs/lnet-udp.lua says what is malformed, and survives every cut', async (t) => {
  const datagrams = await conversation();
  const sample = datagrams.find(({ bytes }) => bytes[1] === 5 && bytes.length > 200) as Datagram;
  const cuts = Array.from({ length: 80 }, (_, index) => ({ ...sample, bytes: sample.bytes.subarray(0, 20 + index) }));
  const lines = dissect(cuts, PORT, ['lnetudp.type', 'lnetudp.malformed', '_ws.malformed']);
  t.is(lines.length, cuts.length);
  t.true(lines.filter((line) => line.split('|')[1] !== '').length > 70);
});
