import test from 'ava';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sources } from '../test/tidy/source-tree.ts';
import { WIRE_FOLDER, WIRE_PAGES, wirePages } from './generate.ts';

test('docs/wire is what the layouts in the code make of it: run `npm run docs`', (t) => {
  const committed = Object.fromEntries(
    readdirSync(WIRE_FOLDER).map((file) => [file, readFileSync(join(WIRE_FOLDER, file), 'utf8')]),
  );
  t.deepEqual(committed, Object.fromEntries(wirePages()));
});

test('every layout of lnet, nals and ptlrpc has its place on a page', (t) => {
  const shown = new Set(WIRE_PAGES.flatMap((page) => page.entries.map((entry) => entry.layout.name)));
  const declared = sources()
    .filter((file) => !file.isTest && /^(lnet|nals|ptlrpc)\//.test(file.path))
    .flatMap((file) => [...file.text.matchAll(/= layout\(\s*'([^']+)'/g)].map((match) => match[1] as string));
  t.deepEqual(
    declared.filter((name) => !shown.has(name)),
    [],
  );
  t.is(shown.size, declared.length);
});
