import { LNET_MSG_ACK, LNET_MSG_GET, LNET_MSG_PUT, LNET_MSG_REPLY } from './wire/lnet-hdr.ts';

/**
 * Node counters, named and ordered as `stats show` prints them: lnet-semantics §14.1, lnetctl §5.7. Plain fields, bumped in
 * place. `msgs_alloc`, `msgs_max` and `rst_alloc` are read from the objects that know them.
 */
export class NodeCounters {
  errors = 0;
  send_count = 0;
  resend_count = 0;
  response_timeout_count = 0;
  local_interrupt_count = 0;
  local_dropped_count = 0;
  local_aborted_count = 0;
  local_no_route_count = 0;
  local_timeout_count = 0;
  local_error_count = 0;
  remote_dropped_count = 0;
  remote_error_count = 0;
  remote_timeout_count = 0;
  network_timeout_count = 0;
  failed_resends = 0;
  successful_resends = 0;
  recv_count = 0;
  route_count = 0;
  drop_count = 0;
  send_length = 0;
  recv_length = 0;
  route_length = 0;
  drop_length = 0;
}

/** Why a message was dropped or refused: one counter per reason. `refused_*` close the link, the others only discard. */
export const DROP_REASONS = {
  refused_bad_type: 'message type is none of ACK, PUT, GET, REPLY',
  refused_unexpected_payload: 'ACK or GET with payload',
  refused_too_long: 'PUT or REPLY longer than 1 MiB',
  refused_not_sent_directly: 'destination is another node on the arrival net',
  refused_wrong_own_nid: 'destination is another NID of this node than the one on the arrival net',
  refused_bad_header: 'a NID of the header cannot exist',
  refused_stopping: 'the node is stopping',
  not_routing: 'destination is on a foreign net and this node does not route',
  asymmetric_route: 'arrived through a router that this node would not use to answer',
  no_portal: 'portal index is 64 or more',
  no_match: 'no match entry accepts it',
  get_on_lazy: 'GET without match on a lazy portal',
  too_long: 'longer than the memory descriptor, which does not truncate',
  offset_beyond: 'remote-managed offset lies beyond the memory descriptor',
  foreign_cookie: 'response carries the interface cookie of another incarnation',
  unknown_handle: 'response names no live memory descriptor',
  inactive_handle: 'response for a memory descriptor whose threshold is used up',
  not_bound: 'response for a memory descriptor that is attached to a match entry',
  reply_too_long: 'REPLY longer than its memory descriptor, which does not truncate',
  lazy_cleared: 'was waiting on a portal that is no longer lazy',
  lazy_ni_closed: 'was waiting on a lazy portal when its NI closed',
  lazy_link_lost: 'was waiting on a lazy portal when its link broke',
  lazy_too_long: 'was waiting; the memory descriptor that came is too short and does not truncate',
  lazy_limit: 'too many PUTs wait on lazy portals already',
  answer_limit: 'too many answers to this peer are under way already',
  peer_limit: 'the peer table is full',
  send_deadline: 'a message to send waited past its deadline',
  simulated_failure: 'peer-failure simulation',
} as const;

export type DropReason = keyof typeof DROP_REASONS;

/** One number per {@link DropReason}. */
export type DropCounters = Record<DropReason, number>;

export function newDropCounters(): DropCounters {
  return Object.fromEntries(Object.keys(DROP_REASONS).map((reason) => [reason, 0])) as DropCounters;
}

/** Messages by type: `sent_stats`, `received_stats`, `dropped_stats` of an NI or peer NI. Plain fields: there are three for each peer NI. */
export class MessageCounts {
  put = 0;
  get = 0;
  reply = 0;
  ack = 0;
  hello = 0;

  get total(): number {
    return this.put + this.get + this.reply + this.ack + this.hello;
  }

  /** Counts a message of a type LNET_MSG_*. */
  add(type: number): void {
    switch (type) {
      case LNET_MSG_PUT:
        this.put++;
        break;
      case LNET_MSG_GET:
        this.get++;
        break;
      case LNET_MSG_REPLY:
        this.reply++;
        break;
      case LNET_MSG_ACK:
        this.ack++;
        break;
      default:
        this.hello++;
    }
  }

  toJSON(): { put: number; get: number; reply: number; ack: number; hello: number } {
    const { put, get, reply, ack, hello } = this;
    return { put, get, reply, ack, hello };
  }
}
