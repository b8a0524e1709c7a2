import test from 'ava';
import v8 from 'node:v8';
import vm from 'node:vm';
import type { LnetMsg } from '../msg.ts';
import { LNET_MD_MANAGE_REMOTE, LNET_MD_OP_PUT } from '../portals/md.ts';
import { LNET_MSG_PUT } from '../wire/lnet-hdr.ts';
import type { CoreContext } from '../core-context.ts';
import { LnetHdr } from '../wire/lnet-hdr.ts';
import { EMPTY_IOV } from '../iov.ts';
import { HEALTH_OK } from '../health-status.ts';
import { NID_ANY } from '../wire/nid.ts';
import { NID_A, NID_B, TestCore } from './core-fixture.test-support.ts';
import { TestNet } from './link-fixture.test-support.ts';

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

/** Far below one small object for each message, far above what the engine itself allocates meanwhile. */
const BYTES_PER_MESSAGE_MAX = 8;

/** Bytes for each run once the engine has compiled the path, which on a busy machine takes it a while. */
function bytesPerRun(run: () => void): number {
  const runs = 50_000;
  let bytes = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 40 && bytes >= BYTES_PER_MESSAGE_MAX; round++) {
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < runs; i++) run();
    bytes = (process.memoryUsage().heapUsed - before) / runs;
  }
  return bytes;
}

/** A core whose neighbours do nothing, so that only portals and delivery are measured. */
function quietCore(): TestCore {
  const core = new TestCore();
  new TestNet().join(core, NID_A);
  const ni = core.locals.all[0] as NonNullable<(typeof core.locals.all)[0]>;
  const peerNi = core.peers.add(NID_B);
  const quiet: Partial<CoreContext> = {
    health: { heardFrom: () => {}, judge: () => false },
    sendPath: {
      submit: (msg: LnetMsg) => {
        msg.ni = ni;
        msg.peerNi = peerNi;
        core.delivery.finalize(msg, 0, HEALTH_OK);
      },
      returnCredits: () => {},
      failWaiting: () => {},
      hasRouteThrough: () => true,
    },
  };
  return Object.assign(core, quiet);
}

test('a PUT that is sent allocates nothing', (t) => {
  const core = quietCore();
  let seen = 0;
  const md = core.bind({ memory: new Uint8Array(64), handler: () => seen++ });
  const args = {
    md,
    target: NID_B,
    targetPid: 12345,
    self: NID_ANY,
    portal: 4,
    matchBitsLow: 0xffffffff,
    matchBitsHigh: 0x80000000,
    offset: 0,
    hdrDataLow: 0,
    hdrDataHigh: 0,
    wantsAck: false,
    isRecovery: false,
  };
  const bytes = bytesPerRun(() => core.operations.put(args));
  t.true(seen >= 50_000);
  t.true(bytes < BYTES_PER_MESSAGE_MAX, `${bytes} bytes for each PUT`);
});

test('a PUT that arrives allocates nothing', (t) => {
  const core = quietCore();
  const ni = core.locals.all[0] as NonNullable<(typeof core.locals.all)[0]>;
  let seen = 0;
  core.serve(
    { matchBits: 0x8000_0000_ffff_ffffn },
    { memory: new Uint8Array(64), options: LNET_MD_OP_PUT | LNET_MD_MANAGE_REMOTE, handler: () => seen++ },
  );
  const hdr = Object.assign(new LnetHdr(), {
    type: LNET_MSG_PUT,
    srcNid: NID_B,
    destNid: NID_A,
    payloadLength: 64,
    portal: 4,
    matchBitsLow: 0xffffffff,
    matchBitsHigh: 0x80000000,
    interfaceCookieLow: 0xffffffff,
    interfaceCookieHigh: 0xffffffff,
    objectCookieLow: 0xffffffff,
    objectCookieHigh: 0xffffffff,
  });
  const view = new DataView(new ArrayBuffer(96));
  hdr.encode(view, 0, 4);
  const rx = {
    ni: ni.link,
    fromNid: NID_B,
    fromPid: 12345,
    view,
    hdrAt: 0,
    form: 4 as const,
    token: undefined,
    iov: EMPTY_IOV,
    iovOffset: 0,
    wantedBytes: 0,
    coreSlot: null as unknown,
    resume: () => {},
  };
  const bytes = bytesPerRun(() => {
    core.delivery.arrived(ni, rx);
    core.delivery.placed(rx, 0);
  });
  t.true(seen >= 50_000);
  t.is(rx.wantedBytes, 64);
  t.true(bytes < BYTES_PER_MESSAGE_MAX, `${bytes} bytes for each PUT`);
});
