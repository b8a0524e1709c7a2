import type { StatReply } from '../../wire/stat-message.ts';
import type { Outcome } from '../transaction.ts';

/** What one report shows: selftest §9.9. */
export interface StatView {
  readonly showsRate: boolean;
  readonly showsBandwidth: boolean;
  /** Lines of what nodes received and of what they sent. */
  readonly showsReceived: boolean;
  readonly showsSent: boolean;
  readonly columns: readonly ('Avg' | 'Min' | 'Max')[];
  /** Bandwidth in units of 10^6 bytes instead of 2^20. */
  readonly isDecimal: boolean;
}

/** The answers of a group's nodes at one time. */
export type Sample = readonly Outcome<StatReply>[];

/** Average, minimum and maximum over the nodes of a group. */
interface Spread {
  readonly Avg: number;
  readonly Min: number;
  readonly Max: number;
}

/** What the nodes of a group did per second between two samples. */
export interface Rates {
  readonly receivedRate: Spread;
  readonly sentRate: Spread;
  /** Bytes per second. */
  readonly receivedBytes: Spread;
  readonly sentBytes: Spread;
  /** Nodes that answered in neither or only one of the samples. */
  readonly failed: number;
  /** Nodes that the rates are of. */
  readonly usable: number;
}

interface NodeRates {
  readonly receivedRate: number;
  readonly sentRate: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** True when both samples are of the same nodes. */
export function areSameNodes(before: Sample, after: Sample): boolean {
  return before.length === after.length && before.every(({ node }, index) => node === after[index]?.node);
}

/** Compares two samples of the same nodes. */
export function ratesBetween(before: Sample, after: Sample): Rates {
  const nodes = before.flatMap((outcome, index) => nodeRates(outcome, after[index]) ?? []);
  return {
    receivedRate: spread(nodes.map((node) => node.receivedRate)),
    sentRate: spread(nodes.map((node) => node.sentRate)),
    receivedBytes: spread(nodes.map((node) => node.receivedBytes)),
    sentBytes: spread(nodes.map((node) => node.sentBytes)),
    failed: before.length - nodes.length,
    usable: nodes.length,
  };
}

function nodeRates(before: Outcome<StatReply>, after: Outcome<StatReply> | undefined): NodeRates | undefined {
  if (before.kind !== 'ok' || after?.kind !== 'ok') return undefined;
  // The node's own clock; all 32-bit counters wrap.
  const seconds = difference32(after.reply.runningMs, before.reply.runningMs) / 1000;
  if (seconds === 0) return undefined;
  return {
    receivedRate: difference32(after.reply.lnetRecvCount, before.reply.lnetRecvCount) / seconds,
    sentRate: difference32(after.reply.lnetSendCount, before.reply.lnetSendCount) / seconds,
    receivedBytes: Number(after.reply.lnetRecvLength - before.reply.lnetRecvLength) / seconds,
    sentBytes: Number(after.reply.lnetSendLength - before.reply.lnetSendLength) / seconds,
  };
}

function difference32(after: number, before: number): number {
  return (after - before) >>> 0;
}

/** A minimum of 0 counts as "not set yet" and is replaced by the next node's value. */
function spread(values: readonly number[]): Spread {
  let sum = 0;
  let Min = 0;
  let Max = 0;
  for (const value of values) {
    sum += value;
    if (Min === 0 || value < Min) Min = value;
    if (value > Max) Max = value;
  }
  return { Avg: values.length === 0 ? 0 : sum / values.length, Min, Max };
}

/** The lines of a report. A group without usable nodes has none. */
export function reportLines(group: string, rates: Rates, view: StatView): string[] {
  if (rates.usable === 0) return [];
  const lines: string[] = [];
  const add = (title: string, received: string, sent: string): void => {
    lines.push(`[LNet ${title} of ${group}]`);
    if (view.showsReceived) lines.push(`[R] ${received}`);
    if (view.showsSent) lines.push(`[W] ${sent}`);
  };
  if (view.showsRate) add('Rates', rateText(rates.receivedRate, view), rateText(rates.sentRate, view));
  if (view.showsBandwidth)
    add('Bandwidth', bandwidthText(rates.receivedBytes, view), bandwidthText(rates.sentBytes, view));
  return lines;
}

function rateText(of: Spread, { columns }: StatView): string {
  const texts = columns.map(
    (column) => `${column}: ${toEven(of[column]).padEnd(8)} RPC/s${column === 'Max' ? '' : ' '}`,
  );
  return texts.join('');
}

/** `%.0f`: a half goes to the even neighbour. */
function toEven(value: number): string {
  const below = Math.floor(value);
  return String(value - below === 0.5 ? below + (below % 2) : Math.round(value));
}

function bandwidthText(of: Spread, { columns, isDecimal }: StatView): string {
  const unit = isDecimal ? 'MB/s  ' : 'MiB/s ';
  const bytes = isDecimal ? 1_000_000 : 1_048_576;
  return columns.map((column) => `${column}: ${(of[column] / bytes).toFixed(2).padEnd(8)} ${unit}`).join('');
}
