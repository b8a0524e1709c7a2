import { errnoText } from '../../../../lnet/errno.ts';
import { LST_FEATS_MASK } from '../../wire/feature.ts';
import { consoleNidOf } from '../../wire/session-id.ts';
import { type ConsoleSession, isNameShort } from '../console-session.ts';
import { LST_OK, refuse, type LstCall, type LstCommand } from './lst-command.ts';
import { statusOf } from './outcome-text.ts';
import { keyOf } from './session-key.ts';

const IDLE_TIMEOUT_S = 300;

/** selftest §9.3. */
export const NEW_SESSION: LstCommand = {
  usage: 'new_session [--timeout TIME] [--force] [NAME]',
  options: [
    { long: 'timeout', short: 't', takes: 'number' },
    { long: 'force', short: 'f' },
  ],
  words: [0, 1],
  needsNoKey: true,
  async run(call) {
    const { options, world, console } = call;
    const timeoutS = options.number('timeout', IDLE_TIMEOUT_S);
    const name = options.words[0] ?? world.userAtHost;
    const features = featuresOf(world.features);
    if (timeoutS <= 0) return refuse(call, `Invalid timeout value: ${options.text('timeout')}`);
    if (name === '' || !isNameShort(name)) return refuse(call, 'Name of session must be 1 to 31 bytes long');
    if (features === undefined)
      return refuse(call, `Unknown features in LST_FEATURES: ${world.features}; known: ${LST_FEATS_MASK.toString(16)}`);
    const forces = options.has('force');
    const key = keyOf(world.sessionKey) ?? console.newKey();
    const { spec } = await console.newSession({ name, key, timeoutS, forces, features });
    call.print(`SESSION: ${name} FEATURES: ${hex(spec.features)} TIMEOUT: ${timeoutS} FORCE: ${forces ? 'Yes' : 'No'}`);
    return LST_OK;
  },
};

export const END_SESSION: LstCommand = {
  usage: 'end_session',
  options: [],
  async run(call) {
    const outcomes = await call.console.endSession(call.session());
    const rpc = outcomes.filter(({ kind }) => kind === 'rpc');
    const framework = outcomes.filter(({ kind }) => kind === 'framework');
    if (rpc.length > 0) call.complain(`[RPC] Failed to send ${rpc.length} session RPCs: ${errnoText(errnoOf(rpc[0]))}`);
    if (framework.length > 0)
      call.complain(`[FWK] Failed to end session on ${framework.length} nodes: ${errnoText(errnoOf(framework[0]))}`);
    const status = statusOf(outcomes);
    if (status === LST_OK) call.print('session is ended');
    return status;
  },
};

export const SHOW_SESSION: LstCommand = {
  usage: 'show_session',
  options: [],
  needsNoKey: true,
  run(call) {
    const { spec, sid, features, nodes } = call.console.look();
    const id = `${sid.stamp}@${consoleNidOf(sid)}`;
    call.print(`${spec.name} ID: ${id}, KEY: ${spec.key} FEATURES: ${hex(features)} NODES: ${nodes.size}`);
    return LST_OK;
  },
};

/** What `lst` says when the nodes agreed to less than was asked for: selftest §5.2 rule 6. */
export function warnOfFewerFeatures(call: LstCall, session: ConsoleSession, asked: number): void {
  if (session.features !== asked)
    call.complain(`Session is running in compatible mode, features: ${hex(session.features)} of ${hex(asked)}`);
}

function featuresOf(text: string | undefined): number | undefined {
  if (text === undefined) return LST_FEATS_MASK;
  const features = /^(?:0[xX])?[0-9a-fA-F]{1,8}$/.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  return (features & ~LST_FEATS_MASK) === 0 && !Number.isNaN(features) ? features : undefined;
}

function errnoOf(outcome: { readonly kind: string; readonly errno?: number } | undefined): number {
  return outcome?.errno ?? 0;
}

function hex(features: number): string {
  return features.toString(16);
}
