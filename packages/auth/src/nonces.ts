import { type Clock, systemClock } from "@bk/core";
import { AuthError } from "./errors.js";

/** Remembers the signatures that were used, so that none is used twice. */
export interface Nonces {
  /**
   * Takes a key: true for the first caller, false for every other until `expiresMs`. Of concurrent calls exactly one gets true.
   *
   * @param expiresMs  when the key may be forgotten, in milliseconds since 1970
   * @throws when the key cannot be remembered; the request is then not served
   */
  take(key: string, expiresMs: number): Promise<boolean>;
}

export interface MemoryNoncesOptions {
  /** The most keys that are remembered at once; default 200,000, which is about 30 MB. */
  readonly maxEntries?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface MemoryNonces extends Nonces {
  /** How many keys are remembered. */
  readonly size: number;
}

const sweepEveryMs = 10_000;

/**
 * Nonces in this process: servers that share the work each have their own, so there a signature can be used once on each.
 *
 * A full store refuses with AuthError `limited` rather than forget a key that could still be replayed.
 */
export function memoryNonces({ maxEntries = 200_000, clock = systemClock }: MemoryNoncesOptions = {}): MemoryNonces {
  const keys = new Map<string, number>();
  let lastSweep = clock.now();

  function sweep(now: number): void {
    lastSweep = now;
    for (const [key, expires] of keys) if (expires < now) keys.delete(key);
  }

  return {
    async take(key, expiresMs) {
      const now = clock.now();
      if (now - lastSweep >= sweepEveryMs) sweep(now);
      const known = keys.get(key);
      if (known !== undefined && known >= now) return false;
      if (keys.size >= maxEntries && now > lastSweep) sweep(now);
      if (keys.size >= maxEntries) {
        throw new AuthError("limited", `nonces: ${maxEntries} signatures are remembered already; raise maxEntries or use a shared store`, {
          detail: { retryAfterMs: sweepEveryMs },
        });
      }
      keys.set(key, expiresMs);
      return true;
    },
    get size() {
      return keys.size;
    },
  };
}
