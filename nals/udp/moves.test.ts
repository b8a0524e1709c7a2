import test from 'ava';
import { LINK_MOVES, type LinkMove, type LinkState } from './moves.ts';

test('every cell of the table of moves', (t) => {
  const states: LinkState[] = ['new', 'dialling', 'halfOpen', 'up', 'closed'];
  const moves: LinkMove[] = ['dial', 'accept', 'acceptProven', 'answered', 'heard', 'end'];
  const table = states.map((state) => [state, ...moves.map((move) => LINK_MOVES[state][move] ?? '-')].join(' '));
  t.deepEqual(table, [
    'new dialling halfOpen up - - closed',
    'dialling - - up up - closed',
    'halfOpen - - - - up closed',
    'up - - - - - closed',
    'closed - - - - - -',
  ]);
});
