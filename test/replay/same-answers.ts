import test from 'ava';
import { freePort } from '../../bench/harness/free-port.ts';
import { missingPrivilege, testUnless } from '../skip.ts';
import { canMakeNamespace, replayInNamespace } from './namespace.ts';
import { AddressMap } from './nid-map.ts';
import type { ReplayReport } from './player.ts';
import { replay, type Role } from './replay.ts';

/** Nodes of the captures over IPv4. */
const ADDRESSES = ['10.77.0.11', '10.77.0.12', '10.77.0.13'];

/** Kernels demand source ports below 1024: given here, or in a namespace where everyone has them. */
const where = missingPrivilege === undefined ? 'loopback' : (await canMakeNamespace()) ? 'namespace' : 'nowhere';
// In a namespace each replay is a process of its own: one at a time.
const replayTest = testUnless(
  where === 'nowhere' ? missingPrivilege : undefined,
  where === 'namespace' ? test.serial : test,
);

/** Test files run side by side, each from a block of its own. */
let nextBlock = process.pid % 200;

async function play(role: Role): Promise<ReplayReport> {
  if (where === 'namespace') return await replayInNamespace(role, ADDRESSES);
  const addresses = AddressMap.loopback(nextBlock++);
  return await replay(role, addresses, await freePort(ADDRESSES.map((address) => addresses.played(address))));
}

/**
 * Declares a test: a node of ours in this role answers as the kernel did, in every frame. `compared` is how many frames of the
 * kernel there are to compare with. Skipped where source ports below 1024 cannot be had.
 */
export function answersAsTheKernelDid(title: string, role: Role, compared: number): void {
  answersAsTheKernelsDid(title, [{ role, compared }]);
}

/** As {@link answersAsTheKernelDid}, in one role after the other. */
export function answersAsTheKernelsDid(
  title: string,
  parts: readonly { readonly role: Role; readonly compared: number }[],
): void {
  replayTest(title, async (t) => {
    for (const { role, compared } of parts)
      t.deepEqual(await play(role), { compared, differences: [], unexpected: [], faults: [] });
  });
}
