import test from 'ava';
import { seededRandom } from '../../../lnet/random.ts';
import { viewOf } from '../../../lnet/wire/layout.ts';
import { bench, sidOf } from '../testing/node-bench.test-support.ts';
import { SERVICES } from '../wire/service.ts';
import { SRPC_HDR, SRPC_MSG_BYTES, SRPC_MSG_MAGIC } from '../wire/srpc-message.ts';

const S = 1_000_000;

for (let seed = 1; seed <= 3; seed++) {
  test(`whatever bytes a peer sends, the node answers the next good request and keeps nothing: seed ${seed}`, async (t) => {
    const b = await bench();
    const [node] = b.nodes;
    if (!node) throw new Error('no node');
    const dice = seededRandom(seed);
    const before = node.core.held;
    const known = sidOf(1);
    b.peer.makeSession(known);
    let inputs = 0;
    for (const service of Object.values(SERVICES).filter(({ name }) => name !== 'join')) {
      for (let round = 0; round < 150; round++) {
        const bytes = Uint8Array.from({ length: SRPC_MSG_BYTES }, () => (dice.below(3) === 0 ? dice.below(256) : 0));
        const littleEndian = dice.below(2) === 0;
        const view = viewOf(bytes);
        view.setUint32(SRPC_HDR.at.magic, SRPC_MSG_MAGIC, littleEndian);
        view.setUint32(SRPC_HDR.at.version, dice.below(10) === 0 ? dice.u32() : 1, littleEndian);
        view.setUint32(SRPC_HDR.at.type, dice.below(10) === 0 ? dice.u32() : service.request.type, littleEndian);
        view.setUint32(SRPC_HDR.at.features, dice.below(3), littleEndian);
        // Often the session that is there, so that more than its check is reached.
        if (dice.below(2) === 0) {
          view.setBigUint64(service === SERVICES.test ? 40 : 32, known.nid, littleEndian);
          view.setBigUint64(service === SERVICES.test ? 48 : 40, known.stamp, littleEndian);
        }
        const length = dice.below(8) === 0 ? dice.below(SRPC_MSG_BYTES + 1) : SRPC_MSG_BYTES;
        b.peer.put(service.portal, BigInt(service.id), bytes.subarray(0, length));
        inputs++;
      }
      b.net.advance({ us: 100_000 });
    }
    t.is((b.peer.makeSession(sidOf(7), { force: 1, waitUs: 10 * S }) ?? {}).status, 0);
    b.peer.removeSession(sidOf(7));
    b.net.advance({ us: 400 * S });
    t.deepEqual(node.core.held, before);
    t.is(node.node.budget.units, 0);
    t.is(node.node.serverMemory.inUse, 0);
    t.log(`${inputs} inputs tried`);
  });
}
