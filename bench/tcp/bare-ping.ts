/** Bare ping-pong over `node:net`: one message out, the same back, then the next. */
import { connect } from 'node:net';
import { serveParent } from '../harness/served.ts';
import { LatencyHistogram } from '../load/latency-histogram.ts';

interface Ping {
  readonly host: string;
  readonly port: number;
  readonly payloadBytes: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

serveParent({
  ping: ({ host, port, payloadBytes, warmUpMs, durationMs }: Ping) =>
    new Promise((resolve, reject) => {
      const payload = Buffer.alloc(payloadBytes, 0x5a);
      const latencies = new LatencyHistogram();
      const socket = connect({ host, port, noDelay: true });
      let back = 0;
      let begin = 0;
      let measureFrom = 0;
      const shoot = (): void => {
        begin = performance.now();
        socket.write(payload);
      };
      socket.on('error', reject);
      socket.on('connect', () => {
        measureFrom = performance.now() + warmUpMs;
        shoot();
      });
      socket.on('data', (bytes) => {
        back += bytes.length;
        if (back < payloadBytes) return;
        back = 0;
        const now = performance.now();
        if (begin >= measureFrom) latencies.record((now - begin) * 1_000);
        if (now < measureFrom + durationMs) return shoot();
        socket.destroy();
        resolve(latencies.toJSON());
      });
    }),
});
