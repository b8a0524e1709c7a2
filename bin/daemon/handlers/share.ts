import { isAbsolute } from 'node:path';
import { EINVAL } from '../../../lnet/errno.ts';
import { LnetError } from '../../../lnet/error-code.ts';
import type { LnetNode } from '../../../lnet/node.ts';
import { fetchFile, sendFile, type TransferOptions } from '../../share/transfer.ts';
import { Args } from '../args.ts';
import type { Handlers, RequestStream } from '../control-server.ts';

/** `put` and `get`: the daemon moves files of its own user's, named by absolute paths. docs/file-transfer.md. */
export function shareHandlers(node: LnetNode): Handlers {
  return {
    put: async (given, stream) => {
      const args = new Args(given);
      const options = transferOptions(node, args, stream);
      args.end();
      return { ...(await sendFile(options)) };
    },
    get: async (given, stream) => {
      const args = new Args(given);
      const options = transferOptions(node, args, stream);
      const replaces = args.flag('force');
      args.end();
      return { ...(await fetchFile({ ...options, replaces })) };
    },
  };
}

function transferOptions(node: LnetNode, args: Args, stream: RequestStream): TransferOptions {
  const target = args.nid('nid');
  const name = args.text('name');
  const path = args.text('path');
  if (!isAbsolute(path)) {
    throw new LnetError('ERR_LNET_BAD_ARGUMENT', { errno: -EINVAL, message: `'${path}' must be an absolute path` });
  }
  return {
    node,
    target,
    path,
    name,
    signal: stream.signal,
    onProgress: (done, total) => stream.item({ done, total }),
  };
}
