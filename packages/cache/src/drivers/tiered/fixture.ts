import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { openCache } from "../../open-cache.js";
import type { TestCacheStore } from "../../testing/index.js";

const env = "BK_TEST_REDIS";

/** In front of a part of a test server: keys that begin with a prefix of its own. */
export const fixture = {
  name: "cache-tiered",
  env,
  async open(): Promise<TestCacheStore> {
    const url = process.env[env];
    if (url === undefined) throw new Error(`${env} is not set`);
    const prefix = `bk-test-${randomUUID()}:`;
    const options = { channel: prefix };
    return {
      openCache: (more) => openCache(`tiered:${url}`, { prefix, timeoutMs: 25_000, options, ...more }),
      pass: (ms) => sleep(ms),
      async clean() {
        const cache = await openCache(url, { prefix });
        await cache.clear();
        await cache.close();
      },
    };
  },
};
