/** A state machine as data: from each state, which event leads where. */
export type Moves = Readonly<Record<string, Readonly<Record<string, string>>>>;

export type StateOf<M extends Moves> = keyof M & string;

/** Names of all events of a table. */
export type EventOf<M extends Moves> = { [S in keyof M]: keyof M[S] & string }[keyof M];

/** Where an event leads. A move that the table does not hold is a programmer error. */
export function nextState<const M extends Moves>(
  moves: M,
  state: StateOf<M>,
  event: EventOf<M>,
  who: string,
): StateOf<M> {
  const next = moves[state]?.[event];
  if (next === undefined) throw new Error(`${who}: no move '${event}' from state '${state}'`);
  return next;
}
