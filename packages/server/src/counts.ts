// What servers that share the work count and remember together: in a cache where there is one, else in the database or by themselves.

import {
  type Attempts,
  cacheAttempts,
  cacheNonces,
  dbNonces,
  memoryAttempts,
  memoryNonces,
  type NonceDb,
  type Nonces,
  type RateLimiter,
  type RateLimits,
  rateLimits,
  type RateRule,
} from "@bk/auth";
import type { Cache } from "@bk/cache";
import { BkError, type Log } from "@bk/core";
import type { Db } from "@bk/db";

import { faultFields } from "./fault-fields.js";

/** Failed attempts are counted in the cache, where there is one, else by this process. */
export function attemptsOf(maxPerMinute: number, cache: Cache | undefined, log: Log): Attempts {
  if (cache === undefined) return memoryAttempts({ maxPerMinute });
  const onFault = (error: unknown): void =>
    log.warn("the cache does not answer: attempts are counted by this server alone", faultFields(error));
  return cacheAttempts(cache, { maxPerMinute, onFault });
}

/** Requests are counted in the cache, where there is one; while it does not answer nobody is held up. */
export function ratesOf(rules: readonly RateRule[], cache: Cache | undefined, log: Log): RateLimits {
  const onFault = (error: unknown): void => log.warn("the cache does not answer: requests are not counted", faultFields(error));
  if (cache === undefined) return rateLimits({ rules, onFault });
  const limiter: RateLimiter = { limit: (key, bucket) => cache.limit(key, { ...bucket, timeoutMs: limiterTimeoutMs }) };
  return rateLimits({ limiter, rules, onFault });
}

const limiterTimeoutMs = 250;

/** Whether a cache keeps what has not expired, for all servers that share it. */
function canKeepSignatures({ capabilities: { scope, locks } }: Cache): boolean {
  return scope !== "process" && locks === "engine";
}

/** Used signatures are kept in a cache that can, else in the database; one that was given open may not have the table for it. */
export async function noncesOf(db: Db, isOurs: boolean, cache: Cache | undefined, log: Log): Promise<Nonces> {
  if (cache !== undefined && canKeepSignatures(cache))
    return cacheNonces(cache, { onFault: (error) => log.warn("a signature could not be given back", faultFields(error)) });
  const table = db as unknown as NonceDb & { get(table: "bk_nonce", key: { ends: number; digest: string }): Promise<unknown> };
  if (!isOurs) {
    try {
      await table.get("bk_nonce", { ends: 1, digest: "none" });
    } catch (error) {
      if (!(error instanceof BkError) || error.code !== "invalid") throw error;
      log.warn("the database has no table bk_nonce (authTables of @bk/auth has it): used signatures are remembered by this process alone");
      return memoryNonces();
    }
  }
  return dbNonces(table, { onFault: (error) => log.warn("ended signatures could not be removed", faultFields(error)) });
}
