// Used signatures in the table `bk_nonce` of any database that has these calls, such as a `Db` of `@bk/db`.
import { type Clock, systemClock } from "@bk/core";
import { accountShares } from "./account-shares.js";
import type { Nonces } from "./nonces.js";

/** What used signatures need of a database. */
export interface NonceDb {
  add(table: "bk_nonce", row: { ends: number; digest: string; gone: number | null }): Promise<unknown>;
  del(table: "bk_nonce", key: { ends: number; digest: string }): Promise<unknown>;
  delAll(table: "bk_nonce", filter: { ends: { $lt: number } }, options: { scan: true }): Promise<unknown>;
  capabilities(): { readonly ttl: boolean };
}

export interface DbNoncesOptions {
  /** The most signatures of one account that this process remembers at a time; default 100,000. */
  readonly maxPerAccount?: number | undefined;
  readonly clock?: Clock | undefined;
  /** Told when ended signatures could not be removed. That is tried again; meanwhile they take room and nothing else. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

const sweepEveryMs = 5000;

/**
 * Nonces in a database: a restart does not forget them, and servers on one database take each signature once together.
 *
 * Costs an insert for each request that changes something. Ended ones are removed by the engine, or every five seconds by this process.
 */
export function dbNonces(db: NonceDb, { maxPerAccount = 100_000, clock = systemClock, onFault }: DbNoncesOptions = {}): Nonces {
  const shares = accountShares(maxPerAccount);
  const removesExpired = db.capabilities().ttl;
  let sweptMs = 0;
  let sweeping = false;

  async function sweep(now: number): Promise<void> {
    sweeping = true;
    sweptMs = now;
    try {
      await db.delAll("bk_nonce", { ends: { $lt: now } }, { scan: true });
    } catch (error) {
      onFault?.(error);
    } finally {
      sweeping = false;
    }
  }

  return {
    async take(digest, endsMs, login) {
      const now = clock.now();
      // Not waited for: nobody's request should take the time.
      if (!removesExpired && !sweeping && now - sweptMs >= sweepEveryMs) void sweep(now);
      shares.add(login, endsMs, now);
      try {
        // The end is signed with the rest, so one signature has one key. As its first part it spreads and orders the rows.
        await db.add("bk_nonce", { ends: endsMs, digest, gone: removesExpired ? endsMs : null });
        return true;
      } catch (error) {
        shares.remove(login, endsMs);
        if ((error as { code?: unknown } | undefined)?.code === "already-exists") return false;
        throw error;
      }
    },
    async giveBack(digest, endsMs, login) {
      await db.del("bk_nonce", { ends: endsMs, digest });
      shares.remove(login, endsMs);
    },
  };
}
