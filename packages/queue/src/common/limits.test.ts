import { describe, expect, it } from "vitest";
import { checkLimits, withinLimits } from "./limits.js";

const never = (): Promise<never> => new Promise(() => undefined);

describe("withinLimits", () => {
  it("gives what the task gives, and tells it when the call has ended", async () => {
    expect(await withinLimits(undefined, (signal) => Promise.resolve(signal))).toBeUndefined();
    const signal = new AbortController().signal;
    const given = await withinLimits({ signal }, (own) => Promise.resolve(own));
    expect(given?.aborted).toBe(false);
  });

  it("ends with cancelled when the caller's signal aborts, with the outcome of that time", async () => {
    const controller = new AbortController();
    const call = withinLimits({ signal: controller.signal }, never, { op: "submit", outcome: () => "none" });
    controller.abort(new Error("enough"));
    await expect(call).rejects.toMatchObject({ code: "cancelled", outcome: "none", op: "submit", cause: controller.signal.reason });
    await expect(withinLimits({ signal: controller.signal }, never)).rejects.toMatchObject({ code: "cancelled", outcome: "none" });
  });

  it("ends with timeout when the time is over, and aborts what the task waits for", async () => {
    let seen: AbortSignal | undefined;
    const call = withinLimits({ timeoutMs: 1 }, (signal) => {
      seen = signal;
      return never();
    });
    await expect(call).rejects.toMatchObject({ code: "timeout", outcome: "unknown" });
    expect(seen?.aborted).toBe(true);
  });

  it("takes limits that are limits", () => {
    checkLimits({ timeoutMs: 1, signal: new AbortController().signal }, "submit");
    for (const limits of [{ timeoutMs: 0 }, { timeoutMs: 1.5 }, { timeoutMs: 2 ** 31 }, { signal: {} as AbortSignal }])
      expect(() => checkLimits(limits, "submit")).toThrow(expect.objectContaining({ code: "invalid" }));
  });
});
