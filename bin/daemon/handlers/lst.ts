import { runLst } from '../../../bench/selftest/console/lst/lst.ts';
import type { LstWorld } from '../../../bench/selftest/console/lst/lst-command.ts';
import type { Selftest } from '../../../bench/selftest/selftest.ts';
import { runSurvey } from '../../../bench/selftest/survey/survey.ts';
import { ENODEV } from '../../../lnet/errno.ts';
import { LnetError } from '../../../lnet/error-code.ts';
import { Args } from '../args.ts';
import type { Handlers, RequestStream } from '../control-server.ts';

/**
 * `lst` and its survey: the session lives here, so that commands of their own share it. Each part of an answer is one piece of
 * text for one stream; the result is the exit status.
 */
export function lstHandlers(selftest: Selftest | undefined): Handlers {
  return {
    lst: async (given, stream) => {
      const args = new Args(given);
      const { words, world } = callOf(args, stream);
      args.end();
      return { status: await runLst(loaded(selftest).console, words, world) };
    },
    lst_survey: async (given, stream) => {
      const args = new Args(given);
      const { words, world } = callOf(args, stream);
      args.end();
      const csv = (line: string): void => void stream.item({ csv: `${line}\n` });
      const raw = (text: string): void => void stream.item({ raw: text });
      return { status: await runSurvey(loaded(selftest).console, words, { ...world, csv, raw }) };
    },
  };
}

function callOf(args: Args, stream: RequestStream): { readonly words: readonly string[]; readonly world: LstWorld } {
  return {
    words: args.texts('words'),
    world: {
      stdout: (text) => void stream.item({ stdout: text }),
      stderr: (text) => void stream.item({ stderr: text }),
      sessionKey: args.textOr('session_key'),
      features: args.textOr('features'),
      userAtHost: args.text('user'),
      interrupt: stream.signal,
    },
  };
}

function loaded(selftest: Selftest | undefined): Selftest {
  if (selftest) return selftest;
  throw new LnetError('ERR_LNET_NOT_FOUND', {
    errno: -ENODEV,
    message: 'this node runs no selftest',
    hint: "write 'selftest: true' into its configuration: whoever reaches the node can then make it send and receive test data",
  });
}
