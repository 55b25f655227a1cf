import type { CallOptions } from "./calls.js";
import { type CacheCore, isDown } from "./core.js";
import { CacheError, invalid } from "./errors.js";
import { systemKey } from "./keys.js";
import type { LimitReply } from "./operation.js";
import { checkInteger, checkKey, checkNumber, checkOptions, checkTtl } from "./options.js";

export type { LimitReply } from "./operation.js";

export interface LimitOptions extends CallOptions {
  /** Tokens that are added in `perMs`; above 0. */
  readonly rate: number;
  /** Default 1000: `rate` a second. */
  readonly perMs?: number | undefined;
  /** The most tokens there can be, and the number at first; default `rate`, at least 1. */
  readonly burst?: number | undefined;
  /** Tokens that this call takes; default 1. At most `burst`. */
  readonly cost?: number | undefined;
  /** How long to wait for the tokens, in milliseconds; default 0. Waiters are not in order. */
  readonly waitMs?: number | undefined;
  /** How long the bucket is remembered after a call at least, in milliseconds; default: until it is full again. */
  readonly ttlMs?: number | undefined;
  /** Drops the bucket, so that the next call finds a full one: `true` when a call is denied, a number from 2 with the call of that number. Default false. */
  readonly reset?: boolean | number | undefined;
  /**
   * Each call that is denied makes `perMs` so many times as long, up to 3·10¹⁰ ms, until the bucket is full again: for those who go on trying.
   * A negative one: the next call that is allowed ends it. 1 or more, or −1 or less; default 1.
   */
  readonly multiplier?: number | undefined;
  /** What happens while the store cannot be reached: reject (`throw`, the default), or answer without it. */
  readonly onDown?: "throw" | "allow" | "deny" | undefined;
}

const limitOptions = ["signal", "timeoutMs", "rate", "perMs", "burst", "cost", "waitMs", "ttlMs", "reset", "multiplier", "onDown"];

/** Takes tokens from the bucket of a key. */
export async function limit(core: CacheCore, key: string, options: LimitOptions): Promise<LimitReply> {
  checkOptions(options, limitOptions, "limit");
  const name = systemKey(core.prefix, "limit", checkKey(key));
  const rate = checkNumber(options?.rate, "rate", 1e-6, 1e9);
  const perMs = checkNumber(options.perMs ?? 1000, "perMs", 1, 31 * 86_400_000);
  const burst = checkNumber(options.burst ?? Math.max(1, rate), "burst", 1, 1e9);
  const cost = checkNumber(options.cost ?? 1, "cost", 0, 1e9);
  const waitMs = checkInteger(options.waitMs ?? 0, "waitMs", 0);
  const onDown = options.onDown ?? "throw";
  if (cost > burst) throw invalid("cost", `at most burst (${burst}): more never come together`);
  if (onDown !== "throw" && onDown !== "allow" && onDown !== "deny") throw invalid("onDown", "one of throw, allow, deny");
  const reset = options.reset === true ? 1 : checkInteger(options.reset || 0, "reset", 0);
  if (options.reset === 1) throw invalid("reset", "true, or an integer from 2");
  const multiplier = checkNumber(options.multiplier ?? 1, "multiplier", -1e6, 1e6);
  if (Math.abs(multiplier) < 1) throw invalid("multiplier", "1 or more, or -1 or less");
  const ttlMs = checkTtl(options.ttlMs, 0);
  const operation = { op: "limit", rate, perMs, burst, cost, ttlMs, reset, multiplier } as const;
  const deadline = performance.now() + waitMs;
  for (;;) {
    let reply: LimitReply;
    try {
      reply = await core.apply("limit", name, operation, options);
    } catch (error) {
      if (onDown === "throw" || !isDown(error)) throw error;
      core.warn("limit", `the store of the cache cannot be reached; limits ${onDown} what is asked`, error);
      return { allowed: onDown === "allow", delayMs: onDown === "allow" ? 0 : Math.ceil(perMs / rate), remaining: 0, total: 0 };
    }
    // Who cannot have them within its time is told at once.
    if (reply.allowed || performance.now() + reply.delayMs > deadline) return reply;
    try {
      await core.clock.sleep(reply.delayMs, options.signal);
    } catch (error) {
      throw new CacheError("cancelled", `${core.driver.name} limit: cancelled by the caller's signal`, {
        driver: core.driver.name,
        op: "limit",
        outcome: "none",
        cause: error instanceof Error ? error.cause : error,
      });
    }
  }
}
