// The primary of three sentinels is killed while caches, locks and limits are in use.

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CacheError, openCache, type Cache } from "@bk/cache";
import { killRedis, primaryOf } from "../../../../test/redis-primary.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { sentinelFixture } from "../../src/drivers/redis/fixture.js";
import { isWanted } from "../test-fixture.js";

const runs = isWanted(sentinelFixture) && process.env["BK_TEST_QUICK"] !== "1";

describe.runIf(runs)("driver: cache-redis-sentinel", { timeout: 200_000 }, () => {
  let server: Service;
  let cache: Cache;
  beforeAll(async () => {
    server = await startService("redis-sentinel");
    cache = await openCache(server.url, { prefix: "fault:" });
  }, 180_000);
  afterAll(async () => {
    await cache?.close();
    await server?.stop();
  });

  it("calls go on at the new primary, failures are told, tokens of locks grow, and nothing hangs", async () => {
    await cache.put("before", 1);
    const first = await cache.lock("lock", { ttlMs: 1_000 });
    await cache.limit("bucket", { rate: 1, perMs: 3_600_000, burst: 1000 });
    await killRedis(await primaryOf(server.url));

    const outcomes: string[] = [];
    let slowest = 0;
    const deadline = Date.now() + 100_000;
    let written = 0;
    // Until twenty writes in a row went well.
    while (written < 20) {
      if (Date.now() > deadline) expect.fail(`no new primary: ${outcomes.slice(-3).join(" ")}`);
      const begun = performance.now();
      try {
        await Promise.all([
          cache.put("during", written),
          cache.incr("count"),
          cache.limit("bucket", { rate: 1, perMs: 3_600_000, burst: 1000 }),
        ]);
        written++;
      } catch (error) {
        if (!(error instanceof CacheError)) throw error;
        outcomes.push(error.code);
        written = 0;
        await sleep(50);
      }
      slowest = Math.max(slowest, performance.now() - begun);
    }
    expect(outcomes.length).toBeGreaterThan(0);
    expect(new Set([...outcomes, "unavailable", "timeout"])).toEqual(new Set(["unavailable", "timeout"]));
    // No call took longer than its time limit, and a little for a busy machine.
    expect(slowest).toBeLessThan(25_000);

    const second = await cache.lock("lock", { ttlMs: 60_000, waitMs: 30_000 });
    expect(second!.token).toBeGreaterThan(first!.token);
    expect(first!.isHeld).toBe(false);
    expect(await cache.get("during")).toBe(19);
    expect(await second!.release()).toBe(true);
  });
});
