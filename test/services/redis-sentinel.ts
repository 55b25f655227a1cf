import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onPath } from "./on-path.js";
import type { Recipe } from "./recipe.js";
import { askRedis, redisCommand, redisNeeds } from "./redis.js";

/** Ports: the primary, its replica, three sentinels. The sentinels know the primary as "mymaster". */
const SENTINELS = 3;

/** Redis behind sentinels: a primary, a replica and three sentinels. */
export const redisSentinel: Recipe = {
  name: "redis-sentinel",
  variable: "BK_TEST_REDIS_SENTINEL",
  portCount: 2 + SENTINELS,
  needs: [...redisNeeds, { what: "redis-sentinel", packages: ["redis-sentinel"], found: () => onPath("redis-sentinel") !== undefined }],
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: (ports) =>
    `redis-sentinel://${sentinelsOf(ports)
      .map((port) => `127.0.0.1:${port}`)
      .join(",")}/mymaster`,
  prepare: async ({ data, ports }) => {
    for (const port of sentinelsOf(ports)) {
      const folder = join(data, `sentinel-${port}`);
      const file = join(folder, "sentinel.conf");
      mkdirSync(folder, { recursive: true });
      // A sentinel writes into its file what it has learned.
      if (existsSync(file)) continue;
      const lines = [
        `port ${port}`,
        "bind 127.0.0.1",
        `dir ${folder}`,
        `sentinel monitor mymaster 127.0.0.1 ${ports[0]} 2`,
        // A shorter time makes sentinels on a busy machine fail over twice.
        "sentinel down-after-milliseconds mymaster 2000",
        "sentinel failover-timeout mymaster 5000",
      ];
      writeFileSync(file, `${lines.join("\n")}\n`);
    }
  },
  commands: (place) => {
    const [primary = 0, replica = 0] = place.ports;
    const own = (port: number): string[] => ["--appenddirname", `append-${port}`, "--repl-diskless-sync-delay", "0"];
    return [
      redisCommand(place, primary, ...own(primary)),
      redisCommand(place, replica, ...own(replica), "--replicaof", "127.0.0.1", String(primary)),
      ...sentinelsOf(place.ports).map((port) => ["redis-sentinel", join(place.data, `sentinel-${port}`, "sentinel.conf")]),
    ];
  },
  answers: async (ports) => {
    const link = await askRedis(ports[1] ?? 0, "INFO", "replication");
    if (link === undefined || !/role:master|master_link_status:up/.test(link)) return false;
    const quorums = await Promise.all(sentinelsOf(ports).map((port) => askRedis(port, "SENTINEL", "CKQUORUM", "mymaster")));
    if (!quorums.every((quorum) => quorum?.startsWith(`+OK ${SENTINELS}`))) return false;
    // Until a sentinel knows the replica there is nobody to fail over to.
    const known = await Promise.all(sentinelsOf(ports).map((port) => askRedis(port, "SENTINEL", "REPLICAS", "mymaster")));
    return known.every((replicas) => replicas !== undefined && replicas !== "*0");
  },
};

function sentinelsOf(ports: readonly number[]): number[] {
  return ports.slice(2);
}
