import { describe, expect, it } from "vitest";
import { BkError, errorCodes, isRetryable, type ErrorCode } from "./errors.js";

class ShopError extends BkError {
  override readonly name = "ShopError";
}

const codes = Object.keys(errorCodes) as ErrorCode[];
const unknownOutcome: ErrorCode[] = ["timeout", "cancelled", "internal"];

describe("BkError", () => {
  it.each(codes)("%s has the outcome that the table gives", (code) => {
    expect(new BkError(code, "x").outcome).toBe(unknownOutcome.includes(code) ? "unknown" : "none");
  });

  it("takes another outcome than the table's", () => {
    expect(new BkError("unavailable", "x", { outcome: "unknown" }).outcome).toBe("unknown");
    expect(new BkError("internal", "x", { outcome: "done" }).outcome).toBe("done");
  });

  it("is an Error, keeps its cause, and a package's class keeps its own name", () => {
    const cause = new Error("below");
    const error = new ShopError("internal", "above", { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(BkError);
    expect(error.cause).toBe(cause);
    expect(String(error)).toBe("ShopError: above");
    expect("cause" in new ShopError("internal", "alone")).toBe(false);
  });

  it("leaves stack and cause out of its JSON", () => {
    const error = new ShopError("limited", "slow down", { detail: { retryAfterMs: 5 }, cause: new Error("password=hunter2") });
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: "ShopError",
      code: "limited",
      outcome: "none",
      message: "slow down",
      detail: { retryAfterMs: 5 },
    });
    expect(Object.keys(new BkError("invalid", "x").toJSON())).not.toContain("detail");
  });
});

describe("isRetryable", () => {
  it.each(codes)("%s is repeated only when it tells of nothing done", (code) => {
    expect(isRetryable(new BkError(code, "x"))).toBe(code === "limited" || code === "unavailable");
  });

  it("refuses what may have been done, and what is no BkError", () => {
    expect(isRetryable(new BkError("unavailable", "x", { outcome: "unknown" }))).toBe(false);
    expect(isRetryable(Object.assign(new Error("x"), { code: "unavailable" }))).toBe(false);
    expect(isRetryable(undefined)).toBe(false);
  });
});
