import { type Clock, cancelledError, systemClock } from "./clock.js";
import { BkError, isRetryable } from "./errors.js";

export interface RetryOptions {
  /** How often `fn` is called at most, the first time included; an integer from 1, default 5. */
  readonly attempts?: number | undefined;
  /** The longest wait before the second attempt; default 50. */
  readonly minDelayMs?: number | undefined;
  /** The longest wait before any attempt; default 2000. A server's own `retryAfterMs` may ask for more. */
  readonly maxDelayMs?: number | undefined;
  /** How much longer the longest wait becomes with each attempt; from 1, default 2. */
  readonly factor?: number | undefined;
  /** Ends the waiting, and keeps further attempts from being made. */
  readonly signal?: AbortSignal | undefined;
  /** Where time and randomness come from; default the system's. */
  readonly clock?: Clock | undefined;
  /** Whether an error is worth another attempt; default `isRetryable`: `limited` and `unavailable`, when nothing was done. */
  readonly when?: ((error: unknown) => boolean) | undefined;
}

/**
 * Calls `fn` until it succeeds, fails for good, or the attempts are used up, and gives what it gave.
 *
 * Waits between attempts with exponential backoff and full jitter: a random time up to `minDelayMs · factor^n`, at most
 * `maxDelayMs` (AWS Architecture Blog, "Exponential Backoff And Jitter"). Where the error has `detail.retryAfterMs`, the wait is
 * no shorter than that.
 *
 * @param fn  gets the number of the attempt, from 1
 * @throws whatever the last attempt threw; BkError `cancelled` when `signal` aborts before an attempt; `invalid` for an option out of range
 */
export async function retry<T>(fn: (attempt: number) => Promise<T> | T, options: RetryOptions = {}): Promise<T> {
  const { attempts, minDelayMs, maxDelayMs, factor, clock, when } = checkOptions(options);
  const { signal } = options;
  for (let attempt = 1; ; attempt++) {
    if (signal?.aborted) throw cancelledError(signal);
    try {
      return await fn(attempt);
    } catch (error) {
      if (attempt >= attempts || !when(error)) throw error;
      const longest = Math.min(maxDelayMs, minDelayMs * factor ** (attempt - 1));
      await clock.sleep(Math.max(retryAfterMs(error), clock.random() * longest), signal);
    }
  }
}

function retryAfterMs(error: unknown): number {
  const asked = error instanceof BkError ? error.detail?.["retryAfterMs"] : undefined;
  return typeof asked === "number" && Number.isFinite(asked) && asked > 0 ? asked : 0;
}

function checkOptions(options: RetryOptions): typeof defaults {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const merged = { ...defaults, ...(given as Partial<typeof defaults>) };
  if (!Number.isSafeInteger(merged.attempts) || merged.attempts < 1) throw outOfRange("attempts", "an integer from 1");
  if (!(merged.minDelayMs >= 0)) throw outOfRange("minDelayMs", "a number from 0");
  if (!(merged.maxDelayMs >= 0)) throw outOfRange("maxDelayMs", "a number from 0");
  if (!(merged.factor >= 1)) throw outOfRange("factor", "a number from 1");
  return merged;
}

const defaults = {
  attempts: 5,
  minDelayMs: 50,
  maxDelayMs: 2000,
  factor: 2,
  clock: systemClock,
  when: isRetryable as (error: unknown) => boolean,
};

function outOfRange(field: string, expected: string): BkError {
  return new BkError("invalid", `retry: ${field} must be ${expected}`, { detail: { field } });
}
