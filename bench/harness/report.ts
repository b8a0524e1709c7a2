import { styleText } from 'node:util';
import type { BenchResult } from './case.ts';
import { meetsTarget } from './target.ts';

/** One JSON object, exactly the keys of {@link BenchResult} in their order. */
export function resultLine(result: BenchResult): string {
  const { bench, case: name, ours, peer, peerValue, unit, ratio, spread, target, conditions } = result;
  return JSON.stringify({ bench, case: name, ours, peer, peerValue, unit, ratio, spread, target, conditions });
}

/** The same for a person: one row a comparison. */
export function resultTable(results: readonly BenchResult[], isColoured: boolean): string {
  const head = ['bench', 'case', 'ours', 'peer', 'peer value', 'ratio', 'spread', 'target', ''];
  const rows = results.map((result) => [
    result.bench,
    result.case,
    result.ours === null ? '-' : `${significant(result.ours)} ${result.unit}`,
    result.peer ?? '-',
    result.peerValue === null ? '-' : `${significant(result.peerValue)} ${result.unit}`,
    result.ratio === null ? '-' : significant(result.ratio),
    result.spread === null ? '-' : result.spread.map(significant).join('..'),
    result.target ?? '-',
    verdict(result),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map((row) => tinted(line(row), row.at(-1) as string, isColoured))].join('\n');
}

function verdict(result: BenchResult): string {
  const skipped = result.conditions['skipped'];
  if (typeof skipped === 'string') return `skipped: ${skipped}`;
  const failures = result.conditions['failures'];
  if (result.ratio === null && Array.isArray(failures)) return `failed: ${String(failures[0])}`;
  if (result.ratio === null || result.target === null) return '';
  return meetsTarget(result.ratio, result.target) ? 'met' : 'missed';
}

function tinted(line: string, mark: string, isColoured: boolean): string {
  if (!isColoured) return line;
  if (mark === 'met') return styleText('green', line);
  return mark === '' ? line : styleText('yellow', line);
}

/** Three significant digits without an exponent: 3.47, 0.0124, 1230000. */
export function significant(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 12));
}
