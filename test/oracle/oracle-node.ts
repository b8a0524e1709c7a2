import type { ExecutionContext } from 'ava';
import type { CapturedFrame } from '../../bin/capture/frame.ts';
import { PLAN_DEFAULT } from '../../lnet/config/plan.ts';
import { NET_TUNABLES_DEFAULT } from '../../lnet/local-ni.ts';
import type { NalTap } from '../../lnet/nal.ts';
import { LnetNode } from '../../lnet/node.ts';
import { parseNid } from '../../lnet/wire/nid.ts';
import { loNal } from '../../nals/lo/lo-nal.ts';
import { NodeTcpHost } from '../../nals/tcp/socket.ts';
import { TcpNal } from '../../nals/tcp/tcp-nal.ts';
import type { TcpNi } from '../../nals/tcp/tcp-ni.ts';
import { systemClock, systemRandom } from '../../nals/system-clock.ts';
import { RecordingHost } from './recording-host.ts';

export interface OracleNodeOptions {
  /** In configuration order. */
  readonly nids: readonly string[];
  readonly acceptPort: number;
  /** Plays a process that may not use source ports below 1024. */
  readonly isUnprivileged?: boolean;
  readonly lndTunables?: Readonly<Record<string, number>>;
}

/** A node on real sockets of which all is kept that it sends: messages through the tap, streams as they were written. */
export interface OracleNode {
  readonly node: LnetNode;
  readonly nid: string;
  /** Interface cookie of its handles. */
  readonly cookie: bigint;
  readonly ni: TcpNi;
  readonly host: RecordingHost;
}

/** Frames of all its nodes in the order of their sending. */
export class Conversation implements NalTap {
  readonly frames: CapturedFrame[] = [];
  readonly #start = 1_700_000_000_000_000;

  frame(...[direction, ni, peer, link, segments, bytes]: Parameters<NalTap['frame']>): void {
    if (direction === 'in') return;
    this.frames.push({
      atUs: this.#start + this.frames.length,
      from: ni.nid,
      to: peer,
      // Both ends number their connections by themselves.
      link: link * 1000 + (ni.nid.address & 0xff),
      bytes: Buffer.concat(segments),
      length: bytes,
    });
  }

  async node(t: ExecutionContext, options: OracleNodeOptions): Promise<OracleNode> {
    const host = new RecordingHost(new NodeTcpHost(), options.isUnprivileged === true);
    let nal: TcpNal | undefined;
    const nids = options.nids.map(parseNid);
    const node = await LnetNode.start({
      plan: {
        ...PLAN_DEFAULT,
        nets: nids.map((nid) => ({
          net: nid.net,
          interfaces: [{ interfaceName: nid.addressText, nid }],
          tunables: NET_TUNABLES_DEFAULT,
          lndTunables: options.lndTunables ?? {},
        })),
        accept: 'all',
        acceptPort: options.acceptPort,
      },
      nals: { lo: loNal, tcp: (env) => (nal = new TcpNal(env, host)) },
      clock: systemClock(),
      random: systemRandom(),
    });
    t.teardown(() => node.close());
    const tcp = nal as TcpNal;
    tcp.tap = this;
    const { cookieLow, cookieHigh } = node.core;
    const first = nids[0] as (typeof nids)[number];
    return {
      node,
      nid: String(first),
      cookie: (BigInt(cookieHigh) << 32n) | BigInt(cookieLow),
      ni: tcp.niOf(first) as TcpNi,
      host,
    };
  }
}

/** Waits until something has come about. Rejects after `timeoutMs`. */
export async function until(isSo: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
