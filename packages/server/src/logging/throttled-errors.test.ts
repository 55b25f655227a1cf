import { silentLog, testClock } from "@bk/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { throttledErrors } from "./throttled-errors.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("errors that come again and again", () => {
  it("are written so often within a time, each message for itself, and the others counted", () => {
    const written: string[] = [];
    const clock = testClock({ now: 0 });
    const pass = (ms: number): void => {
      clock.advance(ms);
      vi.advanceTimersByTime(ms);
    };
    const note = (message: string): void => void written.push(message);
    const log = throttledErrors({ ...silentLog, error: note, info: note }, { max: 2, intervalMs: 30_000 }, clock);
    for (let i = 0; i < 5; i++) log.error("away");
    log.error("other");
    log.info("away");
    expect(written.splice(0)).toEqual(["away", "away", "other", "away"]);
    pass(30_000);
    expect(written.splice(0)).toEqual(["away (3 more times, which were left out)"]);
    log.error("away");
    pass(60_000);
    expect(written.splice(0)).toEqual(["away"]);
    for (let i = 0; i < 5000; i++) log.error(`kind ${i}`);
    expect(written).toHaveLength(1000 + 2);
    expect(vi.getTimerCount()).toBe(1);
    pass(60_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
