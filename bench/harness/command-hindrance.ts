import { execFile } from 'node:child_process';

/** Why a foreign command cannot be used here, or undefined: `hint` says how to get it. */
export function commandHindrance(command: string, hint: string): () => Promise<string | undefined> {
  return () =>
    new Promise((resolve) => {
      execFile(command, ['--version'], { timeout: 5_000 }, (error) => {
        resolve(error && error.code === 'ENOENT' ? `${command} is not installed; ${hint}` : undefined);
      });
    });
}
