/** Seeded source of randomness, injected so that every run can be replayed. */
export interface Random {
  /** Uniform integer of 0..2^32-1. */
  u32(): number;
  /** Uniform integer of 0..`bound`-1; `bound` is 1..2^32. */
  below(bound: number): number;
}

const rotate = (value: number, count: number): number => ((value << count) | (value >>> (32 - count))) >>> 0;

/** xoshiro128** seeded through splitmix32: fast, and equal seeds give equal sequences on every machine. Not for secrets. */
export function seededRandom(seed: number): Random {
  let mix = seed >>> 0;
  const splitmix = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let a = splitmix();
  let b = splitmix();
  let c = splitmix();
  let d = splitmix();
  const u32 = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5) >>> 0, 7), 9) >>> 0;
    const t = (b << 9) >>> 0;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d >>> 0, 11);
    return result;
  };
  return { u32, below: (bound) => Math.floor((u32() / 0x1_0000_0000) * bound) };
}
