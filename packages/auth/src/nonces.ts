import { type Clock, systemClock } from "@bk/core";
import { accountShares } from "./account-shares.js";
import { AuthError } from "./errors.js";

/** Remembers the signatures that were used, so that none is used twice. */
export interface Nonces {
  /**
   * Takes a key: true for the first caller, false for every other until `expiresMs`. Of concurrent calls exactly one gets true.
   *
   * @param expiresMs  when the key may be forgotten, in milliseconds since 1970
   * @param login      the account that signed: no account may take all the room there is
   * @throws when the key cannot be remembered; the request is then not served
   */
  take(key: string, expiresMs: number, login: string): Promise<boolean>;
  /**
   * Gives a key back that was taken for a request that was refused and did nothing; it can be taken again. Where a store has no such
   * call, a refused request is signed anew.
   */
  giveBack?(key: string, expiresMs: number, login: string): Promise<void>;
}

export interface MemoryNoncesOptions {
  /** The most keys that are remembered at once; default 200,000, which is about 30 MB. */
  readonly maxEntries?: number | undefined;
  /** The most keys of one account; default a quarter of `maxEntries`. */
  readonly maxPerAccount?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface MemoryNonces extends Nonces {
  /** How many keys are remembered. */
  readonly size: number;
}

const sweepEveryMs = 10_000;

/**
 * Nonces in this process, forgotten at its end. Servers that share the work each have their own, so there a signature can be used
 * once on each.
 *
 * A full store refuses with AuthError `limited` rather than forget a key that could still be replayed; so does an account's full share.
 */
export function memoryNonces(options: MemoryNoncesOptions = {}): MemoryNonces {
  const { maxEntries = 200_000, clock = systemClock } = options;
  const keys = new Map<string, number>();
  const shares = accountShares(options.maxPerAccount ?? Math.ceil(maxEntries / 4));
  let lastSweep = clock.now();

  function sweep(now: number): void {
    lastSweep = now;
    for (const [key, expires] of keys) if (expires < now) keys.delete(key);
  }

  return {
    async take(key, expiresMs, login) {
      const now = clock.now();
      if (now - lastSweep >= sweepEveryMs) sweep(now);
      const known = keys.get(key);
      if (known !== undefined && known >= now) return false;
      if (keys.size >= maxEntries && now > lastSweep) sweep(now);
      if (keys.size >= maxEntries) {
        throw new AuthError("limited", "too many signatures are remembered; try again in a while", {
          detail: { retryAfterMs: sweepEveryMs },
        });
      }
      shares.add(login, expiresMs, now);
      keys.set(key, expiresMs);
      return true;
    },
    async giveBack(key, expiresMs, login) {
      if (keys.delete(key)) shares.remove(login, expiresMs);
    },
    get size() {
      return keys.size;
    },
  };
}
