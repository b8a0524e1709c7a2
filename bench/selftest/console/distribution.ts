/** How clients are spread over servers: `--distribute dist:span`, selftest §8.5. */
export interface Distribution {
  /** Clients in a row that get the same servers. */
  readonly dist: number;
  /** Servers of each client. */
  readonly span: number;
}

/** Destinations of client `index`: `span` consecutive servers from where its group of `dist` clients begins, wrapping around. */
export function destinationsOf<T>(index: number, servers: readonly T[], { dist, span }: Distribution): T[] {
  const start = (Math.floor(index / dist) * span) % servers.length;
  return Array.from({ length: span }, (_, offset) => servers[(start + offset) % servers.length] as T);
}

/** Request buffers that a server instance is told to have ready. */
export function serverLoop(
  { dist, span }: Distribution,
  {
    clients,
    servers,
    concurrency,
  }: { readonly clients: number; readonly servers: number; readonly concurrency: number },
): number {
  const perServerMax = Math.ceil(Math.ceil(clients / dist) / Math.ceil(servers / span));
  return perServerMax * dist * concurrency;
}
