import { errnoText } from '../../lnet/nal.ts';
import type { Nid } from '../../lnet/wire/nid.ts';
import type { Reason } from './counters.ts';

/** What to tell a person about a peer that could not be connected to. */
export function failureText(nid: Nid, reason: Reason, errno: number): string {
  switch (reason) {
    case 'dial_insecure_port':
      return (
        `ERR_LNET_REFUSED_INSECURE_PORT: ${nid} closed before HELLO; it may accept only source ports below 1024, which this ` +
        'process may not use: run with CAP_NET_BIND_SERVICE, or set accept=all on the peer'
      );
    case 'dial_unsafe_ipv6':
      return (
        `ERR_LNET_UNSAFE_IPV6_PORT: not connecting to ${nid} from a source port above 1023, which crashes Lustre kernels 2.16 ` +
        "to 2.17.0 over IPv6: run with CAP_NET_BIND_SERVICE, or use the peer's IPv4 NID"
      );
    case 'dial_wrong_peer':
      return `what answers at the address of ${nid} says to be another node; is its NID configured there?`;
    case 'dial_bad_reply':
      return `what answers at the address of ${nid} does not speak LNet, or no version that we do; is it another service?`;
    default:
      return `cannot connect to ${nid}: ${errnoText(errno)} (${reason}); attempts go on when there is something to send`;
  }
}
