/**
 * A node in a process of its own, driven over the IPC channel of its parent: the far side of the tests that kill, stop and
 * restart processes. Messages in: {@link ChildRequest}; messages out: {@link ChildReport}.
 */
import {
  createNode,
  LNET_MD_MANAGE_REMOTE,
  LNET_MD_OP_GET,
  LNET_MD_OP_PUT,
  LNET_MD_TRUNCATE,
  LNET_EVENT_NAMES,
  type LnetNode,
} from '../../index.ts';

export const TEST_PORTAL = 40;

export type ChildRequest =
  | {
      readonly kind: 'start';
      readonly nid: string;
      readonly acceptPort: number;
      readonly settings?: Record<string, number>;
      readonly timeoutS?: number;
    }
  | { readonly kind: 'serve'; readonly matchBits: string; readonly bytes: number }
  | {
      readonly kind: 'put';
      readonly target: string;
      readonly matchBits: string;
      readonly bytes: number;
      readonly count: number;
    }
  | { readonly kind: 'ping'; readonly target: string; readonly timeoutMs: number };

export type ChildReport =
  | { readonly kind: 'started'; readonly nid: string }
  | { readonly kind: 'serving' }
  | {
      readonly kind: 'event';
      readonly type: string;
      readonly status: number;
      readonly mlength: number;
      readonly atMs: number;
    }
  | { readonly kind: 'putDone'; readonly ok: number; readonly failures: readonly number[]; readonly ms: number }
  | { readonly kind: 'pong'; readonly ok: boolean; readonly errno: number };

let node: LnetNode | undefined;

const report = (message: ChildReport): void => {
  process.send?.(message);
};

async function handle(request: ChildRequest): Promise<void> {
  if (request.kind === 'start') {
    const [address = '', net = 'tcp'] = request.nid.split('@');
    node = await createNode({
      nets: { [net]: address },
      accept: 'all',
      acceptPort: request.acceptPort,
      ...(request.settings === undefined ? {} : { settings: request.settings }),
      ...(request.timeoutS === undefined ? {} : { lndTunables: { timeout: request.timeoutS } }),
    });
    report({ kind: 'started', nid: String(node.nid) });
    return;
  }
  if (!node) throw new Error('not started');
  if (request.kind === 'serve') {
    const me = node.attachMe({ portal: TEST_PORTAL, matchBits: BigInt(request.matchBits) });
    node.attachMd(
      me,
      {
        memory: new Uint8Array(request.bytes).fill(0x5a),
        options: LNET_MD_OP_PUT | LNET_MD_OP_GET | LNET_MD_MANAGE_REMOTE | LNET_MD_TRUNCATE,
        handler: (event) =>
          report({
            kind: 'event',
            type: LNET_EVENT_NAMES[event.type],
            status: event.status,
            mlength: event.mlength,
            atMs: Date.now(),
          }),
      },
      false,
    );
    report({ kind: 'serving' });
  } else if (request.kind === 'put') {
    const memory = new Uint8Array(request.bytes).fill(0xa5);
    const failures: number[] = [];
    let ok = 0;
    const started = Date.now();
    const { target, matchBits, count } = request;
    const running = node;
    await Promise.all(
      Array.from({ length: count }, () =>
        running
          .put({ memory, target, portal: TEST_PORTAL, matchBits: BigInt(matchBits) })
          .then(() => ok++)
          .catch((error: { errno?: number }) => failures.push(error.errno ?? 0)),
      ),
    );
    report({ kind: 'putDone', ok, failures, ms: Date.now() - started });
  } else {
    const errno = await node.ping(request.target, { timeoutMs: request.timeoutMs }).then(
      () => 0,
      (error: { errno?: number }) => error.errno ?? -1,
    );
    report({ kind: 'pong', ok: errno === 0, errno });
  }
}

process.on('message', (request: ChildRequest) => {
  void handle(request);
});
process.on('disconnect', () => process.exit(0));
