/** ZeroMQ stream, receiving side: PULL, counting messages. */
import { serveParent } from '../harness/served.ts';
import { loadZeromq } from './zeromq.ts';

interface Receive {
  readonly endpoint: string;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

serveParent({
  receive: async ({ endpoint, warmUpMs, durationMs }: Receive) => {
    const pull = new (loadZeromq().Pull)();
    pull.connect(endpoint);
    const count = async (forMs: number): Promise<{ messages: number; ms: number }> => {
      const begin = performance.now();
      let messages = 0;
      let now = begin;
      while (now < begin + forMs) {
        // The clock is read for every 64th message: reading it must not be what is measured.
        for (let i = 0; i < 64; i++) await pull.receive();
        messages += 64;
        now = performance.now();
      }
      return { messages, ms: now - begin };
    };
    await count(warmUpMs);
    const measured = await count(durationMs);
    pull.close();
    return measured;
  },
});
