import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { openCache } from "../../open-cache.js";
import type { TestCacheStore } from "../../testing/index.js";

const env = "BK_TEST_HAZELCAST";

/** A part of a test server: a map of its own. */
export const fixture = {
  name: "cache-hazelcast",
  env,
  async open(): Promise<TestCacheStore> {
    const url = process.env[env];
    if (url === undefined) throw new Error(`${env} is not set`);
    const options = { mapName: `bk-test-${randomUUID()}` };
    return {
      openCache: (more) => openCache(url, { timeoutMs: 25_000, options, ...more }),
      pass: (ms) => sleep(ms),
      async clean() {
        const cache = await openCache(url, { options });
        await cache.clear();
        await cache.close();
      },
    };
  },
};
