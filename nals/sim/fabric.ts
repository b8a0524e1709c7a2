import { SimNet, type SimNetOptions } from './sim-net.ts';

/**
 * An in-memory network for tests: virtual time, every random choice from one seed, any number of nodes in this process.
 *
 * ```ts
 * const fabric = createFabric({ seed: 7 });
 * const node = await createFabricNode(fabric, { name: 'a', nids: ['10.0.0.1@tcp'] });
 *
 * fabric.shape({ between: ['a', 'b'] }, { latencyUs: 200, loss: 0.01 });
 * const cut = fabric.isolate('b');                    // later: cut.heal()
 * fabric.advance({ us: 5_000_000 });                  // five virtual seconds
 * const reply = await fabric.settled(node.ping('10.0.0.2@tcp'));
 * ```
 *
 * Below nodes, `fabric.node('a')` gives a machine: its clock, its randomness, and a NAL that opens any NID that no other one
 * has. Nodes reach each other when their NIDs are on the same LNet net. Nothing happens while time stands still.
 */
export function createFabric(options: SimNetOptions): SimNet {
  return new SimNet(options);
}
