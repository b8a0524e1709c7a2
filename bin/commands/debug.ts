import type { Command } from 'commander';
import { EINVAL } from '../../lnet/errno.ts';
import { LnetError } from '../../lnet/error-code.ts';
import { parseNidRanges } from '../../lnet/wire/nid-range.ts';
import { tryParseNid } from '../../lnet/wire/nid.ts';
import { WireError } from '../../lnet/wire/wire-error.ts';
import { common } from './options.ts';
import type { CommonOptions, Shell } from './shell.ts';

/** `debug nidlist`: lnetctl §5.8. Needs no daemon. */
export function addDebug(program: Command, shell: Shell): void {
  const group = program.command('debug').description('tools for finding out');
  common(group.command('nidlist').description('show how a NID pattern is understood, and whether a NID matches it'))
    .argument('<pattern>', 'such as 192.168.1.[2-10/2]@tcp')
    .argument('[nid]', 'a NID to test')
    .action((pattern: string, nid: string | undefined, options: CommonOptions) =>
      shell.run(options, { format: 'plain' }, async () => {
        const list = readPattern(pattern);
        const found = nid === undefined ? undefined : readNid(nid);
        const matches = found && list.matches(found);
        if (options.json) {
          shell.printJson({ nidlist: list.toString(), ...(found ? { nid: found.toString(), matches } : {}) });
          return;
        }
        shell.print(`nidlist parsed to: ${list}\n`);
        if (found) shell.print(`${found} ${matches ? 'matches' : 'does not match'} nidlist ${pattern}\n`);
      }),
    );
}

function readPattern(text: string): ReturnType<typeof parseNidRanges> {
  try {
    return parseNidRanges(text);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new LnetError('ERR_LNET_BAD_NID', { errno: -EINVAL, message: error.message, cause: error });
  }
}

function readNid(text: string): NonNullable<ReturnType<typeof tryParseNid>> {
  const nid = tryParseNid(text);
  if (nid) return nid;
  throw new LnetError('ERR_LNET_BAD_NID', {
    errno: -EINVAL,
    message: `'${text}' is no NID`,
    hint: 'write ADDRESS@NET, such as 192.168.1.10@tcp',
  });
}
