// Publish and subscribe on Redis: PUBLISH, SUBSCRIBE and PSUBSCRIBE; in a cluster SPUBLISH and SSUBSCRIBE, if that is wanted.

import { withoutCommand } from "@bk/core/redis";
import type { Cluster, Redis } from "ioredis";

import type { PubSubDriver, PubSubDriverOptions } from "../../pubsub/driver.js";
import { loadRedis, type RedisClient, RedisCommands } from "./connection.js";
import { classifyRedis } from "./errors.js";
import { type RedisHost, redisSettings } from "./options.js";
import { ShardedSubscriber } from "./sharded-subscriber.js";
import { RedisSubscriber } from "./subscriber.js";

/** The server takes up to 512 MiB in a value. */
const mostBytes = 2 ** 29;

/**
 * `redis://`, `rediss://`, `redis-cluster://host1,host2`, `redis-sentinel://host1,host2/name`.
 *
 * @throws QueueError `invalid` naming the field for a wrong URL or option; `driver-missing`
 */
export async function redisPubSub(options: PubSubDriverOptions): Promise<PubSubDriver> {
  const settings = redisSettings(options);
  const module = await loadRedis();
  const commands = new RedisCommands(module, settings, options);
  const { client } = commands;
  if (settings.sharded) return shardedPubSub(commands, new ShardedSubscriber(module, settings, client as Cluster, options));
  const subscriber = new RedisSubscriber(module, settings, nodes, options);

  function nodes(): readonly RedisHost[] {
    if (settings.kind !== "cluster") return [];
    const known = (client as Cluster).nodes("all").map(({ options: { host, port } }) => ({ host: host!, port: port! }));
    return known.length === 0 ? settings.hosts : known;
  }

  return {
    name: "redis",
    capabilities: { reach: "network", wildcards: true, groups: false, maxBytes: mostBytes },
    ready: () => commands.ready(),
    async publish(channel, payload) {
      await publisherOf(client, channel).publish(channel, typeof payload === "string" ? payload : Buffer.from(payload));
    },
    async subscribe({ pattern, isWild }, sink) {
      const kind = isWild ? "pattern" : "channel";
      const name = isWild ? globOf(pattern) : pattern;
      await subscriber.add(kind, name, sink);
      return { close: () => subscriber.remove(kind, name, sink) };
    },
    classify: (error) => classifyRedis(withoutCommand(error)),
    async close() {
      await Promise.all([subscriber.close(), commands.close()]);
    },
  };
}

/** Messages go to the node that has the channel's slot, and to no other; a pattern has no slot. */
function shardedPubSub(commands: RedisCommands, subscriber: ShardedSubscriber): PubSubDriver {
  const client = commands.client as Cluster;
  return {
    name: "redis",
    capabilities: { reach: "network", wildcards: false, groups: false, maxBytes: mostBytes },
    ready: () => commands.ready(),
    async publish(channel, payload) {
      await client.spublish(channel, typeof payload === "string" ? payload : Buffer.from(payload));
    },
    async subscribe({ pattern }, sink) {
      await subscriber.add(pattern, sink);
      return { close: () => subscriber.remove(pattern, sink) };
    },
    classify: (error) => classifyRedis(withoutCommand(error)),
    async close() {
      await Promise.all([subscriber.close(), commands.close()]);
    },
  };
}

/**
 * Any node of a cluster hands a message to the others, but those of two nodes may overtake each other: a channel has one node.
 */
function publisherOf(client: RedisClient, channel: string): Redis | RedisClient {
  if (!client.isCluster) return client;
  const nodes = (client as Cluster).nodes("master");
  if (nodes.length === 0) return client;
  const names = new Map(nodes.map((node) => [`${node.options.host}:${node.options.port}`, node]));
  let sum = 0;
  for (let at = 0; at < channel.length; at++) sum = (sum * 31 + channel.charCodeAt(at)) % 65_521;
  return names.get([...names.keys()].sort()[sum % names.size]!)!;
}

/** A pattern in the words of Redis, whose `*` goes over dots: what it takes in too much is dropped by the facade. */
function globOf(pattern: string): string {
  const parts = pattern.split(".").map((part) => (part === ">" ? "*" : part === "*" ? part : part.replaceAll(/[?[\]\\^-]/g, "\\$&")));
  return parts.join(".");
}
