import { type Nal, type NalCaps, type NalEnv, type NalFactory, type NalNi, type NalNiOptions } from '../../lnet/nal.ts';
import { LoNi } from './lo-ni.ts';

const CAPS: NalCaps = { payloadBytesMax: 1_048_576, segmentsMax: 256, rma: 'none', ordering: 'peer', families: [] };

/** The loopback driver: `0@lo`, the way of a node to itself. lnet-semantics §6. */
class LoNal implements Nal {
  readonly name = 'lo';
  readonly caps = CAPS;
  readonly tunables = [];
  readonly counterNames = [{ name: 'messages', help: 'messages that the node sent to itself' }];
  readonly description = 'loopback within the process';
  readonly #env: NalEnv;

  constructor(env: NalEnv) {
    this.#env = env;
  }

  openNi(options: NalNiOptions): Promise<NalNi> {
    return Promise.resolve(new LoNi(this, this.#env, options));
  }
}

export const loNal: NalFactory = (env) => new LoNal(env);
