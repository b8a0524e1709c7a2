import { ROUTE_ADD_TEXTS } from '../../lnet/config/kernel-text.ts';
import type { NetPlan, NodePlan, RoutePlan } from '../../lnet/config/plan.ts';
import type { ConfigBlock } from '../../lnet/config/read-blocks.ts';
import type { GlobalPlan } from '../../lnet/config/read-global.ts';
import type { Placed } from '../../lnet/config/reader.ts';
import { EEXIST, EHOSTUNREACH, EINVAL, EPERM } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import type { LnetNode } from '../../lnet/node.ts';
import { ReportedError } from './fault.ts';

/** How a running node was started, as far as a later change cannot alter it. */
export interface StartFacts {
  readonly accept: NodePlan['accept'];
  readonly acceptPort: number;
}

/** What a refusal is reported under, and the words for it. */
interface Refusal {
  readonly action: 'add' | 'del';
  readonly item: string;
  /** By errno where the kernel has several texts. */
  readonly texts: Readonly<Record<number, string>>;
  /** Else this. */
  readonly text: string;
}

const NET_ADD: Refusal = { action: 'add', item: 'net', texts: {}, text: 'cannot add LNet NI' };
const NET_DEL: Refusal = {
  action: 'del',
  item: 'net',
  texts: { 2: "LNet net doesn't exist" },
  text: 'cannot del LNet NI',
};
const ROUTE_ADD: Refusal = { action: 'add', item: 'route', texts: ROUTE_ADD_TEXTS, text: 'failed to create route' };
const ROUTE_DEL: Refusal = { action: 'del', item: 'route', texts: {}, text: 'failed to delete route' };
const PEER_ADD: Refusal = { action: 'add', item: 'peer', texts: {}, text: 'failed to add peer' };
const PEER_DEL: Refusal = {
  action: 'del',
  item: 'peer',
  texts: { 2: 'cannot find peer', 19: 'cannot find peer' },
  text: 'failed to del peer',
};

/** Where a file stands, for the place in a report. */
type PlaceText = (placed: Placed<unknown>) => string | undefined;

/** Adds one block of a file to a running node. What was added before a refusal stays: lnetctl §5.13. */
export async function addBlock(
  node: LnetNode,
  start: StartFacts,
  block: ConfigBlock,
  placeText: PlaceText,
): Promise<void> {
  switch (block.kind) {
    case 'net':
      for (const net of block.nets) await reported(NET_ADD, placeText(net), () => node.addNet(net.value));
      break;
    case 'route':
      for (const route of block.routes) await addRoute(node, route, block.isLenient, placeText);
      break;
    case 'peer':
      for (const peer of block.peers)
        await reported(PEER_ADD, placeText(peer), () => node.core.configurePeer(peer.value));
      break;
    case 'global':
      changeGlobal(node, start, block.change, placeText({ value: undefined, place: block.place }));
      break;
    default:
      throw new TypeError(`a block of kind ${block.kind} cannot be added`);
  }
}

/** Takes away what a block names: lnetctl §6 rule 5, §6.7. */
export async function deleteBlock(node: LnetNode, block: ConfigBlock, placeText: PlaceText): Promise<void> {
  switch (block.kind) {
    case 'net':
      for (const net of block.nets) await reported(NET_DEL, placeText(net), () => removeInterfaces(node, net.value));
      break;
    case 'route':
      for (const route of block.routes) {
        await reported(ROUTE_DEL, placeText(route), () =>
          node.core.network.routes.remove(route.value.net, route.value.gateway),
        );
      }
      break;
    case 'peer':
      for (const peer of block.peers)
        await reported(PEER_DEL, placeText(peer), () =>
          node.core.network.peerConfig.del({ primary: peer.value.primaryNid }),
        );
      break;
    case 'global':
      node.core.network.changeSettings({ numa_range: 0, max_interfaces: 200, discovery: 1 });
      break;
    default:
      throw new TypeError(`a block of kind ${block.kind} cannot be deleted`);
  }
}

async function addRoute(
  node: LnetNode,
  route: Placed<RoutePlan>,
  isLenient: boolean,
  placeText: PlaceText,
): Promise<void> {
  const { gateway } = route.value;
  if (isLenient && node.core.locals.isOwnNid(gateway)) {
    const description = `${gateway} is this node: the text makes it a router, and this node cannot route between networks yet`;
    const report = { action: 'add', item: 'route', description };
    throw new ReportedError('ERR_LNET_NOT_PERMITTED', report, { errno: -EPERM, place: placeText(route) });
  }
  try {
    await reported(ROUTE_ADD, placeText(route), () => node.core.addRoute(route.value));
  } catch (error) {
    // One legacy text may serve all nodes of a site: lnet-semantics §13.3 rule 6.
    const isExpected = error instanceof LnetError && [-EEXIST, -EHOSTUNREACH].includes(error.errno);
    if (!isLenient || !isExpected) throw error;
  }
}

async function removeInterfaces(node: LnetNode, plan: NetPlan): Promise<void> {
  for (const { interfaceName } of plan.interfaces) await node.removeNet(plan.net, interfaceName);
}

/** One change for the whole block, so that its order does not matter: lnetctl §6.7. */
function changeGlobal(node: LnetNode, start: StartFacts, change: GlobalPlan, place: string | undefined): void {
  const isMoved =
    (change.accept !== undefined && change.accept !== start.accept) ||
    (change.acceptPort !== undefined && change.acceptPort !== start.acceptPort);
  if (isMoved) {
    throw new ReportedError(
      'ERR_LNET_NOT_PERMITTED',
      { action: 'add', item: 'global', description: 'accept and accept_port cannot be changed while the node runs' },
      { errno: -EPERM, place, hint: 'change them in the file of the node and start it again' },
    );
  }
  try {
    node.core.network.changeSettings(change.settings);
  } catch (error) {
    throw reportOf({ action: 'add', item: 'global', texts: {}, text: 'invalid configuration' }, place, error);
  }
}

/** Takes an NI or a net away; what is refused is reported in the words of the kernel. */
export function reportedNetDel(run: () => Promise<void>): Promise<void> {
  return reported(NET_DEL, undefined, run);
}

/** Takes a peer or a NID of one away, likewise. */
export function reportedPeerDel(run: () => void): Promise<void> {
  return reported(PEER_DEL, undefined, run);
}

async function reported(refusal: Refusal, place: string | undefined, run: () => Promise<void> | void): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw reportOf(refusal, place, error);
  }
}

function reportOf({ action, item, texts, text }: Refusal, place: string | undefined, error: unknown): unknown {
  if (!(error instanceof LnetError)) return error;
  const description = texts[-error.errno] ?? text;
  const options = { errno: error.errno || -EINVAL, place, hint: error.message, cause: error };
  return new ReportedError(error.code, { action, item, description }, options);
}
