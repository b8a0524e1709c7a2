import test from 'ava';
import { TOKEN_BYTES, TOKEN_LIFE_US, TokenMint } from './token.ts';

const SUBJECT = { address: '10.0.0.1', port: 988, connId: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]) };

test('a token is good for whom it was issued, for ten seconds', (t) => {
  const mint = new TokenMint(new Uint8Array(32).fill(7));
  const token = mint.issue(SUBJECT, 5_000);
  t.is(token.length, TOKEN_BYTES);
  t.true(mint.isGood(token, SUBJECT, 5_000));
  t.true(mint.isGood(token, SUBJECT, 5_000 + TOKEN_LIFE_US));
  t.false(mint.isGood(token, SUBJECT, 5_001 + TOKEN_LIFE_US));
  t.false(mint.isGood(token, SUBJECT, 4_999));
});

test('a token is bound to address, port, id and key, and to each of its bits', (t) => {
  const mint = new TokenMint(new Uint8Array(32).fill(7));
  const token = mint.issue(SUBJECT, 5_000);
  t.false(mint.isGood(token, { ...SUBJECT, address: '10.0.0.11' }, 5_000));
  t.false(mint.isGood(token, { ...SUBJECT, port: 989 }, 5_000));
  t.false(mint.isGood(token, { ...SUBJECT, connId: new Uint8Array(8) }, 5_000));
  t.false(new TokenMint(new Uint8Array(32).fill(8)).isGood(token, SUBJECT, 5_000));
  for (let bit = 0; bit < token.length * 8; bit++) {
    const forged = token.slice();
    forged[bit >> 3] = (forged[bit >> 3] as number) ^ (1 << (bit & 7));
    t.false(mint.isGood(forged, SUBJECT, 5_000));
  }
  for (let length = 0; length < token.length; length++) t.false(mint.isGood(token.subarray(0, length), SUBJECT, 5_000));
});
