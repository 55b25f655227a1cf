import { testClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import { memoryAttempts } from "./attempts.js";

describe("memoryAttempts", () => {
  it("lets an address try a login again after the wait that it names", () => {
    const clock = testClock({ now: 0 });
    const attempts = memoryAttempts({ maxPerMinute: 3, clock });
    for (const _attempt of [1, 2, 3]) {
      expect(attempts.waitMs("bob", "10.0.0.1")).toBe(0);
      attempts.failed("bob", "10.0.0.1");
    }
    const waitMs = attempts.waitMs("bob", "10.0.0.1");
    expect(waitMs).toBe(20_000);
    clock.advance(waitMs);
    expect(attempts.waitMs("bob", "10.0.0.1")).toBe(0);
  });

  it("locks nobody out: other addresses and other logins go on", () => {
    const attempts = memoryAttempts({ maxPerMinute: 1, clock: testClock() });
    attempts.failed("bob", "10.0.0.1");
    expect(attempts.waitMs("bob", "10.0.0.1")).toBeGreaterThan(0);
    expect([attempts.waitMs("bob", "10.0.0.2"), attempts.waitMs("ann", "10.0.0.1")]).toEqual([0, 0]);
  });

  it.each([
    ["2001:db8::1", "2001:db8:0:0:ffff::2", true],
    ["2001:db8:0:1::1", "2001:db8:0:2::1", false],
    ["::ffff:10.0.0.1", "10.0.0.1", true],
    ["::1", "::2", true],
  ])("%s and %s are one network: %s", (one, other, isSame) => {
    const attempts = memoryAttempts({ maxPerMinute: 1, clock: testClock() });
    attempts.failed("bob", one);
    expect(attempts.waitMs("bob", other) > 0).toBe(isSame);
  });
});
