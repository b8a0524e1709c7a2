import { createNode, type Nid, parseNet, parseNid, type RoutePlan } from '../../index.ts';
import { readCapture } from './capture.ts';
import type { AddressMap } from './nid-map.ts';
import { NodeUpperLayer } from './node-upper-layer.ts';
import { Player, type ReplayReport } from './player.ts';
import { scriptOf } from './script.ts';

/** Which part in which capture our node takes. */
export interface Role {
  readonly capture: string;
  /** NIDs that the kernel in our place had, as captured, in the order of its configuration. */
  readonly nids: readonly string[];
  /** Its routes: remote net to gateway, as captured. */
  readonly routes?: Readonly<Record<string, string>>;
  /** NIDs that it had dealt with before the capture began: a push from an unknown node is ignored (lnet-semantics §10.7). */
  readonly knows?: readonly string[];
  /** Those of them that have our ping info already, so that nothing makes us push it. */
  readonly informed?: readonly string[];
  /** NIDs of kernels by captured address, where they are not just ADDRESS@tcp. */
  readonly kernelNids?: Readonly<Record<string, readonly string[]>>;
}

/** Starts a node of ours in a role, plays the kernels of the capture to it, and tells in what it differed from the kernel. */
export async function replay(role: Role, addresses: AddressMap, port: number): Promise<ReplayReport> {
  const own = [...new Set(role.nids.map(addressOf))];
  const script = scriptOf(readCapture(role.capture), own);
  const nids = { ...role.kernelNids, ...byAddress(role.nids) };
  const node = await createNode({
    nets: Object.fromEntries(role.nids.map((nid) => [netOf(nid), addresses.played(addressOf(nid))])),
    routes: Object.entries(role.routes ?? {}).map((route) => routePlan(route, addresses)),
    accept: 'secure',
    acceptPort: port,
  });
  for (const nid of role.knows ?? []) {
    const peer = node.core.peers.ofTarget(playedNid(nid, addresses))?.peerNet.peer;
    if (peer && role.informed?.includes(nid)) peer.pushedSequence = node.core.pingInfo.sequence;
  }
  try {
    const upper = new NodeUpperLayer(node, script, addresses);
    const player = new Player({ script, addresses, port, upper, nids });
    try {
      await player.listen();
      const report = await player.play();
      await upper.arrived();
      return { ...report, faults: [...report.faults, ...upper.faults] };
    } finally {
      player.close();
    }
  } finally {
    await node.close();
  }
}

function routePlan([net, gateway]: readonly [string, string], addresses: AddressMap): RoutePlan {
  return { net: parseNet(net) as number, gateway: playedNid(gateway, addresses), hops: undefined, priority: 0 };
}

function playedNid(nid: string, addresses: AddressMap): Nid {
  return parseNid(`${addresses.played(addressOf(nid))}@${netOf(nid)}`);
}

function byAddress(nids: readonly string[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const nid of nids) (found[addressOf(nid)] ??= []).push(nid);
  return found;
}

function addressOf(nid: string): string {
  return nid.slice(0, nid.indexOf('@'));
}

function netOf(nid: string): string {
  return nid.slice(nid.indexOf('@') + 1);
}
