import type { NalCounter } from '../../lnet/nal.ts';

/**
 * What an NI counts, one counter for each reason. `dropped_*`: datagrams ignored; `refused_*`: dials of others not taken;
 * `dial_*`: own dials that failed; `broken_*`: why links were closed; the rest is traffic.
 */
const TEXTS = {
  tx_messages: 'messages that arrived at their peer whole, as it says',
  tx_failed: 'messages that were accepted from LNet and not acknowledged',
  tx_packets: 'datagrams sent',
  tx_bytes: 'bytes of them',
  tx_blocked: 'times that the system took no further datagram at once',
  rx_messages: 'messages whose header arrived',
  rx_packets: 'datagrams received',
  rx_bytes: 'bytes of them',
  rx_duplicate_bytes: 'bytes of messages that came again',
  rx_discarded_bytes: 'payload bytes that LNet did not want',
  rx_waits: 'messages that LNet made wait',
  rx_interrupted: 'messages whose link broke before the wanted payload was there',
  acks_sent: 'acknowledgements sent',
  packets_acknowledged: 'packets that peers acknowledged',
  packets_lost: 'packets taken for lost; what they carried was sent again',
  probe_timeouts: 'times that nothing was acknowledged in time, so that a probe was sent',
  congestion_events: 'times that the congestion window was halved',
  window_stalls: 'times that the window of a peer held data back',
  mtu_probes: 'datagrams sent to find out what size a path carries',
  mtu_raised: 'times that a larger datagram was found to arrive',
  mtu_black_holes: 'times that large datagrams stopped to arrive',
  keepalives_sent: 'probes of peers of which nothing had been heard',
  peer_moved: 'times that a peer went on from another port',
  links_dialled: 'links made by this side',
  links_accepted: 'links made by the other side',
  links_closed: 'links that were up and are closed',
  peers_lost: 'times that a peer was left without link',
  retries_sent: 'dialling nodes asked to prove their address first',
  resets_sent: 'packets of links that this node does not know, answered with RESET',
  probes_received: 'packets of peers that only look whether something listens here',
  send_errors: 'datagrams that the system refused',
  dropped_short: 'shorter than a packet',
  dropped_version: 'of an unknown version',
  dropped_type: 'of an unknown type',
  dropped_malformed: 'with frames or fields that make no sense',
  dropped_unknown_link: 'for a link that does not exist',
  dropped_foreign_address: 'for a link, from an address that is not its peer',
  dropped_early: 'for a link that is still being made',
  dropped_duplicate: 'with a number that has arrived before',
  dropped_no_room: 'parts of the stream that came ahead of their turn when no memory was left for them',
  dropped_reset: 'RESET for a link that did not send what it quotes',
  dropped_reset_limit: 'not answered with RESET: too many in this second, or too short',
  dropped_answer: 'ACCEPT, RETRY or REFUSE that answers no dial',
  dropped_blocked: 'answers not sent while the system took no further datagram',
  refused_bad_init: 'INIT whose fields make no sense',
  refused_address: 'INIT whose NID has not the address that it came from',
  refused_unknown_nid: 'INIT for a NID that this node does not have on UDP',
  refused_not_accepting: 'INIT to an NI that accepts nobody',
  refused_insecure_port: 'INIT from a port above 1023, and accept is secure',
  refused_bad_token: 'INIT with a token that is not ours, too old or of another address',
  refused_link_limit: 'INIT when there were too many links',
  refused_race: 'INIT of a peer that is being dialled and has the lower NID',
  dial_refused: 'the peer answered that it does not want the link',
  dial_nobody: 'nothing listens at the peer',
  dial_timeout: 'no answer within the timeout',
  dial_unreachable: 'the system has no way to the peer',
  broken_timeout: 'nothing was acknowledged within the timeout',
  broken_nobody: 'nothing listens at the peer any more',
  broken_unreachable: 'the system has no way to the peer any more',
  broken_closed: 'the peer closed',
  broken_reset: 'the peer does not know the link',
  broken_restarted: 'the peer has restarted',
  broken_redialled: 'the peer made a new link',
  broken_silent_dialler: 'a dialler was not heard from after it was accepted',
  broken_window: 'the peer sent more than it was allowed to',
  broken_ack: 'the peer acknowledged what was not sent',
  broken_record: 'the stream holds something else than messages',
  broken_too_long: 'a message with more than 1 MiB of payload',
  broken_by_lnet: 'LNet refused a header',
  closed_by_us: 'the NI was closed',
} as const;

export type UdpCounterName = keyof typeof TEXTS;
export type UdpCounters = Record<UdpCounterName, number>;

/** Why a link ended; the counter of that name is bumped. */
export type LinkEnd = Extract<UdpCounterName, `dial_${string}` | `broken_${string}` | 'closed_by_us'>;

export const UDP_COUNTERS: readonly NalCounter[] = Object.entries(TEXTS).map(([name, help]) => ({ name, help }));

export function newUdpCounters(): UdpCounters {
  return Object.fromEntries(Object.keys(TEXTS).map((name) => [name, 0])) as UdpCounters;
}
