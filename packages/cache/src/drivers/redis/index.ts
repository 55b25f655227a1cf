import type * as Ioredis from "ioredis";
import type { Bus, CacheDriver, Call, Capabilities, DriverOptions, DriverStats } from "../../driver.js";
import { type KeyMatch, keyMatcher, literalStart } from "../../keys.js";
import { connectRedis, type RedisClient } from "./connection.js";
import { commandError } from "./errors.js";
import { carryOutOnRedis } from "./operations.js";
import { redisOptions } from "./options.js";
import { redisBus } from "./bus.js";
import { Sender } from "./sender.js";

const capabilities: Capabilities = Object.freeze({
  scope: "global",
  peek: false,
  keys: true,
  lists: true,
  ttlStepMs: 1,
  locks: "engine",
  time: "store",
  maxValueBytes: 512 * 1024 * 1024,
});

/** How many keys one command names at most. */
const mostKeys = 1000;

/**
 * Redis 6.2 and later through ioredis: one server or several that stand in for each other (`redis:`, `rediss:` with TLS), a primary
 * behind sentinels (`redis-sentinel://host1,host2/name`), a cluster (`redis-cluster:`).
 *
 * Nothing is connected before the first call.
 *
 * @throws CacheError `invalid` naming the field for a wrong URL or option; `driver-missing` when ioredis is not installed
 */
export async function redisDriver(options: DriverOptions): Promise<CacheDriver> {
  const settings = redisOptions(options);
  const connection = await connectRedis(settings, options);
  const { bytes } = options;
  const isCluster = settings.mode === "cluster";
  const sender = new Sender(connection, bytes, !isCluster);
  const nodes = (client: RedisClient): Ioredis.Redis[] =>
    isCluster ? (client as Ioredis.Cluster).nodes("master") : [client as Ioredis.Redis];

  const del = async (keys: readonly string[], call: Call): Promise<number> => {
    if (keys.length === 1 || isCluster) {
      const counts = await Promise.all(keys.map((key) => sender.run(call, (client) => client.unlink(key))));
      return counts.reduce((sum, count) => sum + count, 0);
    }
    let count = 0;
    for (let at = 0; at < keys.length; at += mostKeys) {
      const some = keys.slice(at, at + mostKeys);
      count += await sender.run(call, (client) => client.unlink(...some));
    }
    return count;
  };

  async function* keysOf(match: KeyMatch, call: Call): AsyncGenerator<readonly string[]> {
    const matches = keyMatcher(match);
    const pattern = `${literalStart(match).replaceAll(/[\\*?[\]^]/g, "\\$&")}*`;
    await sender.run(call, async () => undefined);
    for (const node of nodes(connection.client)) {
      let cursor = "0";
      do {
        let keys: string[];
        try {
          [cursor, keys] = await node.scan(cursor, "MATCH", pattern, "COUNT", mostKeys);
        } catch (error) {
          throw commandError(error);
        }
        yield keys.filter(matches);
      } while (cursor !== "0" && !call.isGone);
    }
  }

  return {
    name: "redis",
    capabilities,
    get isReady() {
      return connection.isReady;
    },
    get: (key, call) => sender.get(key, call),
    getMany: (keys, call) => Promise.all(keys.map((key) => sender.get(key, call))),
    put: (key, value, ttlMs, call) => sender.put(key, value, ttlMs, call),
    putMany: async (entries, ttlMs, call) => {
      await Promise.all(entries.map(([key, value]) => sender.put(key, value, ttlMs, call)));
    },
    del,
    apply: (key, operation, call) => sender.run(call, (client) => carryOutOnRedis(key, operation, { client, sender, bytes })),
    keys: keysOf,
    async clear(match, call) {
      for await (const keys of keysOf(match, call)) if (keys.length > 0) await del(keys, call);
    },
    stats: (call) => sender.run(call, (client) => statsOf(nodes(client))),
    bus: (): Bus => redisBus(connection.client, settings.silenceMs),
    close: () => connection.close(),
  };
}

async function statsOf(nodes: readonly Ioredis.Redis[]): Promise<DriverStats> {
  const infos = await Promise.all(nodes.map((node) => node.info()));
  const raw = Object.fromEntries(
    infos.flatMap((info) => [...info.matchAll(/^([a-z_0-9]+):(.*?)\r?$/gm)].map((line) => [line[1]!, line[2]!])),
  );
  const sum = (name: RegExp): number =>
    infos.reduce((total, info) => total + [...info.matchAll(name)].reduce((own, match) => own + Number(match[1]), 0), 0);
  return {
    // Of the whole servers: they do not count by prefix.
    count: sum(/^db\d+:keys=(\d+)/gm),
    bytes: sum(/^used_memory:(\d+)/gm),
    evictions: sum(/^evicted_keys:(\d+)/gm),
    raw,
  };
}
