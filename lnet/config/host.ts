import type { NalTunable } from '../nal.ts';

/** An interface of this machine that is up. */
export interface HostInterface {
  readonly name: string;
  readonly isLoopback: boolean;
  /** IP addresses as text, without prefix length or zone, in the order of the machine. */
  readonly addresses: readonly string[];
}

/** What reading a configuration must know of the NAL that carries a net. */
export interface NalFacts {
  readonly name: string;
  /** Its `lnd tunables:`. */
  readonly tunables: readonly NalTunable[];
}

/** The facts of a machine and a program that turn configuration text into a plan: injected, so that reading needs no I/O. */
export interface ConfigHost {
  /** Interfaces that are up, in the order of the machine. */
  interfaces(): readonly HostInterface[];
  /** The NAL for a net type (`tcp`), or the one of that name; undefined when there is none. */
  nalOf(name: string): NalFacts | undefined;
}
