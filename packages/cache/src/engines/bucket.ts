// The arithmetic of a bucket of tokens. A bucket begins full, is filled evenly, and never over its burst.

import type { LimitOperation, LimitReply } from "../operation.js";

/** Tokens that were there at a time, in milliseconds since 1970. */
export interface Bucket {
  readonly tokens: number;
  readonly time: number;
  /** Calls since it was made. */
  readonly calls: number;
  /** How much longer than `perMs` the time of a `rate` is by now. */
  readonly factor: number;
}

export interface Taken {
  /** Undefined: it is dropped. */
  readonly bucket: Bucket | undefined;
  readonly reply: LimitReply;
  /** How long it is to be kept: when it is full it is as good as a new one. */
  readonly keepMs: number;
}

/** The longest that a multiplier makes `perMs`: about a year. */
export const longestPerMs = 3e10;

/** Takes tokens if they are there. A clock that went back adds nothing, and one that was far ahead does not stop the bucket for long. */
export function takeTokens(stored: Bucket | undefined, operation: LimitOperation, now: number): Taken {
  const { rate, perMs, burst, cost, ttlMs, reset, multiplier } = operation;
  const factor = stored?.factor ?? 1;
  const longMs = perMs * factor;
  const isUsable = stored !== undefined && stored.time - now <= (burst * longMs) / rate;
  const time = isUsable ? Math.max(stored.time, now) : now;
  const filled = isUsable ? stored.tokens + (Math.max(0, now - stored.time) * rate) / longMs : burst;
  const before = Math.min(burst, filled);
  // Fractions that were added one after the other may fall short of a whole by their rounding.
  const allowed = before + 1e-9 >= cost;
  const tokens = allowed ? Math.max(0, before - cost) : before;
  const slower = Math.max(factor, Math.min(factor * Math.abs(multiplier), longestPerMs / perMs));
  const nextFactor = allowed ? (multiplier < 0 ? 1 : factor) : slower;
  const delayMs = allowed ? 0 : Math.max(1, Math.ceil(((cost - before) * perMs * nextFactor) / rate));
  const calls = (stored?.calls ?? 0) + 1;
  const isDropped = reset === 1 ? !allowed : reset > 1 && calls >= reset;
  return {
    bucket: isDropped ? undefined : { tokens, time, calls, factor: nextFactor },
    reply: { allowed, delayMs, remaining: Math.floor(tokens + 1e-9), total: calls },
    keepMs: Math.max(ttlMs, Math.ceil(((burst - tokens) * perMs * nextFactor) / rate)),
  };
}
