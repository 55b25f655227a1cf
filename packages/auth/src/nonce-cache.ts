// Used signatures in a cache that several servers share, such as a `Cache` of `@bk/cache`.
import { BkError, type Clock, systemClock } from "@bk/core";
import { accountShares } from "./account-shares.js";
import { AuthError } from "./errors.js";
import type { Nonces } from "./nonces.js";

/** What used signatures need of a cache. */
export interface NonceCache {
  /** Writes a value if there is none, atomically; tells whether it was written. */
  add(key: string, value: string, options: { readonly ttlMs: number; readonly timeoutMs: number }): Promise<boolean>;
  del(key: string, options: { readonly timeoutMs: number }): Promise<unknown>;
}

export interface CacheNoncesOptions {
  /** The most signatures of one account that this process remembers at a time; default 100,000. */
  readonly maxPerAccount?: number | undefined;
  /** How far the clocks of the servers may differ, in milliseconds: signatures are remembered so much longer. Default 60,000. */
  readonly clockSkewMs?: number | undefined;
  /** How long a request waits for the cache, in milliseconds; default 2,000. */
  readonly timeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
  /** Told when a signature could not be given back: its request has to be signed anew. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

/**
 * Nonces in a cache: servers that share it take each signature once together, without a write to a database.
 *
 * The cache must not drop what has not expired. While it does not answer, requests that change something are refused with `unavailable`:
 * what cannot be remembered could be replayed.
 */
export function cacheNonces(cache: NonceCache, options: CacheNoncesOptions = {}): Nonces {
  const { maxPerAccount = 100_000, clockSkewMs = 60_000, timeoutMs = 2000, clock = systemClock, onFault } = options;
  const shares = accountShares(maxPerAccount);
  // The end is signed with the rest, so one signature has one key.
  const keyOf = (digest: string, endsMs: number): string => `nonce:${endsMs}:${digest}`;

  return {
    async take(digest, endsMs, login) {
      const now = clock.now();
      shares.add(login, endsMs, now);
      try {
        const isFirst = await cache.add(keyOf(digest, endsMs), "1", { ttlMs: Math.max(0, endsMs - now) + clockSkewMs, timeoutMs });
        if (!isFirst) shares.remove(login, endsMs);
        return isFirst;
      } catch (error) {
        shares.remove(login, endsMs);
        throw new AuthError("unavailable", "signatures cannot be remembered now; sign anew in a moment", {
          detail: { retryAfterMs: 1000 },
          cause: error,
        });
      }
    },
    async giveBack(digest, endsMs, login) {
      try {
        await cache.del(keyOf(digest, endsMs), { timeoutMs });
        shares.remove(login, endsMs);
      } catch (error) {
        // The request was answered as it deserves; only its signature is used up.
        onFault?.(error instanceof BkError ? error : new AuthError("internal", "a signature could not be given back", { cause: error }));
      }
    },
  };
}
