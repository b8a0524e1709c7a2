/** ZeroMQ stream, sending side: PUSH, one awaited `send` after the other, as its documentation shows. */
import { serveParent } from '../harness/served.ts';
import { loadZeromq } from './zeromq.ts';

interface Listen {
  readonly host: string;
  readonly payloadBytes: number;
}

serveParent({
  listen: async ({ host, payloadBytes }: Listen) => {
    const push = new (loadZeromq().Push)();
    await push.bind(`tcp://${host}:*`);
    const message = Buffer.alloc(payloadBytes, 0x5a);
    const stream = async (): Promise<never> => {
      for (;;) await push.send(message);
    };
    void stream();
    return push.lastEndpoint;
  },
});
