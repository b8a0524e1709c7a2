import { type Field, fieldBytes, fieldsOf, fieldText, type Frame } from './frame-fields.ts';

/** How a field of ours has to stand to the field that the kernel sent. NIDs have been mapped before. */
type Rule =
  /** The same bytes. The rule of every field not named below. */
  | 'equal'
  /** Ours to choose; nobody but us interprets it. */
  | 'ignored'
  /** Ours to choose, but the same in every frame. */
  | 'constant'
  /** Ours to choose, but "none" exactly where the kernel's is none. */
  | 'own handle';

/** Every exception from equality, and why there is one. */
export const RULES: Readonly<Record<string, { readonly rule: Rule; readonly why: string }>> = {
  'hello.srcIncarnation': { rule: 'constant', why: 'start time of the node: socklnd §2.6' },
  'ksh.zcRequest': {
    rule: 'ignored',
    why: 'asking for zero-copy acknowledgements is the sender’s choice: socklnd §7.1',
  },
  'put.handle': { rule: 'own handle', why: 'names our memory descriptor: lnet-wire §4' },
  'get.handle': { rule: 'own handle', why: 'names our memory descriptor: lnet-wire §4' },
  'ping[0].sequence': { rule: 'ignored', why: 'counts the changes of this node’s configuration: lnet-wire §7.3' },
};

const NONE = Buffer.alloc(16, 0xff);

/** One field in which ours differs from the recorded frame. */
export interface Difference {
  readonly field: string;
  readonly recorded: string;
  readonly ours: string;
}

/** Compares a frame of ours (NIDs mapped back) with the recorded one. `constants` remembers constant fields between calls. */
export function differences(recorded: Frame, ours: Frame, constants: Map<string, string>): Difference[] {
  const expected = fieldsOf(recorded);
  const actual = fieldsOf(ours);
  const found: Difference[] = [];
  for (let i = 0; i < Math.max(expected.length, actual.length); i++) {
    const one = expected[i];
    const other = actual[i];
    if (one && other && one.name === other.name && agree(one, recorded, other, ours, constants)) continue;
    found.push({
      field: (one ?? other)?.name ?? '',
      recorded: one ? fieldText(recorded, one) : 'absent',
      ours: other ? `${other.name === one?.name ? '' : `${other.name} `}${fieldText(ours, other)}` : 'absent',
    });
  }
  return found;
}

function agree(one: Field, recorded: Frame, other: Field, ours: Frame, constants: Map<string, string>): boolean {
  const expected = fieldBytes(recorded, one);
  const actual = fieldBytes(ours, other);
  switch (RULES[one.name]?.rule ?? 'equal') {
    case 'ignored':
      return true;
    case 'own handle':
      return expected.equals(NONE) === actual.equals(NONE);
    case 'constant': {
      const text = actual.toString('hex');
      const first = constants.get(one.name) ?? text;
      constants.set(one.name, first);
      return first === text;
    }
    default:
      return expected.equals(actual);
  }
}
