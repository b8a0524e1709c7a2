import type { LnetNode } from '../../lnet/node.ts';
import type { Route } from '../../lnet/send/route-table.ts';
import { formatNet } from '../../lnet/wire/net.ts';
import type { TreeMap } from '../print/tree.ts';

/** A route with everything that `route show` can print: lnetctl §5.4. */
export function routeTree(node: LnetNode, route: Route): TreeMap {
  return {
    net: formatNet(route.net),
    gateway: route.gatewayNid.toString(),
    hop: route.hops ?? -1,
    priority: route.priority,
    state: node.core.network.gateways.isRouteAlive(route) ? 'up' : 'down',
    type: route.isSingleHop ? 'single-hop' : 'multi-hop',
  };
}
