import { NODE_ACTIVE, NODE_BUSY, NODE_DOWN, NODE_INVALID, NODE_UNKNOWN, type ConsoleNode } from '../console-node.ts';
import { addNodes, cleanGroup, deleteGroup, refreshGroup, removeNodes } from '../groups.ts';
import { expandNodeIds } from '../node-id-list.ts';
import { LST_OK, LST_REFUSED, type LstCall, type LstCommand, UsageError } from './lst-command.ts';
import { complainOf, statusOf, worse } from './outcome-text.ts';
import { warnOfFewerFeatures } from './session-commands.ts';
import { nodeLine, STATE_TITLE, stateRow } from './state-table.ts';

const MANY = Number.POSITIVE_INFINITY;

/** selftest §9.5. */
export const ADD_GROUP: LstCommand = {
  usage: 'add_group NAME IDs [IDs]...',
  options: [],
  words: [2, MANY],
  async run(call) {
    const [name = '', ...lists] = call.options.words;
    const session = call.session();
    const group = session.addGroup(name);
    const { features } = session;
    let status = LST_OK;
    let added = 0;
    for (const text of lists) {
      const list = expandNodeIds(text);
      if ('fault' in list) {
        call.complain(list.fault);
        call.complain(`Ignore invalid id list ${text}`);
        continue;
      }
      added++;
      const outcomes = await addNodes(session, group, list.nids);
      const failed = complainOf(call, 'make session', outcomes);
      if (failed === LST_OK) call.print(`${text} are added to session`);
      status = worse(status, failed);
    }
    warnOfFewerFeatures(call, session, features);
    if (added > 0) return status;
    session.groups.delete(name);
    call.complain(`No nodes were added, group ${name} is deleted`);
    return LST_REFUSED;
  },
};

export const DEL_GROUP: LstCommand = {
  usage: 'del_group NAME',
  options: [],
  words: [1, 1],
  async run(call) {
    const session = call.session();
    const outcomes = await deleteGroup(session, session.groupOf(call.options.words[0] ?? '', 'delete group'));
    const status = statusOf(outcomes);
    call.print(status === LST_OK ? 'Group is deleted' : 'Group is deleted with some errors');
    return complainOf(call, 'end session', outcomes);
  },
};

/** What `--clean` takes. */
const STATES: Readonly<Record<string, number>> = {
  active: NODE_ACTIVE,
  busy: NODE_BUSY,
  down: NODE_DOWN,
  unknown: NODE_UNKNOWN,
  invalid: NODE_INVALID,
};

export const UPDATE_GROUP: LstCommand = {
  usage: 'update_group NAME --refresh | --clean active|busy|down|unknown|invalid | --remove IDs',
  options: [
    { long: 'refresh', short: 'f' },
    { long: 'clean', short: 'c', takes: 'text' },
    { long: 'remove', short: 'r', takes: 'text' },
  ],
  words: [1, 1],
  async run(call) {
    const { options } = call;
    if (['refresh', 'clean', 'remove'].filter((option) => options.has(option)).length !== 1) throw new UsageError();
    const clean = options.text('clean');
    const states = clean === undefined ? 0 : STATES[clean.toLowerCase()];
    if (states === undefined) throw new UsageError();
    const session = call.session();
    const group = session.groupOf(options.words[0] ?? '', 'update group');
    if (options.has('refresh')) return complainOf(call, 'make session', await refreshGroup(session, group));
    if (states !== 0) return complainOf(call, 'end session', await cleanGroup(session, group, states));
    const list = expandNodeIds(options.text('remove') ?? '');
    if ('fault' in list) {
      call.complain(list.fault);
      return LST_REFUSED;
    }
    return complainOf(call, 'end session', await removeNodes(session, group, list.nids));
  },
};

/** Options that choose nodes by state. */
const STATE_OPTIONS: readonly (readonly [option: string, states: number])[] = [
  ['active', NODE_ACTIVE],
  ['busy', NODE_BUSY],
  ['down', NODE_DOWN],
  ['unknown', NODE_UNKNOWN],
  ['all', NODE_ACTIVE | NODE_INVALID],
];

export const LIST_GROUP: LstCommand = {
  usage: 'list_group [--active] [--busy] [--down] [--unknown] [--all] [NAME]...',
  options: STATE_OPTIONS.map(([long]) => ({ long, short: long === 'all' ? 'l' : (long[0] as string) })),
  words: [0, MANY],
  run(call) {
    const session = call.session();
    const { words } = call.options;
    if (words.length === 0) {
      printNumbered(call, [...session.groups.keys()], 'groups');
      return LST_OK;
    }
    const groups = words.map((name) => session.groupOf(name, 'list group'));
    const states = STATE_OPTIONS.reduce((sum, [option, bits]) => (call.options.has(option) ? sum | bits : sum), 0);
    if (states === 0) {
      call.print(STATE_TITLE);
      for (const { nodes, name } of groups) call.print(`\t${stateRow(nodes)}\t${name}`);
    } else {
      for (const { nodes, name } of groups)
        printNodes(
          call,
          name,
          nodes.filter((node) => (node.state & states) !== 0),
        );
    }
    return LST_OK;
  },
};

function printNodes(call: LstCall, name: string, nodes: readonly ConsoleNode[]): void {
  if (nodes.length === 0) {
    call.print(`No nodes found [ ${name} ]`);
    return;
  }
  call.print(`Group [ ${name} ]`);
  for (const node of nodes) call.print(nodeLine(node));
  call.print(`Total ${nodes.length} nodes [ ${name} ]`);
}

/** `1) servers`, `2) clients`, `Total 2 groups`. */
export function printNumbered(call: LstCall, names: readonly string[], what: string): void {
  names.forEach((name, index) => call.print(`${index + 1}) ${name}`));
  call.print(`Total ${names.length} ${what}`);
}
