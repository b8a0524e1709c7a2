import test from 'ava';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT, filesBelow } from './tidy/source-tree.ts';

const run = promisify(execFile);

/** What each example prints, as far as it is the same in every run. */
const EXPECTED: Readonly<Record<string, RegExp>> = {
  'examples/hello.ts': /^PUT from 127\.0\.0\.12@tcp: hello, LNet\n$/,
  'examples/fabric.ts':
    /^first PUT, with discovery: 2000 .*\nsecond PUT: 500 .*\nafter a partition: PUT to 10\.0\.0\.1@tcp: /,
};

for (const path of filesBelow('examples').filter((name) => name.endsWith('.ts'))) {
  test(`${path} runs and says what it should`, async (t) => {
    const { stdout } = await run(process.execPath, ['--import', 'tsx', path], { cwd: ROOT, timeout: 30_000 });
    t.regex(stdout, EXPECTED[path] ?? /no expectation is written down for this example/);
  });
}

test('the first program of the README is examples/hello.ts', (t) => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const program = readFileSync(join(ROOT, 'examples/hello.ts'), 'utf8');
  const body = program.slice(program.indexOf('const network')).trim();
  t.true(readme.includes(body), 'README.md shows another program');
});
