import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the package. */
export const ROOT = normalize(join(dirname(fileURLToPath(import.meta.url)), '..', '..'));

const SKIPPED = new Set(['node_modules', 'dist', '.git', 'golden', 'results']);

/** Every file of the package below `folder`, as paths from the root. */
export function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (SKIPPED.has(entry.name)) return [];
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** Modules it imports, also for types: paths from the root, `node:x`, or package names. */
  readonly imports: readonly string[];
  readonly isTest: boolean;
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g;

/** All TypeScript sources of the package. */
export function sources(): SourceFile[] {
  return filesBelow('.')
    .filter((path) => path.endsWith('.ts'))
    .map((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      const imports = [...text.matchAll(IMPORT)].map((match) => {
        const name = (match[1] ?? match[2] ?? match[3]) as string;
        return name.startsWith('.') ? relative(ROOT, join(ROOT, dirname(path), name)) : name;
      });
      return {
        path,
        text,
        imports,
        isTest: /\.test(-support)?\.ts$/.test(path) || path.startsWith('test/') || path.startsWith('nals/compliance/'),
      };
    });
}
