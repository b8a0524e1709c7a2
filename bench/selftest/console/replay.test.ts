import test from 'ava';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { LNET_MSG_PUT, LNET_MSG_REPLY } from '../../../lnet/wire/lnet-hdr.ts';
import { comparable } from '../testing/answer-rule.test-support.ts';
import { type CapturedMessage, readCapture } from '../testing/capture.test-support.ts';
import { HandServer, type SeenRequest } from '../testing/hand-server.test-support.ts';
import { type LstBench, lstBench } from '../testing/lst-bench.test-support.ts';
import { CONSOLE_NID, nidAt } from '../testing/node-bench.test-support.ts';
import { introduce, SimCore } from '../testing/sim-core.test-support.ts';
import { SERVICES, SRPC_RDMA_PORTAL } from '../wire/service.ts';
import { SRPC_BODY_AT, SRPC_HDR, SRPC_MSG_BYTES, SRPC_RPYID_AT } from '../wire/srpc-message.ts';
import { TEST_REQUEST } from '../wire/test-message.ts';

/** Monotonic milliseconds of the recorded console when it made its session: they are its stamp. */
const STAMP_MS = 55_603;

const PACKED_LIST_BYTES = 12;

interface Exchange {
  readonly request: CapturedMessage;
  readonly reply: CapturedMessage;
  /** The destination list that the node pulled in between. */
  readonly list: Uint8Array | undefined;
}

/** What the recorded console asked one node, in order. */
function recordedExchanges(messages: readonly CapturedMessage[], target: string): Exchange[] {
  const puts = messages.filter(({ type, payloadLength }) => type === LNET_MSG_PUT && payloadLength === SRPC_MSG_BYTES);
  const lists = messages.filter(
    ({ type, payloadLength }) => type === LNET_MSG_REPLY && payloadLength === PACKED_LIST_BYTES,
  );
  return puts
    .filter(({ portal, target: nid }) => portal === 51 && String(nid) === target)
    .map((request) => {
      const rpyid = viewOf(request.payload).getBigUint64(SRPC_RPYID_AT, true);
      const reply = puts.find(({ portal, matchBits }) => portal === SRPC_RDMA_PORTAL && matchBits === rpyid);
      if (!reply) throw new Error(`line ${request.line} has no reply`);
      const list = lists.find(
        ({ line, target: nid }) => line > request.line && line < reply.line && String(nid) === target,
      );
      return { request, reply, list: list?.payload };
    });
}

function asText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));
}

/** A kernel node as it was recorded: it checks each request and answers as it did. */
class RecordedNode {
  readonly mismatches: string[] = [];
  readonly #left: Exchange[];
  compared = 0;

  constructor(core: SimCore, exchanges: readonly Exchange[]) {
    this.#left = [...exchanges];
    for (const service of Object.values(SERVICES).filter(({ portal }) => portal === 51)) {
      const server: HandServer = new HandServer(core, service, (request) => this.#answer(server, request));
    }
  }

  /** Requests that the console never made. */
  get leftOver(): number {
    return this.#left.length;
  }

  #answer(server: HandServer, request: SeenRequest): void {
    const exchange = this.#left.shift();
    if (!exchange) {
      this.mismatches.push(`one request too many: ${JSON.stringify(SRPC_HDR.decode(viewOf(request.bytes)))}`);
      return;
    }
    const ours = comparable(request.bytes);
    const theirs = comparable(exchange.request.payload);
    if (asText(ours) !== asText(theirs))
      this.mismatches.push(`line ${exchange.request.line}:\n ours   ${asText(ours)}\n theirs ${asText(theirs)}`);
    this.compared++;
    const reply = Uint8Array.from(exchange.reply.payload);
    if (SRPC_HDR.decode(viewOf(request.bytes)).type === TEST_REQUEST.type && exchange.list) {
      const theirList = Buffer.from(exchange.list);
      const ourList = new Uint8Array(theirList.length);
      const { bulkid, rpyid } = TEST_REQUEST.body.decode(viewOf(request.bytes), SRPC_BODY_AT);
      if (bulkid !== rpyid + 1n) this.mismatches.push(`bulkid ${bulkid} does not follow rpyid ${rpyid}`);
      server.get(request.from, bulkid, ourList, () => {
        if (!theirList.equals(ourList)) this.mismatches.push(`list ${Buffer.from(ourList).toString('hex')}`);
        server.put(request.from, request.rpyid, reply);
      });
    } else server.put(request.from, request.rpyid, reply);
  }
}

