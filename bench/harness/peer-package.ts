import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageRoot } from './package-root.ts';

/** How long an installation may take, ms. */
const INSTALL_MS = 120_000;

/** Packages to compare with live here, with a `package.json` of their own, so that they cannot fail an install of ours. */
const peersFolder = (): string => join(packageRoot(), 'bench', 'peers');

/** Loads a package from `bench/peers`. Throws when it is not installed. */
export function loadPeerPackage(name: string): unknown {
  return createRequire(join(peersFolder(), 'package.json'))(name);
}

let installing: Promise<string | undefined> | undefined;

/** Makes sure that a package of `bench/peers` can be loaded; installs them all when it cannot. Gives the reason when that fails. */
export async function peerPackageHindrance(name: string): Promise<string | undefined> {
  const before = loadFault(name);
  if (before === undefined) return undefined;
  installing ??= install();
  return (await installing) ?? loadFault(name);
}

function loadFault(name: string): string | undefined {
  try {
    loadPeerPackage(name);
    return undefined;
  } catch (error) {
    return `${name} cannot be loaded: ${firstLine(error instanceof Error ? error.message : String(error))}`;
  }
}

function install(): Promise<string | undefined> {
  const folder = peersFolder();
  process.stderr.write('installing the packages to compare with into bench/peers\n');
  return new Promise((resolve) => {
    execFile(
      'npm',
      ['install', '--prefix', folder, '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'],
      { cwd: folder, timeout: INSTALL_MS },
      (error, _stdout, stderr) =>
        resolve(error ? `npm install failed: ${firstLine(stderr) || error.message}` : undefined),
    );
  });
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
