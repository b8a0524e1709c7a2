import { expandNidList } from '../../../lnet/config/nid-list.ts';
import { EINVAL } from '../../../lnet/errno.ts';
import type { LnetNode } from '../../../lnet/node.ts';
import { parseNet } from '../../../lnet/wire/net.ts';
import { tryParseNid } from '../../../lnet/wire/nid.ts';
import { reportedPeerDel, reportedNetDel } from '../apply.ts';
import { Args } from '../args.ts';
import type { Handlers } from '../control-server.ts';
import { ReportedError } from '../fault.ts';

/** `net del` and `peer del`, which can name less than a configuration does: lnetctl §5.2, §5.3. */
export function deleteHandlers(node: LnetNode): Handlers {
  return {
    'net.del': async (given) => {
      const args = new Args(given);
      const name = args.text('net');
      const interfaces = args.textsOr('interfaces');
      args.end();
      const net = parseNet(name);
      if (net === undefined) throw refusal('net', 'cannot parse net');
      for (const each of interfaces ?? [undefined]) await reportedNetDel(() => node.removeNet(net, each));
      return null;
    },
    'peer.del': async (given) => {
      const args = new Args(given);
      const text = args.text('primary');
      const force = args.flag('force');
      const list = args.textOr('nids');
      args.end();
      const primary = tryParseNid(text);
      if (!primary || primary.isAny)
        throw refusal('peer', text === '' ? 'missing primary NID' : 'unsupported primary NID');
      const nids = list === undefined ? [] : expandNidList(list);
      const { peerConfig } = node.core.network;
      // The primary NID alone means the whole peer.
      const others = nids.filter((nid) => nid !== primary);
      if (others.length === 0) await reportedPeerDel(() => peerConfig.del({ primary, force }));
      for (const nid of others) await reportedPeerDel(() => peerConfig.del({ primary, nid, force }));
      return null;
    },
  };
}

function refusal(item: string, description: string): ReportedError {
  return new ReportedError('ERR_LNET_BAD_ARGUMENT', { action: 'del', item, description }, { errno: -EINVAL });
}
