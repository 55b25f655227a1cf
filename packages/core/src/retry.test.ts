import { describe, expect, it } from "vitest";
import { testClock, type Clock } from "./clock.js";
import { BkError } from "./errors.js";
import { retry } from "./retry.js";

/** A clock that notes each wait and draws the longest one. */
function recordingClock(): Clock & { waits: number[] } {
  const waits: number[] = [];
  const clock = testClock({ autoAdvance: true });
  return {
    ...clock,
    waits,
    random: () => 1,
    sleep(ms, signal) {
      waits.push(ms);
      return clock.sleep(ms, signal);
    },
  };
}

function failing(error: unknown, times: number): { calls: () => number; fn: (attempt: number) => Promise<string> } {
  let calls = 0;
  const fn = async (attempt: number): Promise<string> => {
    calls += 1;
    expect(attempt).toBe(calls);
    if (calls <= times) throw error;
    return "done";
  };
  return { calls: () => calls, fn };
}

const unavailable = new BkError("unavailable", "away");

describe("retry", () => {
  it("gives the result of the first attempt that succeeds", async () => {
    const { fn, calls } = failing(unavailable, 2);
    expect(await retry(fn, { clock: recordingClock() })).toBe("done");
    expect(calls()).toBe(3);
  });

  it("throws the last error itself when the attempts are used up, without a wait after it", async () => {
    const clock = recordingClock();
    const { fn, calls } = failing(unavailable, 99);
    await expect(retry(fn, { clock, attempts: 4 })).rejects.toBe(unavailable);
    expect(calls()).toBe(4);
    expect(clock.waits).toEqual([50, 100, 200]);
  });

  it("lets the longest wait grow by the factor up to maxDelayMs", async () => {
    const clock = recordingClock();
    const { fn } = failing(unavailable, 5);
    await retry(fn, { clock, attempts: 6, minDelayMs: 10, factor: 3, maxDelayMs: 200 });
    expect(clock.waits).toEqual([10, 30, 90, 200, 200]);
  });

  it("draws each wait from zero to the longest", async () => {
    const clock = { ...recordingClock(), random: () => 0.25 };
    const { fn } = failing(unavailable, 2);
    await retry(fn, { clock });
    expect(clock.waits).toEqual([12.5, 25]);
  });

  it("waits no shorter than retryAfterMs asks", async () => {
    const clock = recordingClock();
    const { fn } = failing(new BkError("limited", "slow", { detail: { retryAfterMs: 5000 } }), 1);
    await retry(fn, { clock });
    expect(clock.waits).toEqual([5000]);
  });

  it.each(["invalid", "timeout", "internal", "already-exists", "cancelled"] as const)("does not repeat %s", async (code) => {
    const error = new BkError(code, "x");
    const { fn, calls } = failing(error, 99);
    await expect(retry(fn, { clock: recordingClock() })).rejects.toBe(error);
    expect(calls()).toBe(1);
  });

  it("leaves the choice to `when`", async () => {
    const { fn, calls } = failing(new TypeError("x"), 1);
    expect(await retry(fn, { clock: recordingClock(), when: (error) => error instanceof TypeError })).toBe("done");
    expect(calls()).toBe(2);
  });

  it("ends with cancelled when the signal aborts while it waits, and makes no further attempt", async () => {
    const controller = new AbortController();
    const clock = testClock();
    const { fn, calls } = failing(unavailable, 99);
    const result = retry(fn, { clock, signal: controller.signal });
    await Promise.resolve().then(() => undefined);
    expect(calls()).toBe(1);
    controller.abort();
    await expect(result).rejects.toMatchObject({ code: "cancelled" });
    expect(calls()).toBe(1);
  });

  it("makes no attempt when the signal has aborted already", async () => {
    const { fn, calls } = failing(unavailable, 0);
    await expect(retry(fn, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled", outcome: "none" });
    expect(calls()).toBe(0);
  });

  it.each([{ attempts: 0 }, { attempts: 1.5 }, { minDelayMs: -1 }, { maxDelayMs: Number.NaN }, { factor: 0.5 }])(
    "refuses %j by name",
    async (options) => {
      const { fn, calls } = failing(unavailable, 0);
      const [field] = Object.keys(options);
      await expect(retry(fn, options)).rejects.toMatchObject({
        code: "invalid",
        detail: { field },
        message: expect.stringContaining(field!),
      });
      expect(calls()).toBe(0);
    },
  );

  it("takes an option that is undefined as not given", async () => {
    const { fn } = failing(unavailable, 1);
    expect(await retry(fn, { clock: recordingClock(), attempts: undefined, when: undefined })).toBe("done");
  });
});
