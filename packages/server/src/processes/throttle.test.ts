import { describe, expect, it } from "vitest";

import { Throttle } from "./throttle.js";

describe("a throttle", () => {
  it("doubles the wait from crash to crash, up to a minute, and begins anew after health", () => {
    const throttle = new Throttle();
    const waits = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => throttle.crashed(i * 1000, 100));
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(throttle.crashed(100_000, 60_000)).toBe(1000);
    expect(throttle.crashed(101_000, 59_999)).toBe(2000);
  });

  it("gives up after so many crashes in the window, each slot for itself", () => {
    const options = { maxRestarts: 2, windowMs: 10_000 };
    const throttle = new Throttle(options);
    expect([0, 1000, 2000].map((now) => throttle.crashed(now, 0))).toEqual([1000, 2000, undefined]);
    expect(new Throttle(options).crashed(2000, 0)).toBe(1000);
    const slow = new Throttle(options);
    expect([0, 9000, 18_000].map((now) => slow.crashed(now, 0))).not.toContain(undefined);
  });
});
