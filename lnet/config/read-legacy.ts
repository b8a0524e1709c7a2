import type { NetPlan, RoutePlan } from './plan.ts';
import type { ConfigReader, Placed } from './reader.ts';
import type { ConfigEntry } from './tree.ts';

export function readLegacyNetworks(reader: ConfigReader, entry: ConfigEntry): Placed<NetPlan>[] {
  return reader.fail(entry, 'not yet', '');
}
export function readLegacyIp2nets(reader: ConfigReader, entry: ConfigEntry): Placed<NetPlan>[] {
  return reader.fail(entry, 'not yet', '');
}
export function readLegacyRoutes(reader: ConfigReader, entry: ConfigEntry): Placed<RoutePlan>[] {
  return reader.fail(entry, 'not yet', '');
}
