// The drivers of services by URL scheme. Imports are literal so that bundlers can follow them.

import type { ServiceDriver, ServiceDriverOptions } from "./driver.js";

export type OpenServiceDriver = (options: ServiceDriverOptions) => Promise<ServiceDriver>;

const local = async (): Promise<OpenServiceDriver> => (await import("../drivers/local/services.js")).localServices;
const shared = async (): Promise<OpenServiceDriver> => (await import("../drivers/shared/services.js")).sharedServices;
const nats = async (): Promise<OpenServiceDriver> => (await import("../drivers/nats/services.js")).natsServices;

const redis = async (): Promise<OpenServiceDriver> => (await import("../drivers/redis/services.js")).redisServices;

const load: Readonly<Record<string, () => Promise<OpenServiceDriver>>> = {
  local,
  shared,
  worker: shared,
  nats,
  "nats+tls": nats,
  tls: nats,
  redis,
  rediss: redis,
  "redis-sentinel": redis,
  "redis-cluster": redis,
};

export const serviceSchemes: readonly string[] = Object.keys(load);

/** The driver for a URL scheme, its code loaded now; undefined when there is none. */
export async function serviceDriverFor(scheme: string): Promise<OpenServiceDriver | undefined> {
  return Object.hasOwn(load, scheme) ? load[scheme]!() : undefined;
}
