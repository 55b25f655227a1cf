// The drivers by URL scheme: one line for each driver. Imports are literal so that bundlers can follow them.

import type { OpenDriver } from "../driver.js";

const load: Readonly<Record<string, () => Promise<OpenDriver>>> = {
  local: async () => (await import("./local/index.js")).localDriver,
  shared: async () => (await import("./shared/index.js")).sharedDriver,
  redis: async () => (await import("./redis/index.js")).redisDriver,
  memcached: async () => (await import("./memcached/index.js")).memcachedDriver,
  hazelcast: async () => (await import("./hazelcast/index.js")).hazelcastDriver,
  tiered: async () => (await import("./tiered/index.js")).tieredDriver,
};

const schemes: Readonly<Record<string, keyof typeof load>> = {
  local: "local",
  shared: "shared",
  worker: "shared",
  redis: "redis",
  rediss: "redis",
  "redis-sentinel": "redis",
  "redis-cluster": "redis",
  memcached: "memcached",
  memcache: "memcached",
  hazelcast: "hazelcast",
  tiered: "tiered",
};

/** The URL schemes that have a driver. */
export const knownSchemes: readonly string[] = Object.keys(schemes);

/** Names of the drivers, for the suite and the docs. */
export const driverNames: readonly string[] = Object.keys(load);

/** The driver for a URL scheme, its code loaded now; undefined when there is none. */
export async function driverFor(scheme: string): Promise<OpenDriver | undefined> {
  return Object.hasOwn(schemes, scheme) ? load[schemes[scheme]!]!() : undefined;
}
