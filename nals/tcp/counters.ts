import type { NalCounter } from '../../lnet/nal.ts';

/**
 * What an NI counts. `refused_*`: connections of others that were not taken; `dial_*`: own attempts; `broken_*`: why a set
 * of connections was closed; the rest is traffic.
 */
const TEXTS = {
  tx_messages: 'messages handed to TCP whole',
  tx_bytes: 'bytes of them, with headers',
  tx_writes: 'vectored writes that carried them',
  tx_copied_bytes: 'payload bytes of small messages, copied to be gathered',
  tx_failed: 'messages that were accepted from LNet and not sent',
  tx_unreachable: 'messages refused at once: no connection and no attempt allowed now',
  tx_wait_timeout: 'messages that found no connection within the timeout',
  tx_nid_too_large: 'messages with a large NID for a connection that negotiated 4-byte NIDs',
  rx_messages: 'messages whose header arrived',
  rx_bytes: 'bytes received after the handshakes',
  rx_reads: 'reads that brought them',
  rx_copied_bytes: 'payload bytes that arrived together with headers and were copied to their place',
  rx_discarded_bytes: 'payload bytes that LNet did not want',
  rx_waits: 'messages that LNet made wait',
  rx_interrupted: 'messages whose connection broke before the wanted payload was there',
  keepalives_sent: 'NOOPs sent because nothing had moved',
  keepalives_received: 'NOOPs of peers that only say they are there',
  zc_acks_sent: 'zero-copy requests acknowledged',
  connections_opened: 'connections made by this side',
  connections_accepted: 'connections made by the other side',
  connections_closed: 'connections that were up and are closed',
  duplicates_dropped: 'connections that the peer dropped unused, ours of the same type being there',
  peers_lost: 'times that a peer was left without connection',
  refused_insecure_port: 'source port above 1023, and accept is secure',
  refused_handshake_limit: 'too many handshakes at once, and this one was the oldest',
  refused_source_limit: 'too many handshakes at once from one address',
  refused_connection_limit: 'too many connections',
  refused_timeout: 'silent for the accept timeout in the middle of a handshake',
  refused_closed: 'closed by the peer in the middle of a handshake',
  refused_version_probe: 'began with HELLO instead of a connection request: answered with our version',
  refused_request_magic: 'began with something else than a connection request',
  refused_request_version: 'unknown version of connection request: answered with our version',
  refused_unknown_nid: 'asked for a NID that this node does not have on TCP',
  refused_hello_magic: 'connection request not followed by HELLO',
  refused_hello_version: 'unknown version of HELLO: answered with our version',
  refused_hello_nid: 'HELLO with a source NID that cannot be',
  refused_hello_type: 'HELLO with an impossible connection type',
  refused_hello_list: 'HELLO with a bad address list',
  refused_race: 'both sides were connecting and ours has the higher NID: told to try again',
  refused_stale: 'version or incarnation differs from the other connections: those closed, told to try again',
  refused_duplicate: 'too many connections of this type',
  refused_stopping: 'the NI is closing',
  dial_failed: 'attempts that TCP did not bring about',
  dial_timeout: 'attempts without answer within the timeout',
  dial_insecure_port: 'closed by the peer before HELLO, our source port being above 1023',
  dial_unsafe_ipv6: 'not attempted: IPv6 from a port above 1023 crashes kernels 2.16 to 2.17.0',
  dial_closed: 'closed by the peer before its HELLO was whole',
  dial_bad_reply: 'answered with something that is no HELLO of a known version',
  dial_wrong_peer: 'answered by another NID or pid than the one called',
  dial_wrong_type: 'answered with another connection type than the one asked for',
  dial_lost_race: 'told to try again: the peer was connecting to us, or has enough connections',
  dial_other_version: 'told to use another protocol version',
  dial_stale: 'version or incarnation differs from the other connections: those closed',
  broken_closed: 'the peer closed',
  broken_network: 'TCP reported an error',
  broken_rx_timeout: 'silent for the timeout in the middle of a message',
  broken_tx_timeout: 'a write made no progress for the timeout',
  broken_message_type: 'message that is neither LNET nor NOOP',
  broken_checksum: 'wrong checksum (HELLO version 2)',
  broken_zc_ack: 'acknowledgement of a zero-copy request that was never made',
  broken_zc_flood: 'zero-copy requests without reading their acknowledgements',
  broken_message: 'LNet called the message impossible',
  broken_stale: 'a HELLO showed that the peer restarted or changed its version',
  broken_sibling: 'another connection to the same NID was lost',
  broken_stopped: 'this NI closes',
} as const;

export type TcpCounterName = keyof typeof TEXTS;
export type TcpCounters = Record<TcpCounterName, number>;

/** Why something was refused, given up or closed: each is a counter. */
export type Reason = Extract<TcpCounterName, `refused_${string}` | `dial_${string}` | `broken_${string}`>;

export const TCP_COUNTERS: readonly NalCounter[] = Object.entries(TEXTS).map(([name, help]) => ({ name, help }));

const ZERO = Object.fromEntries(Object.keys(TEXTS).map((name) => [name, 0])) as TcpCounters;

export function newTcpCounters(): TcpCounters {
  return { ...ZERO };
}
