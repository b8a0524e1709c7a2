import type { Console } from '../console.ts';
import type { ConsoleSession } from '../console-session.ts';
import type { Options, OptionSpec } from './options.ts';

/** Exit status of `lst`: selftest §9.1. */
export const LST_OK = 0;
/** Wrong usage. */
export const LST_USAGE = 4;
/** A node answered with an error. */
export const LST_FRAMEWORK_FAILED = 253;
/** A node could not be asked. */
export const LST_RPC_FAILED = 254;
/** Refused by the console, or values that cannot be. */
export const LST_REFUSED = 255;

/** What a command sees of the one who calls it: replaced in tests. */
export interface LstWorld {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** `LST_SESSION`. */
  readonly sessionKey: string | undefined;
  /** `LST_FEATURES`. */
  readonly features: string | undefined;
  /** `user@hostname`, the default name of a session. */
  readonly userAtHost: string;
  /** Ends commands that repeat. */
  readonly interrupt: AbortSignal;
}

/** One call of a command. */
export interface LstCall {
  readonly console: Console;
  readonly world: LstWorld;
  readonly options: Options;
  /** The session that the key names. Throws {@link LnetError}. */
  readonly session: () => ConsoleSession;
  /** Says a line. */
  readonly print: (line: string) => void;
  /** Complains with a line. */
  readonly complain: (line: string) => void;
  /** Resolves after so many seconds of the node's clock, or at once when the caller interrupts. */
  readonly sleep: (seconds: number) => Promise<void>;
}

export interface LstCommand {
  /** Printed when the usage is wrong. */
  readonly usage: string;
  readonly options: readonly OptionSpec[];
  /** Fewest and most arguments besides options; default none. */
  readonly words?: readonly [min: number, max: number];
  /** It works without `LST_SESSION`. */
  readonly needsNoKey?: boolean;
  /** Gives the exit status. A thrown {@link LnetError} becomes its message and 255. */
  run(call: LstCall): number | Promise<number>;
}

/** Complains and gives the exit status of a refusal. */
export function refuse(call: LstCall, text: string): number {
  call.complain(text);
  return LST_REFUSED;
}

/** A command that was called in a way that its options alone do not exclude. */
export class UsageError extends Error {}
