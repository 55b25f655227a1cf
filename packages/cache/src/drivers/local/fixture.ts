import { systemClock } from "@bk/core";
import { openCache } from "../../open-cache.js";
import type { TestCacheStore } from "../../testing/index.js";

export const fixture = {
  name: "cache-local",
  env: undefined,
  async open(): Promise<TestCacheStore> {
    let time = Date.now();
    // Time stands still until it is moved; sleeps are real.
    const clock = { ...systemClock, now: () => time };
    return {
      openCache: (options) => openCache("local:", { clock, ...options }),
      pass: async (ms) => void (time += ms),
      clean: async () => undefined,
    };
  },
};
