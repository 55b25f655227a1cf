import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { openCache } from "../../open-cache.js";
import type { TestCacheStore } from "../../testing/index.js";

/** A clean part of a test server: keys that begin with a prefix of its own. */
async function openInstance(env: string): Promise<TestCacheStore> {
  const url = process.env[env];
  if (url === undefined) throw new Error(`${env} is not set`);
  const prefix = `bk-test-${randomUUID()}:`;
  return {
    // Long enough for a busy machine.
    openCache: (options) => openCache(url, { prefix, timeoutMs: 25_000, ...options }),
    pass: (ms) => sleep(ms),
    async clean() {
      const cache = await openCache(url, { prefix, timeoutMs: 25_000 });
      await cache.clear();
      await cache.close();
    },
  };
}

/** The test instances of this driver. */
const fixtureOf = (name: string, env: string) => ({ name, env, open: (): Promise<TestCacheStore> => openInstance(env) });

export const fixture = fixtureOf("cache-redis", "BK_TEST_REDIS");
export const clusterFixture = fixtureOf("cache-redis-cluster", "BK_TEST_REDIS_CLUSTER");
export const sentinelFixture = fixtureOf("cache-redis-sentinel", "BK_TEST_REDIS_SENTINEL");
