import { errnoText } from '../../lnet/errno.ts';
import { quoted, singleQuoted } from './scalar.ts';

/** What an error report says: lnetctl §3. */
export interface Report {
  /** What was tried: `add`, `set`, `del`, `manage`, `show`, `configure`, `parser`. */
  readonly action: string;
  /** On what: `net`, `route`, `ping`, `retry_count`. */
  readonly item: string;
  /** Negative. */
  readonly errno: number;
  readonly description: string;
}

/** Format N, for stderr: lnetctl §3.1. */
export function printReport(report: Report): string {
  return [
    '---',
    `${report.action}:`,
    `-     ${report.item}:`,
    `      errno: ${report.errno}`,
    `      descr: ! ${quoted(report.description)}`,
    '...',
    '',
  ].join('\n');
}

/** Format C, for stderr: lnetctl §3.2. */
export function printClassicReport(report: Report): string {
  return [
    `${report.action}:`,
    `    - ${report.item}:`,
    `          errno: ${report.errno}`,
    `          descr: ${JSON.stringify(report.description).replaceAll('\\n', '\n')}`,
    '',
  ].join('\n');
}

/** Format C with the text that goes with an errno: `cannot configure retry count: Invalid argument`. */
export function withErrnoText(text: string, errno: number): string {
  return `${text}: ${errnoText(errno)}`;
}

/**
 * Failures of `ping` and `discover`, to follow the successes on stdout: lnetctl §3.3. A text that ends in an errno text has
 * a colon, so it stands in single quotes.
 */
export function printManageFailures(failures: readonly Report[]): string {
  if (failures.length === 0) return '';
  const lines = ['manage:'];
  for (const { item, errno, description } of failures) {
    const text = description.startsWith('failed to ')
      ? `! ${singleQuoted(withErrnoText(description, errno))}`
      : description;
    lines.push(`- ${item}:`, `  errno: ${errno}`, `  descr: ${text}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}
