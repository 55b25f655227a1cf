import { testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import { memoryNonces } from "./nonces.js";

describe("memoryNonces", () => {
  it("gives a key once until it expires", async () => {
    const clock = testClock({ now: 1000 });
    const nonces = memoryNonces({ clock });
    expect(await nonces.take("a", 2000, "bob")).toBe(true);
    expect(await nonces.take("a", 2000, "bob")).toBe(false);
    clock.set(2000);
    expect(await nonces.take("a", 2000, "bob")).toBe(false);
    clock.set(2001);
    expect(await nonces.take("a", 3000, "bob")).toBe(true);
  });

  it("forgets what has expired", async () => {
    const clock = testClock({ now: 0 });
    const nonces = memoryNonces({ clock });
    for (let index = 0; index < 100; index++) await nonces.take(`k${index}`, 5000, "bob");
    expect(nonces.size).toBe(100);
    clock.set(20_000);
    await nonces.take("last", 30_000, "bob");
    expect(nonces.size).toBe(1);
  });

  it("refuses when full rather than forget a key that still counts", async () => {
    const clock = testClock({ now: 0 });
    const nonces = memoryNonces({ clock, maxEntries: 2 });
    await nonces.take("a", 1000, "ann");
    await nonces.take("b", 5000, "bob");
    await expect(nonces.take("c", 5000, "eve")).rejects.toMatchObject({ code: "limited", outcome: "none" });
    expect(await nonces.take("a", 1000, "ann")).toBe(false);
    clock.set(1001);
    expect(await nonces.take("c", 5000, "eve")).toBe(true);
    expect(nonces.size).toBe(2);
    expect(await nonces.take("b", 5000, "bob")).toBe(false);
  });
});

const clock = testClock({ now: 1_000_000 });

describe("memoryNonces of several accounts", () => {
  it("one account cannot fill the store: others go on, and it goes on when its own signatures have ended", async () => {
    const nonces = memoryNonces({ clock, maxPerAccount: 3 });
    const ends = clock.now() + 5000;
    for (const key of ["a", "b", "c"]) expect(await nonces.take(key, ends, "eve")).toBe(true);
    const refused = await nonces.take("d", ends, "eve").catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "limited", outcome: "none", detail: { retryAfterMs: expect.any(Number) } });
    expect(await nonces.take("e", ends, "bob")).toBe(true);
    clock.advance((refused as { detail: { retryAfterMs: number } }).detail.retryAfterMs);
    expect(await nonces.take("f", clock.now() + 5000, "eve")).toBe(true);
  });

  it("what is given back can be taken again and takes no room", async () => {
    const nonces = memoryNonces({ clock, maxPerAccount: 1 });
    const ends = clock.now() + 5000;
    for (const _round of [1, 2, 3]) {
      expect(await nonces.take("a", ends, "bob")).toBe(true);
      await nonces.giveBack!("a", ends, "bob");
    }
    expect(await nonces.take("b", ends, "bob")).toBe(true);
  });

  it("of 20 callers at once one takes a key", async () => {
    const nonces = memoryNonces({ clock, maxPerAccount: 50 });
    const taken = await Promise.all(Array.from({ length: 20 }, () => nonces.take("a", clock.now() + 5000, "bob")));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });
});
