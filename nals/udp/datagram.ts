/**
 * The border between the state machines of this NAL and the runtime's sockets: `datagram-socket.ts` implements one side over
 * node:dgram, the tests implement it in virtual time, and everything else of this folder stands on the other side.
 */

/** Who uses a socket. No call of these throws. */
export interface DatagramSink {
  /** A datagram, in memory of its own. */
  received(bytes: Uint8Array, address: string, port: number): void;
  /** The system takes datagrams again. */
  drained(): void;
  /** The system refused to send to that address. */
  failed(errno: number, address: string): void;
}

/** A bound socket. */
export interface DatagramSocket {
  /** The last datagram waits in the runtime: its memory is in use, and no other may follow, until `drained`. */
  readonly isBlocked: boolean;
  /** Sends segments as one datagram. Their memory is free again when this returns and {@link isBlocked} is false. */
  send(segments: readonly Uint8Array[], address: string, port: number): void;
  /** Resolves when the port is free. */
  close(): Promise<void>;
}

/** Something to do once at the end of the present turn of the event loop. */
export interface TurnTask {
  endTurn(): void;
}

export interface BindOptions {
  readonly address: string;
  readonly port: number;
  /** Asked for in each direction. */
  readonly bufferBytes: number;
}

/** What this NAL needs of the machine that it runs on. */
export interface DatagramHost {
  /** For a person: "node:dgram". */
  readonly description: string;
  /** Rejects with an error that has the system's `code` (EADDRINUSE, EACCES, …). */
  bind(options: BindOptions, sink: DatagramSink): Promise<DatagramSocket>;
  /**
   * Sends a packet from a socket made for it, and calls `refused` when the machine there says that nothing listens. The main
   * socket never learns that.
   */
  probe(options: { from: string; to: string; port: number; packet: Uint8Array; refused: () => void }): void;
  /** A task is given once per turn at most. */
  atTurnEnd(task: TurnTask): void;
  /** An interface of this machine that is up has the address. */
  hasAddress(address: string): boolean;
  /** Largest IP packet that the interface with this address carries. */
  mtuOf(address: string): number;
  /** Fills with bytes that nobody can guess. */
  fillRandom(bytes: Uint8Array): void;
}
