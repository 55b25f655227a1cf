// Failed attempts in a cache that several servers share, such as a `Cache` of `@bk/cache`.
import { type Clock, systemClock } from "@bk/core";
import { loginKey } from "./digest.js";
import { type Attempts, memoryAttempts, networkOf } from "./attempts.js";

/** What failed attempts need of a cache: buckets of tokens. */
export interface AttemptCache {
  limit(
    key: string,
    options: { readonly rate: number; readonly perMs: number; readonly burst: number; readonly cost: number; readonly timeoutMs: number },
  ): Promise<{ readonly allowed: boolean; readonly delayMs: number; readonly remaining: number }>;
}

export interface CacheAttemptsOptions {
  /** Failed attempts of one address at one login, within a minute, at all servers together; default 20. */
  readonly maxPerMinute?: number | undefined;
  /** How long a request waits for the cache, in milliseconds; default 250. */
  readonly timeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
  /** Told when the cache does not answer, at most once a minute. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

const minuteMs = 60_000;
/** How long the cache is left alone when it did not answer. */
const awayMs = 1000;

/**
 * Attempts counted by all servers that share a cache, at the cost of a call to it for each request that is signed.
 *
 * While the cache does not answer, this process counts by itself, as `memoryAttempts` does: nobody is locked out, and nobody may try
 * without limit.
 */
export function cacheAttempts(cache: AttemptCache, options: CacheAttemptsOptions = {}): Attempts {
  const { maxPerMinute = 20, timeoutMs = 250, clock = systemClock, onFault } = options;
  const own = memoryAttempts({ maxPerMinute, clock });
  let awayUntil = -Infinity;
  let toldAt = -Infinity;

  /** Tokens that are left when `cost` were taken, where they were there; undefined when the cache does not answer. */
  async function take(login: string, address: string, cost: number): Promise<number | undefined> {
    if (clock.now() < awayUntil) return undefined;
    const key = `attempts:${networkOf(address)} ${await loginKey(login)}`;
    try {
      const bucket = { rate: maxPerMinute, perMs: minuteMs, burst: maxPerMinute, cost, timeoutMs };
      return (await cache.limit(key, bucket)).remaining;
    } catch (error) {
      const now = clock.now();
      awayUntil = now + awayMs;
      if (now - toldAt >= minuteMs) {
        toldAt = now;
        onFault?.(error);
      }
      return undefined;
    }
  }

  return {
    async waitMs(login, address) {
      const ownMs = own.waitMs(login, address);
      if (ownMs > 0) return ownMs;
      const left = await take(login, address, 0);
      return left === undefined || left >= 1 ? 0 : Math.ceil(minuteMs / maxPerMinute);
    },
    async failed(login, address) {
      own.failed(login, address);
      await take(login, address, 1);
    },
  };
}
