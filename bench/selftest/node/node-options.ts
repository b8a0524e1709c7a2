/** Parameters of a node, named after the kernel module's where it has them: selftest §4.7, §4.6, §7.3. */
export interface NodeOptions {
  /** Seconds until a test RPC is given up; 0: never. */
  readonly rpcTimeoutS: number;
  /** Seconds without framework request until a session ends; 0: never. */
  readonly sessionTimeoutS: number;
  /** Transfers of checked data to spoil. */
  readonly brwInjectErrors: number;
  /** Whether simple checks look at the ends of 4,096-byte pages too, where the sender has such. */
  readonly simpleCheckUsesPages: boolean;
  /** brw and ping requests served at a time, each; further ones wait. */
  readonly serverRpcsMax: number;
  /** brw and ping requests that may wait, each; beyond it LNet holds them back. */
  readonly serverWaitingMax: number;
  /** Bytes of brw data being received and checked as server. */
  readonly serverBulkBytesMax: number;
  /** Bytes of memory for the units of all client instances. */
  readonly clientBulkBytesMax: number;
  /** Units (RPCs in flight) of all client instances. */
  readonly unitsMax: number;
}

export const NODE_OPTIONS_DEFAULT: NodeOptions = {
  rpcTimeoutS: 64,
  sessionTimeoutS: 100,
  brwInjectErrors: 0,
  simpleCheckUsesPages: true,
  serverRpcsMax: 2048,
  serverWaitingMax: 16_384,
  serverBulkBytesMax: 64 * 1024 * 1024,
  clientBulkBytesMax: 1024 * 1024 * 1024,
  unitsMax: 65_536,
};
