/** What one row of the plan gave. */
export interface RowResult {
  readonly network: string;
  readonly title: string;
  readonly bytes: number;
  readonly messages: number;
  readonly ms: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** `SHA-256 equal, 9 times`; empty where no file was moved. */
  readonly check: string;
}

/** The results as a table for a person. */
export function resultTable(results: readonly RowResult[]): string {
  const head = ['network', 'what', 'GB/s', 'messages/s', 'p50', 'p99', 'check'];
  const rows = results.map((row) => [
    row.network,
    row.title,
    (row.bytes / row.ms / 1e6).toFixed(row.bytes / row.ms / 1e6 < 1 ? 3 : 2),
    Math.round((row.messages / row.ms) * 1_000).toLocaleString('en'),
    duration(row.p50Us),
    duration(row.p99Us),
    row.check,
  ]);
  const isNumber = [false, false, true, true, true, true, false];
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        isNumber[column] ? cell.padStart(widths[column] as number) : cell.padEnd(widths[column] as number),
      )
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function duration(us: number): string {
  if (us < 1_000) return `${us.toFixed(us < 100 ? 1 : 0)} µs`;
  return `${(us / 1_000).toFixed(us < 100_000 ? 2 : 0)} ms`;
}
