import { US_PER_S } from '../../../../lnet/clock.ts';
import { LnetError } from '../../../../lnet/error-code.ts';
import type { Console } from '../console.ts';
import { ADD_BATCH, LIST_BATCH, QUERY, RUN, STOP } from './batch-commands.ts';
import { ADD_GROUP, DEL_GROUP, LIST_GROUP, UPDATE_GROUP } from './group-commands.ts';
import {
  LST_OK,
  LST_REFUSED,
  LST_USAGE,
  type LstCall,
  type LstCommand,
  type LstWorld,
  UsageError,
} from './lst-command.ts';
import { type Options, parseOptions } from './options.ts';
import { PING } from './ping-command.ts';
import { END_SESSION, NEW_SESSION, SHOW_SESSION } from './session-commands.ts';
import { keyOf } from './session-key.ts';
import { SHOW_ERROR } from './show-error-command.ts';
import { STAT } from './stat-command.ts';
import { ADD_TEST } from './test-command.ts';

/** Every command by its name: selftest §9. */
export const LST_COMMANDS: Readonly<Record<string, LstCommand>> = {
  new_session: NEW_SESSION,
  end_session: END_SESSION,
  show_session: SHOW_SESSION,
  ping: PING,
  add_group: ADD_GROUP,
  del_group: DEL_GROUP,
  update_group: UPDATE_GROUP,
  list_group: LIST_GROUP,
  stat: STAT,
  show_error: SHOW_ERROR,
  add_batch: ADD_BATCH,
  run: RUN,
  stop: STOP,
  list_batch: LIST_BATCH,
  query: QUERY,
  add_test: ADD_TEST,
};

/** Runs one command of `lst` on a console; gives its exit status. Rejects for defects only. */
export async function runLst(console: Console, argv: readonly string[], world: LstWorld): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === '--list-commands') {
    for (const known of Object.keys(LST_COMMANDS)) world.stdout(`${known}\n`);
    return LST_OK;
  }
  const command = Object.hasOwn(LST_COMMANDS, name) ? LST_COMMANDS[name] : undefined;
  if (!command) {
    world.stderr(`lst: '${name}' is not a valid command. See 'lst --list-commands'.\n`);
    return LST_REFUSED;
  }
  const options = parseOptions(rest, command.options);
  const [min, max] = command.words ?? [0, 0];
  if (!options || options.words.length < min || options.words.length > max) return usage(command, world);
  const key = keyOf(world.sessionKey);
  if (key === undefined && !command.needsNoKey) {
    world.stderr("Can't find env LST_SESSION or value is not valid\n");
    return LST_REFUSED;
  }
  try {
    return await command.run(callOf(console, options, world, key ?? 0));
  } catch (error) {
    if (error instanceof UsageError) return usage(command, world);
    if (!(error instanceof LnetError)) throw error;
    world.stderr(`${error.message}\n`);
    return LST_REFUSED;
  }
}

function usage({ usage: text }: LstCommand, world: LstWorld): number {
  world.stdout(`Usage: lst ${text}\n`);
  return LST_USAGE;
}

function callOf(console: Console, options: Options, world: LstWorld, key: number): LstCall {
  return {
    console,
    world,
    options,
    session: () => console.enter(key),
    print: (line) => world.stdout(`${line}\n`),
    complain: (line) => world.stderr(`${line}\n`),
    sleep: (seconds) => sleep(console, seconds, world.interrupt),
  };
}

function sleep({ clock }: Console, seconds: number, interrupt: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      interrupt.removeEventListener('abort', wake);
      alarm.cancel();
      resolve();
    };
    const alarm = clock.alarm(clock.now() + seconds * US_PER_S, wake);
    if (interrupt.aborted) wake();
    else interrupt.addEventListener('abort', wake, { once: true });
  });
}
