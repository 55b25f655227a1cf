import { describe, expect, it } from "vitest";
import { systemClock, testClock } from "./clock.js";

describe("systemClock", () => {
  it("tells the machine's time", () => {
    const before = Date.now();
    const told = systemClock.now();
    expect(told).toBeGreaterThanOrEqual(before);
    expect(told).toBeLessThanOrEqual(Date.now());
  });

  it("sleeps no shorter than asked, and not at all for 0 or less", async () => {
    const before = performance.now();
    await systemClock.sleep(20);
    // Timers may fire up to a millisecond early by the finer clock.
    expect(performance.now() - before).toBeGreaterThanOrEqual(19);
    await expect(systemClock.sleep(0)).resolves.toBeUndefined();
    await expect(systemClock.sleep(-5)).resolves.toBeUndefined();
  });

  it("ends a sleep when the signal aborts, with the reason as cause", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(2 ** 40, controller.signal);
    controller.abort("enough");
    await expect(sleeping).rejects.toMatchObject({ code: "cancelled", outcome: "none", cause: "enough" });
    await expect(systemClock.sleep(0, controller.signal)).rejects.toMatchObject({ code: "cancelled" });
  });

  it("gives as many random bytes as asked, also more than Web Crypto gives at once", () => {
    expect(systemClock.randomBytes(0)).toEqual(new Uint8Array(0));
    const many = systemClock.randomBytes(200_000);
    expect(many.length).toBe(200_000);
    expect(many.subarray(190_000).some((byte) => byte !== 0)).toBe(true);
  });
});

describe("testClock", () => {
  it("stands still until it is moved", () => {
    const clock = testClock({ now: 1000 });
    expect(clock.now()).toBe(1000);
    clock.advance(5);
    expect(clock.now()).toBe(1005);
    clock.set(7);
    expect(clock.now()).toBe(7);
  });

  it("wakes the sleepers that are due, earliest first", async () => {
    const clock = testClock({ now: 0 });
    const woken: string[] = [];
    const late = clock.sleep(20).then(() => woken.push("late"));
    const early = clock.sleep(10).then(() => woken.push("early"));
    const never = new AbortController();
    const cancelled = clock.sleep(99, never.signal);
    expect(clock.sleeping).toBe(3);
    clock.advance(20);
    await Promise.all([late, early]);
    expect(woken).toEqual(["early", "late"]);
    expect(clock.sleeping).toBe(1);
    never.abort();
    await expect(cancelled).rejects.toMatchObject({ code: "cancelled" });
    expect(clock.sleeping).toBe(0);
  });

  it("moves on by itself when told to", async () => {
    const clock = testClock({ now: 0, autoAdvance: true });
    await clock.sleep(300);
    expect(clock.now()).toBe(300);
  });

  it("repeats its randomness for a seed and differs for another", () => {
    const draw = (seed: number): unknown => {
      const clock = testClock({ seed });
      return [clock.random(), clock.random(), [...clock.randomBytes(8)]];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it("spreads its randomness over the whole range", () => {
    const clock = testClock({ seed: 3 });
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 10_000; i++) tenths[Math.floor(clock.random() * 10)]! += 1;
    for (const count of tenths) expect(count).toBeGreaterThan(800);
    expect(new Set(clock.randomBytes(10_000)).size).toBe(256);
  });
});
