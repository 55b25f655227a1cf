import { testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import { describeAccounts } from "../test/nonce-accounts.js";
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

describe("memoryNonces of several accounts", () => {
  const clock = testClock({ now: 1_000_000 });
  describeAccounts(clock, (maxPerAccount) => memoryNonces({ clock, maxPerAccount }));
});
