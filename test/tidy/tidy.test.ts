import test from 'ava';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LNET_ERROR_CODES } from '../../lnet/error-code.ts';
import { ROOT, filesBelow, type SourceFile, sources } from './source-tree.ts';

const all = sources();
const product = all.filter((file) => !file.isTest);

/** Which folders a folder may import, besides itself: design, section 2. `nals` has a finer rule of its own below. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lnet: [],
  nals: ['lnet'],
  router: ['lnet'],
  ptlrpc: ['lnet'],
  bench: ['ptlrpc', 'router', 'lnet', 'nals', 'index.ts'],
  bin: ['bench', 'ptlrpc', 'router', 'lnet', 'nals', 'index.ts'],
  'index.ts': ['ptlrpc', 'router', 'lnet', 'nals'],
  docs: ['ptlrpc', 'router', 'lnet', 'nals', 'index.ts'],
  examples: ['index.ts'],
};

const roomOf = (path: string): string => path.split('/')[0] as string;

function offenders(files: readonly SourceFile[], fault: (file: SourceFile) => string | undefined): string[] {
  return files.flatMap((file) => {
    const found = fault(file);
    return found === undefined ? [] : [`${file.path}: ${found}`];
  });
}

test('imports point one way only', (t) => {
  const found = offenders(product, (file) => {
    const room = roomOf(file.path);
    const allowed = MAY_IMPORT[room];
    if (!allowed) return `${room} is not a folder of the design`;
    const bad = file.imports.find(
      (name) => existsSync(join(ROOT, name)) && roomOf(name) !== room && !allowed.includes(roomOf(name)),
    );
    return bad && `imports ${bad}`;
  });
  t.deepEqual(found, []);
});

test('a NAL imports the contract and the wire layouts, nothing else of the core', (t) => {
  const found = offenders(
    product.filter((file) => file.path.startsWith('nals/')),
    (file) => {
      const bad = file.imports.find(
        (name) => name.startsWith('lnet/') && name !== 'lnet/nal.ts' && !name.startsWith('lnet/wire/'),
      );
      return bad && `imports ${bad}`;
    },
  );
  t.deepEqual(found, []);
});

test('lnet/wire knows nothing above it', (t) => {
  const found = offenders(
    product.filter((file) => file.path.startsWith('lnet/wire/')),
    (file) => {
      const bad = file.imports.find((name) => !name.startsWith('lnet/wire/'));
      return bad && `imports ${bad}`;
    },
  );
  t.deepEqual(found, []);
});

/** Files that may touch the runtime's sockets, timers, clock, file system and environment. */
const MAY_TOUCH_RUNTIME =
  /^(nals\/(tcp|udp|rdma)\/|nals\/(system-clock|host-interfaces|sim\/settle)\.ts|bin\/|bench\/|docs\/|examples\/|ptlrpc\/(mds|ost)\/store\/)/;

test('the core and the simulator read no clock, no environment and open nothing', (t) => {
  const found = offenders(
    product.filter((file) => !MAY_TOUCH_RUNTIME.test(file.path)),
    (file) => {
      const code = file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      return (
        file.imports.find((name) => name.startsWith('node:')) ??
        /\b(Date\.now|new Date|performance\.|Math\.random|process\.(env|hrtime|nextTick|argv)|setTimeout|setInterval|setImmediate)\b/.exec(
          code,
        )?.[0]
      );
    },
  );
  t.deepEqual(found, []);
});

test('the runtime dependencies are those of the command line only', (t) => {
  const packages = new Set(
    product.flatMap((file) =>
      file.imports
        .filter((name) => /^[a-z@]/.test(name) && !existsSync(join(ROOT, name)) && !name.startsWith('node:'))
        .map((name) => `${roomOf(file.path)} ${name}`),
    ),
  );
  const budget = new Set(['bin commander', 'bin yaml', 'bench mitata', 'bench zeromq']);
  t.deepEqual(
    [...packages].filter((entry) => !budget.has(entry)),
    [],
  );
});

test('no file is longer than 600 lines', (t) => {
  t.deepEqual(
    offenders(all, (file) => {
      const lines = file.text.split('\n').length - 1;
      return lines > 600 ? `${lines} lines` : undefined;
    }),
    [],
  );
});

test('no file is named for being a drawer', (t) => {
  t.deepEqual(
    all.map((file) => file.path).filter((path) => /^(utils?|helpers?|common|misc|types)\.ts$/.test(basename(path))),
    [],
  );
});

test('file names are kebab-case', (t) => {
  t.deepEqual(
    all.map((file) => file.path).filter((path) => !/^[a-z0-9]+([.-][a-z0-9]+)*\.ts$/.test(basename(path))),
    [],
  );
});

test('no left-overs: notes to do later, focused tests', (t) => {
  const marks = new RegExp(['\\bTO', 'DO\\b|\\bFIX', 'ME\\b|test\\.on', 'ly\\(|test\\.fail', 'ing\\('].join(''));
  t.deepEqual(
    offenders(all, (file) => marks.exec(file.text)?.[0]),
    [],
  );
});

test('every cited section of a specification is published under docs/spec', (t) => {
  const sections = new Map<string, Set<string>>();
  for (const path of filesBelow('docs/spec')) {
    const headings = [...readFileSync(join(ROOT, path), 'utf8').matchAll(/^#+ (?:Appendix )?([0-9A-Z][0-9.]*)/gm)].map(
      (match) => (match[1] as string).replace(/\.$/, ''),
    );
    sections.set(basename(path, '.md'), new Set(headings));
  }
  const found = all.flatMap((file) =>
    [
      ...file.text.matchAll(
        /\b(lnet-wire|socklnd|lnet-semantics|selftest|lnetctl|ptlrpc|mds-ost|nal-rdma-and-limits|udp) §([0-9]+(?:\.[0-9]+)*)/g,
      ),
    ]
      .filter((match) => !sections.get(match[1] as string)?.has(match[2] as string))
      .map((match) => `${file.path}: ${match[0]}`),
  );
  t.deepEqual(found, []);
});

test('docs/errors.md explains every error code', (t) => {
  const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
  t.deepEqual(
    LNET_ERROR_CODES.filter((code) => !page.includes(code)),
    [],
  );
});

test('relative links of the documentation lead somewhere', (t) => {
  const found = filesBelow('.')
    .filter((path) => path.endsWith('.md') && !path.startsWith('docs/spec/'))
    .flatMap((path) =>
      [...readFileSync(join(ROOT, path), 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)]
        .filter((match) => !existsSync(join(ROOT, path, '..', match[1] as string)))
        .map((match) => `${path}: ${match[1]}`),
    );
  t.deepEqual(found, []);
});
