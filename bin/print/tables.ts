import { group, type Key, open, shown, value, values } from './keys.ts';

/**
 * The keys of every output block with order, level and part in a backup: lnetctl §5.2 to §5.10, §6.10. Nothing else in the
 * program knows them.
 */

const MESSAGE_COUNTS = values(0, 'put', 'get', 'reply', 'ack', 'hello');

const STATISTICS = shown(group('statistics', 1, values(0, 'send_count', 'recv_count', 'drop_count')));

const MESSAGE_STATISTICS = ['sent_stats', 'received_stats', 'dropped_stats'].map((name) =>
  shown(group(name, 2, MESSAGE_COUNTS)),
);

const UDSP_INFO = shown(open('udsp info', 4));

/** `net show`: lnetctl §5.2. */
export const NET_KEYS: readonly Key[] = [
  value('net type'),
  group('local NI(s)', 0, [
    shown(value('nid')),
    shown(value('status')),
    open('interfaces', 0),
    STATISTICS,
    UDSP_INFO,
    ...MESSAGE_STATISTICS,
    shown(
      group(
        'health stats',
        2,
        values(
          0,
          'fatal_error',
          'health value',
          'interrupts',
          'dropped',
          'aborted',
          'no route',
          'timeouts',
          'error',
          'ping_count',
          'next_ping',
        ),
      ),
    ),
    group('tunables', 1, values(0, 'peer_timeout', 'peer_credits', 'peer_buffer_credits', 'credits')),
    open('lnd tunables', 1, ['timeout', 'traffic_class_num']),
    shown(value('dev cpt', 1)),
    value('CPT', 1),
  ]),
];

/** `peer show`: lnetctl §5.3. */
export const PEER_KEYS: readonly Key[] = [
  value('primary nid'),
  value('Multi-Rail'),
  shown(value('peer state', 3)),
  group('peer ni', 0, [
    value('nid'),
    UDSP_INFO,
    shown(value('state')),
    ...values(
      1,
      'max_ni_tx_credits',
      'available_tx_credits',
      'min_tx_credits',
      'tx_q_num_of_buf',
      'available_rtr_credits',
      'min_rtr_credits',
      'refcount',
    ).map(shown),
    STATISTICS,
    ...MESSAGE_STATISTICS,
    shown(
      group(
        'health stats',
        2,
        values(0, 'health value', 'dropped', 'timeout', 'error', 'network timeout', 'ping_count', 'next_ping'),
      ),
    ),
  ]),
];

/** `peer list`. */
export const PEER_LIST_KEYS: readonly Key[] = [value('nid')];

/** `route show`; `-v` has no levels of its own there. */
export const ROUTE_KEYS: readonly Key[] = [
  value('net'),
  value('gateway'),
  value('hop', 1),
  value('priority', 1),
  shown(value('state', 1)),
  shown(value('type', 1)),
];

const POOL = values(0, 'npages', 'nbuffers', 'credits', 'mincredits');

/** Items of `routing show`: one per CPU partition, then the state. lnetctl §5.5. */
export const routingItemKeys = (cpt: number): readonly Key[] => [
  group(`cpt[${cpt}]`, 0, [group('tiny', 0, POOL), group('small', 0, POOL), group('large', 0, POOL)]),
  value('enable'),
];

export const BUFFER_KEYS: readonly Key[] = values(0, 'tiny', 'small', 'large');

/** `global show`: lnetctl §5.6. */
export const GLOBAL_KEYS: readonly Key[] = values(
  0,
  'numa_range',
  'max_interfaces',
  'discovery',
  'drop_asym_route',
  'retry_count',
  'transaction_timeout',
  'health_sensitivity',
  'recovery_interval',
  'router_sensitivity',
  'lnd_timeout',
  'response_tracking',
  'recovery_limit',
  'max_recovery_ping_interval',
);

/** `stats show`: lnetctl §5.7. */
export const STATISTICS_KEYS: readonly Key[] = values(
  0,
  'msgs_alloc',
  'msgs_max',
  'rst_alloc',
  'errors',
  'send_count',
  'resend_count',
  'response_timeout_count',
  'local_interrupt_count',
  'local_dropped_count',
  'local_aborted_count',
  'local_no_route_count',
  'local_timeout_count',
  'local_error_count',
  'remote_dropped_count',
  'remote_error_count',
  'remote_timeout_count',
  'network_timeout_count',
  'failed_resends',
  'successful_resends',
  'recv_count',
  'route_count',
  'drop_count',
  'send_length',
  'recv_length',
  'route_length',
  'drop_length',
);

/** Items of `ping` and `discover`: lnetctl §5.9, §5.10. */
export const PING_KEYS: readonly Key[] = [
  value('primary nid'),
  value('Multi-Rail'),
  group('peer_ni', 0, values(0, 'nid')),
];

/** `udsp show`: lnetctl §5.11. */
export const UDSP_KEYS: readonly Key[] = [
  ...values(0, 'idx', 'src', 'dst', 'rte'),
  group('action', 0, values(0, 'priority')),
];
