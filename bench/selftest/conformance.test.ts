import test from 'ava';
import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('.', import.meta.url);

/** Statements of the checklist that need a kernel, and the tests that play its part from recordings. */
const NEEDS_KERNEL = 'End to end: ';

/** Lines of a checklist, as they stand behind their boxes. */
function statements(page: string): string[] {
  const checklist = page.slice(page.indexOf('## 13. Conformance checklist'));
  return [...checklist.matchAll(/^- \[ \] (.+)$/gm)].map((match) => match[1] as string);
}

/** All test sources of selftest in one text, with quotes as they are read. */
function testSources(): string {
  return readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => readFileSync(new URL(path, FOLDER), 'utf8').replaceAll("\\'", "'"))
    .join('\n');
}

test('each statement of the conformance checklist is the title of a test', (t) => {
  const page = readFileSync(new URL('../../docs/spec/selftest.md', FOLDER), 'utf8');
  const all = statements(page);
  t.true(all.length > 40, String(all.length));
  const sources = testSources();
  t.deepEqual(
    all.filter((statement) => !sources.includes(statement)),
    [],
  );
  t.true(all.some((statement) => statement.startsWith(NEEDS_KERNEL)));
});
