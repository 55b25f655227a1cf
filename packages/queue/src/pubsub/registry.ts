// The drivers of publish and subscribe by URL scheme. Imports are literal so that bundlers can follow them.

import type { PubSubDriver, PubSubDriverOptions } from "./driver.js";

export type OpenPubSubDriver = (options: PubSubDriverOptions) => Promise<PubSubDriver>;

const load: Readonly<Record<string, () => Promise<OpenPubSubDriver>>> = {
  local: async () => (await import("../drivers/local/pubsub.js")).localPubSub,
  redis: async () => (await import("../drivers/redis/pubsub.js")).redisPubSub,
  amqp: async () => (await import("../drivers/amqp/pubsub.js")).amqpPubSub,
  shared: async () => (await import("../drivers/shared/pubsub.js")).sharedPubSub,
  hazelcast: async () => (await import("../drivers/hazelcast/pubsub.js")).hazelcastPubSub,
  nats: async () => (await import("../drivers/nats/pubsub.js")).natsPubSub,
};

const schemes: Readonly<Record<string, string>> = {
  local: "local",
  shared: "shared",
  redis: "redis",
  rediss: "redis",
  "redis-cluster": "redis",
  "redis-sentinel": "redis",
  amqp: "amqp",
  amqps: "amqp",
  hazelcast: "hazelcast",
  nats: "nats",
  "nats+tls": "nats",
  tls: "nats",
};

export const pubSubSchemes: readonly string[] = Object.keys(schemes);

/** The driver for a URL scheme, its code loaded now; undefined when there is none. */
export async function pubSubDriverFor(scheme: string): Promise<OpenPubSubDriver | undefined> {
  return Object.hasOwn(schemes, scheme) ? load[schemes[scheme]!]!() : undefined;
}
