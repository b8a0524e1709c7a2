/** What `npm start` shows, as data: networks to build from processes, and what to move over each. */
import type { EndpointOptions } from '../../bench/load/endpoint-calls.ts';

/** A network of node processes on this machine. */
export interface Setup {
  /** Name in the table. */
  readonly network: string;
  /** Processes by role. `source` has the file, `sink` is the far end; others (routers) only run. */
  readonly nodes: Readonly<Record<'source' | 'sink', EndpointOptions>> & Readonly<Record<string, EndpointOptions>>;
  /** NIDs that each end is reached at. */
  readonly sourceNid: string;
  readonly sinkNid: string;
  /** Said plainly beside the results: what of it is not the real thing. */
  readonly remark?: string;
  /** Why it cannot run here, or undefined. */
  readonly hindrance?: () => Promise<string | undefined>;
}

/** One thing to do on a network, one row of the table. */
export interface Row {
  readonly title: string;
  /** `push`: PUT with acknowledgement from source to sink. `pull`: GET by the sink from the source. */
  readonly direction: 'push' | 'pull';
  readonly messageBytes: number;
  readonly inFlight: number;
  /** The whole file, checked at the far end and repeated until {@link Plan.rowMs} is over; or messages for that time. */
  readonly moves: 'file' | 'messages';
}

export interface Plan {
  readonly fileBytes: number;
  /** How long a row moves data, ms: long enough for a steady rate, short enough that all rows stay well below a minute. */
  readonly rowMs: number;
  /** Done on each network, in order. */
  readonly rows: readonly Row[];
  readonly setups: readonly Setup[];
}

const MIB = 1 << 20;

const ROWS: readonly Row[] = [
  { title: 'file by PUT, 1 MiB', direction: 'push', messageBytes: MIB, inFlight: 8, moves: 'file' },
  { title: 'file by GET, 1 MiB', direction: 'pull', messageBytes: MIB, inFlight: 8, moves: 'file' },
  { title: 'PUT 4 KiB, 64 at once', direction: 'push', messageBytes: 4096, inFlight: 64, moves: 'messages' },
  { title: 'GET 64 B, one by one', direction: 'pull', messageBytes: 64, inFlight: 1, moves: 'messages' },
];

const SETUPS: readonly Setup[] = [
  {
    network: 'tcp',
    nodes: {
      source: { nets: { tcp: '127.0.0.51' } },
      sink: { nets: { tcp: '127.0.0.52' } },
    },
    sourceNid: '127.0.0.51@tcp',
    sinkNid: '127.0.0.52@tcp',
  },
  {
    network: 'udp',
    nodes: {
      source: { nets: { udp: '127.0.0.53' } },
      sink: { nets: { udp: '127.0.0.54' } },
    },
    sourceNid: '127.0.0.53@udp',
    sinkNid: '127.0.0.54@udp',
  },
];

export const START_PLAN: Plan = { fileBytes: 256 * MIB, rowMs: 2_000, rows: ROWS, setups: SETUPS };