/** The commands that were recorded, with what they print. `N` stands for numbers that come from the nodes' counters. */
const SCRIPT: readonly (readonly [command: string, output: string])[] = [
  ['new_session rw', 'SESSION: rw FEATURES: 1 TIMEOUT: 300 FORCE: No\n'],
  ['add_group c 10.77.0.12@tcp', '10.77.0.12@tcp are added to session\n'],
  ['add_group s 10.77.0.13@tcp', '10.77.0.13@tcp are added to session\n'],
  ['add_batch b', ''],
  ['add_test --batch b --loop 20 --concurrency 2 --from c --to s ping', 'Test was added successfully\n'],
  [
    'add_test --batch b --loop 10 --concurrency 2 --from c --to s brw read check=full size=16K',
    'Test was added successfully\n',
  ],
  [
    'add_test --batch b --loop 10 --concurrency 2 --from c --to s brw write check=simple size=64K',
    'Test was added successfully\n',
  ],
  ['run b', 'b is running now\n'],
  ['query b', 'b [0] is stopped\n'],
  [
    'stat --delay 1 --count 2 c s',
    [
      '[LNet Rates of c]',
      '[R] Avg: 1        RPC/s Min: 1        RPC/s Max: 1        RPC/s',
      '[W] Avg: 1        RPC/s Min: 1        RPC/s Max: 1        RPC/s',
      '[LNet Bandwidth of c]',
      '[R] Avg: 0.00     MiB/s Min: 0.00     MiB/s Max: 0.00     MiB/s ',
      '[W] Avg: 0.00     MiB/s Min: 0.00     MiB/s Max: 0.00     MiB/s ',
      '',
    ].join('\n'),
  ],
  ['show_error c s', 'c:\nTotal 0 error nodes in c\ns:\nTotal 0 error nodes in s\n'],
  ['stop b', 'Batch is stopped\n'],
  ['add_batch b2', ''],
  ['add_test --batch b2 --from c --to s brw read check=full size=4K', 'Test was added successfully\n'],
  ['run b2', 'b2 is running now\n'],
  ['stop --force b2', 'Batch is stopped\n'],
  ['query b2', 'b2 [0] is stopped\n'],
  ['end_session', 'session is ended\n'],
];

test('recorded kernel nodes find in our console the requests of the kernel console, and answer it as they did', async (t) => {
  const messages = readCapture('lst');
  const b: LstBench = await lstBench({ nids: [] });
  const nodes: RecordedNode[] = [];
  const cores = [b.console.core];
  for (const nid of [nidAt(0), nidAt(1)]) {
    const core = await SimCore.open(b.net, nid);
    cores.push(core);
    nodes.push(new RecordedNode(core, recordedExchanges(messages, nid)));
  }
  await introduce(b.net, cores);
  t.is(String(b.console.core.nid), CONSOLE_NID);
  b.net.advance({ us: STAMP_MS * 1000 - b.net.clock.now() });
  for (const [command, output] of SCRIPT) {
    const out = await b.ok(command);
    if (command.startsWith('stat')) t.true(out.startsWith(output), out);
    else t.is(out, output, command);
  }
  t.deepEqual(
    nodes.flatMap(({ mismatches }) => mismatches),
    [],
  );
  t.deepEqual(
    nodes.map(({ leftOver }) => leftOver),
    [0, 0],
  );
  t.log(`${nodes.reduce((sum, { compared }) => sum + compared, 0)} frames compared`);
});
