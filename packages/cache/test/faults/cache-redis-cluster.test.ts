// Slots of a cluster are moved and a node is killed, while caches, locks and limits are in use.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cache, CacheError, openCache } from "@bk/cache";
import { moveSlots } from "../../../../test/move-slot.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { clusterFixture } from "../../src/drivers/redis/fixture.js";
import { eventually } from "../../src/testing/suite.js";
import { isWanted } from "../test-fixture.js";

const runs = isWanted(clusterFixture) && process.env["BK_TEST_QUICK"] !== "1";
const keys = Array.from({ length: 300 }, (_each, i) => `key ${i}`);

describe.runIf(runs)("driver: cache-redis-cluster", { timeout: 120_000 }, () => {
  let server: Service;
  let cache: Cache;
  beforeAll(async () => {
    server = await startService("redis-cluster");
    cache = await openCache(server.url, { timeoutMs: 10_000 });
  }, 180_000);
  afterAll(async () => {
    await cache?.close();
    await server?.stop();
  });

  it("nobody notices that slots are moved to other nodes", async () => {
    await using moved = await openCache(server.url, { prefix: "moved:", timeoutMs: 10_000 });
    const counters = keys.slice(0, 20);
    await moved.putMany(new Map(keys.map((key, i) => [`of ${key}`, i])));
    const held = await moved.lock("held", { ttlMs: 60_000 });
    let rounds = 0;
    let isOver = false;
    const limit = { rate: 1, perMs: 3_600_000, burst: 1_000_000 };
    const work = async (): Promise<void> => {
      while (!isOver) {
        await Promise.all(counters.map((key) => moved.incr(key)));
        await moved.limit("bucket", limit);
        expect(await moved.lock("held", { ttlMs: 1000 })).toBeNull();
        const lock = await moved.lock("turn", { ttlMs: 60_000 });
        expect(await lock!.release()).toBe(true);
        expect(await moved.getMany(keys.slice(0, 50).map((key) => `of ${key}`))).toEqual(keys.slice(0, 50).map((_each, i) => i));
        rounds++;
      }
    };
    const working = work();
    // It is waited for below, and may fail before.
    working.catch(() => undefined);
    try {
      await eventually(async () => rounds > 3, "some rounds");
      expect(await moveSlots(server.url, "*moved:*")).toBeGreaterThan(100);
      const before = rounds;
      await eventually(async () => rounds > before + 3, "some rounds afterwards");
    } finally {
      isOver = true;
    }
    await working;
    expect(await moved.getMany(counters)).toEqual(counters.map(() => rounds));
    expect((await moved.limit("bucket", { ...limit, cost: 0 })).remaining).toBe(limit.burst - rounds);
    expect(await held!.release()).toBe(true);
  });

  it("calls end with unavailable or timeout while a node is gone, and all is there when it is back", async () => {
    await cache.putMany(new Map(keys.map((key, i) => [key, i])));
    const before = await cache.lock("turn", { ttlMs: 1000 });
    await server.kill(0);

    const calls = await Promise.allSettled(keys.map((key) => cache.get(key)));
    const failed = calls.filter((call) => call.status === "rejected");
    expect(failed.length).toBeGreaterThan(50);
    for (const { reason } of failed) {
      expect(reason).toBeInstanceOf(CacheError);
      expect(["unavailable", "timeout"]).toContain((reason as CacheError).code);
      expect((reason as CacheError).outcome).toBe("none");
    }
    for (const [i, call] of calls.entries()) if (call.status === "fulfilled") expect(call.value).toBe(i);
    expect(await cache.get(keys[0]!, { onDown: "miss" }).then((value) => value === undefined || value === 0)).toBe(true);

    await server.start();
    await eventually(
      () =>
        cache.getMany(keys).then(
          (values) => values.every((value, i) => value === i),
          () => false,
        ),
      "the cluster",
      60_000,
    );
    expect(await cache.incr("count")).toBe(1);
    const after = await cache.lock("turn", { ttlMs: 60_000, waitMs: 10_000 });
    expect(after!.token).toBeGreaterThan(before!.token);
    expect(await after!.release()).toBe(true);
  });
});
