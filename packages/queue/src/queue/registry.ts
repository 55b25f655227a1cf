// The drivers of work queues by URL scheme: one line for each. Imports are literal so that bundlers can follow them.

import type { OpenQueueDriver } from "./driver.js";

const load: Readonly<Record<string, () => Promise<OpenQueueDriver>>> = {
  local: async () => (await import("../drivers/local/queue.js")).localQueue,
  hazelcast: async () => (await import("../drivers/hazelcast/queue.js")).hazelcastQueue,
  amqp: async () => (await import("../drivers/amqp/queue.js")).amqpQueue,
  shared: async () => (await import("../drivers/shared/queue.js")).sharedQueue,
  db: async () => (await import("../drivers/db/queue.js")).dbQueue,
  nats: async () => (await import("../drivers/nats/queue.js")).natsQueue,
  redis: async () => (await import("../drivers/redis/queue.js")).redisQueue,
  json: async () => (await import("../drivers/json/queue.js")).jsonQueue,
  sqs: async () => (await import("../drivers/sqs/queue.js")).sqsQueue,
};

const schemes: Readonly<Record<string, keyof typeof load>> = {
  local: "local",
  shared: "shared",
  amqp: "amqp",
  amqps: "amqp",
  db: "db",
  nats: "nats",
  "nats+tls": "nats",
  tls: "nats",
  redis: "redis",
  rediss: "redis",
  redisq: "redis",
  "redis-cluster": "redis",
  "redis-sentinel": "redis",
  sqs: "sqs",
  json: "json",
  hazelcast: "hazelcast",
};

/** The URL schemes that have a driver of work queues. */
export const queueSchemes: readonly string[] = Object.keys(schemes);

/** The driver for a URL scheme, its code loaded now; undefined when there is none. */
export async function queueDriverFor(scheme: string): Promise<OpenQueueDriver | undefined> {
  return Object.hasOwn(schemes, scheme) ? load[schemes[scheme]!]!() : undefined;
}
