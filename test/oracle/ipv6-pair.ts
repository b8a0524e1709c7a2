/**
 * Program: two nodes with the addresses of the capture `largenid`, in a network namespace that has nothing else. Does what was
 * done when that capture was made, then moves payloads; prints what was sent as one {@link Ipv6Report} in JSON.
 */
import type { ExecutionContext } from 'ava';
import { execFileSync } from 'node:child_process';
import { LNET_MD_MANAGE_REMOTE, LNET_MD_OP_GET, LNET_MD_OP_PUT } from '../../lnet/index.ts';
import { Conversation, until } from './oracle-node.ts';

/** What one side of a TCP connection sent, in hex. */
export interface Ipv6Stream {
  readonly src: string;
  readonly dst: string;
  readonly isConnector: boolean;
  readonly hex: string;
}

/** NIDs in configuration order, cookies of handles, and all that was sent. */
export interface Ipv6Report {
  readonly cookies: readonly [asking: string, asked: string];
  readonly streams: readonly Ipv6Stream[];
}

export const ASKING = ['10.77.0.11@tcp', 'fd77::11@tcp6'] as const;
/** The kernel node was a router, on tcp1 too. */
export const ASKED = ['10.77.0.12@tcp', '10.77.0.12@tcp1', 'fd77::12@tcp6'] as const;
export const PORTAL = 57;
export const MATCH_BITS = 0x0123456789abcdefn;
/** Payloads moved after the recorded part: by PUT, then by GET. */
export const SIZES = [0, 903, 904, 1 << 20] as const;
const LNET_PORT = 988;

function giveAddresses(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const addresses = new Set([...ASKING, ...ASKED].map((nid) => nid.replace(/@.*/, '')));
  for (const address of addresses) {
    const prefix = address.includes(':') ? '/128' : '/32';
    execFileSync('ip', ['address', 'add', `${address}${prefix}`, 'dev', 'lo']);
  }
}

async function main(): Promise<void> {
  giveAddresses();
  const conversation = new Conversation();
  const ends: (() => void | Promise<void>)[] = [];
  const t = { teardown: (end: () => void) => void ends.push(end) } as unknown as ExecutionContext;
  const a = await conversation.node(t, { nids: ASKING, acceptPort: LNET_PORT });
  const b = await conversation.node(t, { nids: ASKED, acceptPort: LNET_PORT });
  const target = ASKED[2];
  await a.node.discover(target);
  await until(
    () => b.node.core.discovery.activeCount === 0 && a.host.sent.length >= 3,
    'both sides to know each other',
  );
  await a.node.discover(target);
  const me = b.node.attachMe({ portal: PORTAL, matchBits: MATCH_BITS });
  const options = LNET_MD_OP_PUT | LNET_MD_OP_GET | LNET_MD_MANAGE_REMOTE;
  b.node.attachMd(me, { memory: new Uint8Array(1 << 20).fill(0x5a), options }, false);
  const transfer = { target, self: ASKING[1], portal: PORTAL, matchBits: MATCH_BITS };
  for (const size of SIZES) {
    await a.node.put({ ...transfer, memory: new Uint8Array(size).fill(0x5a), hdrData: BigInt(size) });
    await a.node.get({ ...transfer, memory: new Uint8Array(size) });
  }
  const streams = [a, b].flatMap(({ host }) =>
    host.sent.map(({ local, remote, isConnector, bytes }) => ({
      src: `[${local.address}]:${local.port}`,
      dst: `[${remote.address}]:${remote.port}`,
      isConnector,
      hex: bytes.toString('hex'),
    })),
  );
  const cookies = [a.cookie.toString(), b.cookie.toString()] as const;
  const report: Ipv6Report = { cookies, streams };
  for (const end of ends) await end();
  process.stdout.write(JSON.stringify(report));
}

if (process.argv[1] === import.meta.filename) await main();
