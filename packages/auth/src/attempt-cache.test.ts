import { BkError, testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import { type AttemptCache, cacheAttempts } from "./attempt-cache.js";

/** Buckets in memory, which begin full and are not filled. */
class Buckets implements AttemptCache {
  readonly left = new Map<string, number>();
  isAway = false;
  asked = 0;

  async limit(
    key: string,
    { burst, cost }: { burst: number; cost: number },
  ): Promise<{ allowed: boolean; delayMs: number; remaining: number }> {
    this.asked++;
    if (this.isAway) throw new BkError("unavailable", "away");
    const left = this.left.get(key) ?? burst;
    const allowed = left >= cost;
    const remaining = allowed ? left - cost : left;
    this.left.set(key, remaining);
    return { allowed, delayMs: allowed ? 0 : 1, remaining };
  }
}

describe("cacheAttempts", () => {
  it("counts the attempts at all servers together, by login and address", async () => {
    const cache = new Buckets();
    const [a, b] = [cacheAttempts(cache, { maxPerMinute: 4 }), cacheAttempts(cache, { maxPerMinute: 4 })];
    for (const server of [a, b, a, b]) {
      expect(await server.waitMs("bob", "10.0.0.1")).toBe(0);
      await server.failed("bob", "10.0.0.1");
    }
    for (const server of [a, b]) expect(await server.waitMs("bob", "10.0.0.1")).toBe(15_000);
    expect(await a.waitMs("bob", "10.0.0.2")).toBe(0);
    expect(await a.waitMs("ann", "10.0.0.1")).toBe(0);
  });

  it("names no login to the cache: what was typed may be a password", async () => {
    const cache = new Buckets();
    await cacheAttempts(cache).failed("my dear passw0rd", "10.0.0.1");
    expect([...cache.left.keys()]).toEqual([expect.stringMatching(/^attempts:10\.0\.0\.1 [\w-]{43}$/)]);
  });

  it("asks nothing of the cache about who has to wait at this server already", async () => {
    const cache = new Buckets();
    const attempts = cacheAttempts(cache, { maxPerMinute: 1, clock: testClock() });
    await attempts.failed("bob", "10.0.0.1");
    const { asked } = cache;
    expect(await attempts.waitMs("bob", "10.0.0.1")).toBe(60_000);
    expect(cache.asked).toBe(asked);
  });

  it("takes every login as it comes: long ones and texts that are not well-formed", async () => {
    const cache = new Buckets();
    const attempts = cacheAttempts(cache, { maxPerMinute: 5 });
    for (const login of ["", "x".repeat(100_000), "\ud800", "a b\u0000"]) await attempts.failed(login, "::1");
    for (const key of cache.left.keys()) expect(key.length <= 300 && key.isWellFormed()).toBe(true);
    expect(cache.left.size).toBe(4);
  });

  it("counts by this server alone while the cache is away, tells it once, and leaves the cache alone for a moment", async () => {
    const cache = new Buckets();
    const clock = testClock();
    const faults: unknown[] = [];
    const attempts = cacheAttempts(cache, { maxPerMinute: 2, clock, onFault: (error) => faults.push(error) });
    cache.isAway = true;
    for (let i = 0; i < 2; i++) {
      expect(await attempts.waitMs("bob", "10.0.0.1")).toBe(0);
      await attempts.failed("bob", "10.0.0.1");
    }
    expect(await attempts.waitMs("bob", "10.0.0.1")).toBeGreaterThan(0);
    expect(cache.asked).toBe(1);
    expect(faults).toHaveLength(1);
    clock.advance(1000);
    cache.isAway = false;
    await attempts.failed("ann", "10.0.0.1");
    expect(cache.left.size).toBe(1);
  });
});
