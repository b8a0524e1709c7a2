import { type LstWorld } from '../console/lst/lst-command.ts';
import { runLst } from '../console/lst/lst.ts';
import type { NodeOptions } from '../node/node-options.ts';
import { Selftest } from '../selftest.ts';
import { SimNet, type SimNetOptions } from '../../../nals/sim/sim-net.ts';
import { CONSOLE_NID, nidAt } from './node-bench.test-support.ts';
import { introduce, SimCore } from './sim-core.test-support.ts';

/** What a command said and how it ended. */
export interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** One machine with selftest on it. */
export interface Machine {
  readonly core: SimCore;
  readonly selftest: Selftest;
}

export async function machine(net: SimNet, nid: string, options?: Partial<NodeOptions>): Promise<Machine> {
  const core = await SimCore.open(net, nid);
  const selftest = new Selftest(core, options);
  selftest.open();
  return { core, selftest };
}

export interface LstBench {
  readonly net: SimNet;
  readonly console: Machine;
  readonly nodes: readonly Machine[];
  /** Runs `lst` with these words, split at blanks, and lets time pass until it is done. */
  readonly lst: (line: string, world?: Partial<LstWorld>) => Promise<Said>;
  /** The same, and throws unless it succeeds; gives what it printed. */
  readonly ok: (line: string) => Promise<string>;
}

/** A console and nodes with selftest on a network where a message takes a millisecond. */
export async function lstBench(
  options: {
    /** Where selftest runs, besides the console. Default: .12 and .13. */
    readonly nids?: readonly string[];
    readonly console?: string;
    readonly node?: Partial<NodeOptions>;
    readonly net?: Partial<SimNetOptions>;
  } = {},
): Promise<LstBench> {
  const net = new SimNet({ seed: 1, conditions: { latencyUs: 1_000 }, ...options.net });
  const console = await machine(net, options.console ?? CONSOLE_NID);
  const nodes: Machine[] = [];
  for (const nid of options.nids ?? [nidAt(0), nidAt(1)]) nodes.push(await machine(net, nid, options.node));
  await introduce(net, [console.core, ...nodes.map(({ core }) => core)]);
  const lst = async (line: string, world: Partial<LstWorld> = {}): Promise<Said> => {
    const said = { out: '', err: '' };
    const all: LstWorld = {
      stdout: (text) => {
        said.out += text;
      },
      stderr: (text) => {
        said.err += text;
      },
      sessionKey: '4711',
      features: undefined,
      userAtHost: 'tester@bench',
      interrupt: new AbortController().signal,
      ...world,
    };
    const words = line.split(' ').filter((word) => word !== '');
    const status = await net.settled(runLst(console.selftest.console, words, all));
    return { status, ...said };
  };
  const ok = async (line: string): Promise<string> => {
    const { status, out, err } = await lst(line);
    if (status !== 0 || err !== '') throw new Error(`lst ${line}: ${status} ${out}${err}`);
    return out;
  };
  return { net, console, nodes, lst, ok };
}
