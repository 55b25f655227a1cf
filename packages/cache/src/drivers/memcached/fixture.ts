import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { openCache } from "../../open-cache.js";
import type { TestCacheStore } from "../../testing/index.js";

const env = "BK_TEST_MEMCACHED";

/** A part of the test servers: keys that begin with a prefix of its own. What is left in them goes with the servers. */
export const fixture = {
  name: "cache-memcached",
  env,
  async open(): Promise<TestCacheStore> {
    const url = process.env[env];
    if (url === undefined) throw new Error(`${env} is not set`);
    const prefix = `bk-test-${randomUUID()}:`;
    return {
      openCache: (options) => openCache(url, { prefix, timeoutMs: 25_000, ...options }),
      pass: (ms) => sleep(ms),
      clean: async () => undefined,
    };
  },
};
