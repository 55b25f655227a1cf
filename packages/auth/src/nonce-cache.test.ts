import { BkError, testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import { describeAccounts } from "../test/nonce-accounts.js";
import { type NonceCache, cacheNonces } from "./nonce-cache.js";

const clock = testClock({ now: 1_000_000 });

class Entries implements NonceCache {
  readonly ends = new Map<string, number>();
  isAway = false;

  async add(key: string, _value: string, { ttlMs }: { ttlMs: number }): Promise<boolean> {
    if (this.isAway) throw new BkError("timeout", "no answer", { outcome: "unknown" });
    if ((this.ends.get(key) ?? 0) > clock.now()) return false;
    this.ends.set(key, clock.now() + ttlMs);
    return true;
  }

  async del(key: string): Promise<void> {
    if (this.isAway) throw new BkError("timeout", "no answer");
    this.ends.delete(key);
  }
}

describe("cacheNonces", () => {
  describeAccounts(clock, (maxPerAccount) => cacheNonces(new Entries(), { clock, maxPerAccount }));

  it("takes a signature once at all servers together, until it has ended by the slowest of their clocks", async () => {
    const cache = new Entries();
    const [a, b] = [cacheNonces(cache, { clock }), cacheNonces(cache, { clock })];
    const ends = clock.now() + 5000;
    expect(await a.take("x", ends, "bob")).toBe(true);
    expect(await b.take("x", ends, "bob")).toBe(false);
    expect(await b.take("x", ends + 1, "bob")).toBe(true);
    clock.advance(5000 + 59_999);
    expect(await b.take("x", ends, "bob")).toBe(false);
  });

  it("refuses with unavailable while the cache does not answer, and a refused one takes no room", async () => {
    const cache = new Entries();
    const faults: unknown[] = [];
    const nonces = cacheNonces(cache, { clock, maxPerAccount: 1, onFault: (error) => faults.push(error) });
    const ends = clock.now() + 5000;
    cache.isAway = true;
    for (const key of ["a", "b"])
      await expect(nonces.take(key, ends, "bob")).rejects.toMatchObject({
        name: "AuthError",
        code: "unavailable",
        outcome: "none",
        detail: { retryAfterMs: 1000 },
      });
    cache.isAway = false;
    expect(await nonces.take("c", ends, "bob")).toBe(true);
    cache.isAway = true;
    await nonces.giveBack!("c", ends, "bob");
    expect(faults).toHaveLength(1);
  });
});
