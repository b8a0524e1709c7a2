import { execFile } from 'node:child_process';

/** EACCES: it is nowhere, and PATH names a folder that this user may not read. */
const NOT_FOUND = new Set(['ENOENT', 'EACCES']);

/** Why a foreign command cannot be used here, or undefined: `hint` says how to get it. */
export function commandHindrance(command: string, hint: string): () => Promise<string | undefined> {
  return () =>
    new Promise((resolve) => {
      execFile(command, ['--version'], { timeout: 5_000 }, (error) => {
        resolve(NOT_FOUND.has(String(error?.code)) ? `${command} is not installed; ${hint}` : undefined);
      });
    });
}
