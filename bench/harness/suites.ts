import type { BenchCase } from './case.ts';

/** Every comparison of the project by the name that `npm run bench -- NAME` takes. Loaded only when asked for. */
export const SUITES: Readonly<
  Record<string, { readonly about: string; readonly load: () => Promise<readonly BenchCase[]> }>
> = {
  tcp: {
    about: 'streams and round trips over TCP between two processes, against node:net, iperf3 and ZeroMQ',
    load: async () => (await import('../tcp/cases.ts')).TCP_CASES,
  },
  udp: {
    about: 'streams and round trips over UDP between two processes, against bare node:dgram and iperf3 over TCP',
    load: async () => (await import('../udp/cases.ts')).UDP_CASES,
  },
  micro: {
    about: 'header codec, matching, NID parsing',
    load: async () => (await import('../micro/cases.ts')).MICRO_CASES,
  },
  memory: {
    about: 'bytes an idle peer and a match entry take',
    load: async () => (await import('../memory/cases.ts')).MEMORY_CASES,
  },
};
