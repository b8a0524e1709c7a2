import { EEXIST, EHOSTUNREACH, EINVAL } from '../errno.ts';

/** What the kernel says when it refuses to add a route, by errno: lnetctl §3.4. */
export const ROUTE_ADD_TEXTS: Readonly<Record<number, string>> = {
  [EINVAL]: 'invalid settings for route creation',
  [EHOSTUNREACH]: 'No interface configured on the same net as gateway',
  [EEXIST]: 'Route already exists or the specified network is local',
};
