// The arithmetic of a bucket of tokens. A bucket begins full, is filled evenly, and never over its burst.

import type { LimitOperation, LimitReply } from "../operation.js";

/** Tokens that were there at a time, in milliseconds since 1970. */
export interface Bucket {
  readonly tokens: number;
  readonly time: number;
}

export interface Taken {
  readonly bucket: Bucket;
  readonly reply: LimitReply;
  /** How long until it is full: then it is as good as a new one. */
  readonly fullAfterMs: number;
}

/** Takes tokens if they are there. A clock that went back adds nothing, and one that was far ahead does not stop the bucket for long. */
export function takeTokens(stored: Bucket | undefined, { rate, perMs, burst, cost }: LimitOperation, now: number): Taken {
  const fillMs = (burst * perMs) / rate;
  const isUsable = stored !== undefined && stored.time - now <= fillMs;
  const time = isUsable ? Math.max(stored.time, now) : now;
  const filled = isUsable ? stored.tokens + (Math.max(0, now - stored.time) * rate) / perMs : burst;
  const before = Math.min(burst, filled);
  // Fractions that were added one after the other may fall short of a whole by their rounding.
  const allowed = before + 1e-9 >= cost;
  const tokens = allowed ? Math.max(0, before - cost) : before;
  const delayMs = allowed ? 0 : Math.max(1, Math.ceil(((cost - before) * perMs) / rate));
  return {
    bucket: { tokens, time },
    reply: { allowed, delayMs, remaining: Math.floor(tokens + 1e-9) },
    fullAfterMs: ((burst - tokens) * perMs) / rate,
  };
}
