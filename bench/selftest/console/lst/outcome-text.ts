import { errnoText } from '../../../../lnet/errno.ts';
import type { Outcome } from '../transaction.ts';
import { LST_FRAMEWORK_FAILED, LST_OK, LST_RPC_FAILED, type LstCall } from './lst-command.ts';

/** One line for each node on which an action failed: selftest §9.1. Gives the exit status that follows. */
export function complainOf(call: LstCall, action: string, outcomes: readonly Outcome<unknown>[]): number {
  for (const outcome of outcomes) {
    const { node } = outcome;
    if (outcome.kind === 'rpc') call.complain(`${action} RPC failed on ${node}: ${errnoText(outcome.errno)}`);
    else if (outcome.kind === 'framework')
      call.complain(`operation ${action} failed on ${node}: ${errnoText(outcome.errno)}`);
  }
  return statusOf(outcomes);
}

/** An RPC that failed outweighs a node that refused. */
export function statusOf(outcomes: readonly Outcome<unknown>[]): number {
  if (outcomes.some(({ kind }) => kind === 'rpc')) return LST_RPC_FAILED;
  return outcomes.some(({ kind }) => kind === 'framework') ? LST_FRAMEWORK_FAILED : LST_OK;
}

/** The worse of two exit statuses: those of nodes count down from 254, and 0 is no failure. */
export function worse(a: number, b: number): number {
  return Math.max(a, b);
}
