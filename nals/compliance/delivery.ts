import { EMPTY_IOV } from '../../lnet/nal.ts';
import {
  LNET_MSG_ACK,
  LNET_MSG_GET,
  LNET_MSG_PUT,
  LNET_MSG_REPLY,
  LNET_MTU,
  LnetHdr,
} from '../../lnet/wire/lnet-hdr.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import type { Suite } from './bench.ts';
import { LNET_PID_LUSTRE } from '../../lnet/wire/process-id.ts';
import { firstDifference, patternBytes } from './memory.ts';
import { ackTx, getTx, putTx, replyTx, TestTx } from './message.ts';
import type { Arrival } from './recorder.ts';

/** Messages come through, whole and as they were sent. */
export function deliveryRules(suite: Suite): void {
  for (const form of suite.subject.forms) {
    suite.rule(
      `every field of every header type comes through in form ${form}`,
      async (t, scene) => {
        const [a, b] = await scene.openAll();
        for (const type of [LNET_MSG_ACK, LNET_MSG_PUT, LNET_MSG_GET, LNET_MSG_REPLY]) {
          const arrival = await scene.deliver(a, b, fullTx(type, a.nid, b.nid));
          t.is(arrival.form, form);
          t.is(arrival.fromNid, a.nid);
          t.deepEqual(headerAsSent(arrival), fullTx(type, a.nid, b.nid).hdr);
        }
      },
      { form },
    );
  }

  suite.rule('messages of every size up to 1 MiB come through whole', async (t, scene) => {
    const [a, b] = await scene.openAll();
    for (const [number, length] of [0, 1, 71, 4096, 65_537, LNET_MTU - 1, LNET_MTU].entries()) {
      const arrival = await scene.deliver(a, b, putTx(a.nid, b.nid, number, length));
      t.is(arrival.hdr.payloadLength, length);
      t.is(firstDifference(arrival.payload, patternBytes(number, length)), undefined);
    }
  });

  suite.rule('a request is answered with its token, on the identity that its link gave', async (t, scene) => {
    const [a, b] = await scene.openAll();
    const get = await scene.deliver(a, b, getTx(a.nid, b.nid, 7, 300));
    const reply = await scene.deliver(b, a, replyTx(get, patternBytes(7, 300)));
    t.is(reply.hdr.type, LNET_MSG_REPLY);
    t.is(reply.hdr.objectCookieLow, 7);
    t.is(firstDifference(reply.payload, patternBytes(7, 300)), undefined);

    const put = await scene.deliver(a, b, putTx(a.nid, b.nid, 8, 10));
    const ack = await scene.deliver(b, a, ackTx(put, 10));
    t.is(ack.hdr.type, LNET_MSG_ACK);
    t.is(ack.hdr.mlength, 10);
    t.is(ack.hdr.matchBitsLow, 8);
  });

  suite.rule('messages that its declaration orders arrive in the order of their sending', async (t, scene) => {
    const [a, b] = await scene.openAll();
    const isPerPeer = a.ni.nal.caps.ordering === 'peer';
    const sizes = isPerPeer ? [0, 40_000, 1, 3000, 200_000, 16] : [0, 16, 300];
    for (let number = 0; number < 60; number++)
      t.is(a.send(putTx(a.nid, b.nid, number, sizes[number % sizes.length] as number)), 0);
    await scene.untilPlaced(b, 60);
    t.deepEqual(
      b.arrivals.map((arrival) => arrival.number),
      Array.from({ length: 60 }, (_, number) => number),
    );
  });

  suite.rule('each transmission that succeeds ends once, with status 0', async (t, scene) => {
    const [a, b] = await scene.openAll();
    const txs = Array.from({ length: 50 }, (_, number) => putTx(a.nid, b.nid, number, number * 100));
    for (const tx of txs) t.is(a.send(tx), 0);
    await scene.untilQuiet();
    await scene.bench.settle();
    t.is(a.ends.length, 50);
    t.true(txs.every((tx) => a.endOf(tx)?.errno === 0));
  });

  suite.rule('two nodes that begin to talk at the same time understand each other', async (t, scene) => {
    const [a, b] = await scene.openAll();
    for (let number = 0; number < 10; number++) {
      t.is(a.send(putTx(a.nid, b.nid, number, 500)), 0);
      t.is(b.send(putTx(b.nid, a.nid, number, 500)), 0);
    }
    const count = b === a ? 20 : 10;
    await scene.untilPlaced(a, count);
    await scene.untilPlaced(b, count);
    t.true([...a.ends, ...b.ends].every((end) => end.errno === 0));
  });
}

/** A transmission with another value in each field that its type has. */
function fullTx(type: number, from: Nid, to: Nid): TestTx {
  const tx = new TestTx(type, from, to);
  const { hdr } = tx;
  hdr.interfaceCookieLow = 0x01020304;
  hdr.interfaceCookieHigh = 0x85060708;
  hdr.objectCookieLow = 0xf90a0b0c;
  hdr.objectCookieHigh = 0x0d0e0f10;
  if (type === LNET_MSG_REPLY) return tx.carrying([patternBytes(1, 100)], 0, 100);
  hdr.matchBitsLow = 0x91929394;
  hdr.matchBitsHigh = 0x15161718;
  if (type === LNET_MSG_PUT) {
    hdr.hdrDataLow = 0xa1a2a3a4;
    hdr.hdrDataHigh = 0x25262728;
    hdr.portal = 63;
    hdr.offset = 0xfffffffe;
    return tx.carrying([patternBytes(1, 2000)], 0, 2000);
  }
  if (type === LNET_MSG_GET) {
    hdr.portal = 12;
    hdr.offset = 4097;
    hdr.sinkLength = LNET_MTU;
    tx.sink = [new Uint8Array(LNET_MTU)];
  } else hdr.mlength = 12_345;
  return tx.carrying(EMPTY_IOV, 0, 0);
}

/**
 * The header that arrived. A peer that connected from an unprivileged port goes by a substituted pid, with which its NAL may
 * have replaced the one in the header (socklnd §11): that is undone.
 */
function headerAsSent(arrival: Arrival): LnetHdr {
  const hdr = Object.assign(new LnetHdr(), arrival.hdr);
  if (hdr.srcPid === arrival.fromPid) hdr.srcPid = LNET_PID_LUSTRE;
  return hdr;
}
