import { SimNet, type SimNetOptions } from './sim-net.ts';

/**
 * An in-memory network for tests: virtual time, every random choice from one seed, any number of nodes in this process.
 *
 * ```ts
 * const fabric = createFabric({ seed: 7 });
 * const a = fabric.node('a');                         // its clock, its randomness, its NAL
 * const node = await openNode({ …, nals: { tcp: a.nal }, clock: a.clock, random: a.random });
 *
 * fabric.shape({ between: ['a', 'b'] }, { latencyUs: 200, loss: 0.01 });
 * const cut = fabric.isolate('b');                    // later: cut.heal()
 * fabric.advance({ us: 5_000_000 });                  // five virtual seconds
 * const reply = await fabric.settled(node.ping('10.0.0.2@tcp'));
 * ```
 *
 * A NAL made by `a.nal` opens any NID that no other node of the fabric has; nodes reach each other when their NIDs are on the
 * same LNet net. Nothing happens while time stands still.
 */
export function createFabric(options: SimNetOptions): SimNet {
  return new SimNet(options);
}
