import { createServer } from 'node:net';

/** A TCP port above 1024 that nobody listens on at any of the addresses right now. */
export async function freePort(addresses: readonly string[]): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const port = await listenOnce(addresses[0] as string, 0);
    if (port === undefined) break;
    const others = await Promise.all(addresses.slice(1).map((address) => listenOnce(address, port)));
    if (others.every((other) => other === port)) return port;
  }
  throw new Error(`no port is free on all of ${addresses.join(', ')}`);
}

function listenOnce(address: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(undefined));
    server.listen({ host: address, port, exclusive: true }, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' && bound ? bound.port : undefined));
    });
  });
}
