import type { LnetCore } from '../lnet-core.ts';

/** Peers of a node with their NIDs, in an order of its own; throws when they contradict each other. */
export function peerState(node: LnetCore): string {
  const seen = new Set<unknown>();
  const lines = Array.from(node.peers.peers(), (peer) => {
    const nids = Array.from(peer.peerNis(), (peerNi) => {
      if (node.peers.find(peerNi.nid) !== peerNi) throw new Error(`${peerNi.nid} is found elsewhere`);
      if (peerNi.peerNet.peer !== peer || peerNi.peerNet.net !== peerNi.nid.net) throw new Error('wrong peer net');
      if (seen.has(peerNi.nid)) throw new Error(`${peerNi.nid} has two peers`);
      seen.add(peerNi.nid);
      return `${peerNi.nid} ${peerNi.isUp} ${peerNi.health}`;
    });
    if (nids.length === 0) throw new Error(`peer ${peer.primaryNid} has no NID`);
    if (node.peers.peerOf(peer.primaryNid) !== peer) throw new Error(`${peer.primaryNid} is not of its peer`);
    const routes = Array.from(node.network.routes.through(peer)).length;
    if (routes !== peer.gatewayRefs) throw new Error(`${peer.gatewayRefs} references, ${routes} routes`);
    return `${peer.primaryNid} ${peer.flags} ${peer.gatewayRefs}: ${nids.toSorted().join(', ')}`;
  });
  if (seen.size !== node.peers.size) throw new Error('a NID in the table belongs to no peer');
  for (const route of node.network.routes.all)
    if (!node.peers.holds(route.gateway)) throw new Error(`the gateway of ${route.gatewayNid} is gone`);
  return lines.toSorted().join('\n');
}
