import { randomUUID } from "node:crypto";
import { systemClock } from "@bk/core";
import { openCache } from "../../open-cache.js";
import type { TestCacheStore } from "../../testing/index.js";

export const fixture = {
  name: "cache-shared",
  env: undefined,
  async open(): Promise<TestCacheStore> {
    let time = Date.now();
    const clock = { ...systemClock, now: () => time };
    const url = `shared:test-${randomUUID()}`;
    // The first keeps the store; it is opened here, so that it outlives what the suite opens.
    const host = await openCache(url, { clock });
    await host.has("begin");
    return {
      openCache: (options) => openCache(url, { clock, timeoutMs: 25_000, ...options }),
      pass: async (ms) => void (time += ms),
      clean: () => host.close(),
    };
  },
};
