/** State of a link. `halfOpen`: accepted, but nothing has come yet under the id that it gave, so its dialler may be a forgery. */
export type LinkState = 'new' | 'dialling' | 'halfOpen' | 'up' | 'closed';

/** What happens to a link: udp §5. */
export type LinkMove = 'dial' | 'accept' | 'acceptProven' | 'answered' | 'heard' | 'end';

/** Every legal move; a cell that is not here is an error of this package, never of a peer. */
export const LINK_MOVES: Readonly<Record<LinkState, Readonly<Partial<Record<LinkMove, LinkState>>>>> = {
  new: { dial: 'dialling', accept: 'halfOpen', acceptProven: 'up', end: 'closed' },
  dialling: { answered: 'up', acceptProven: 'up', end: 'closed' },
  halfOpen: { heard: 'up', end: 'closed' },
  up: { end: 'closed' },
  closed: {},
};
