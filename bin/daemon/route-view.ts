import { formatNet } from '../../lnet/wire/net.ts';
import type { TreeMap } from '../print/tree.ts';
import type { RouteState } from './daemon-node.ts';

/** A route with everything that `route show` can print: lnetctl §5.4. */
export function routeTree(route: RouteState): TreeMap {
  return {
    net: formatNet(route.net),
    gateway: route.gateway.toString(),
    hop: route.hops ?? -1,
    priority: route.priority,
    state: route.isAlive ? 'up' : 'down',
    type: route.isSingleHop ? 'single-hop' : 'multi-hop',
  };
}
