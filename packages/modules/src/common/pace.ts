import { BkError } from "@bk/core";

import type { CacheLike } from "../contract/cache.js";

/**
 * Refuses what somebody does too often.
 *
 * @param key  who does what, such as `counter/incr:u_1`
 * @param rate  how many in a minute, all of which may come at once
 * @throws BkError `limited`, which says when to try again
 */
export async function keepPace(cache: Pick<CacheLike, "limit">, key: string, rate: number): Promise<void> {
  const { allowed, delayMs } = await cache.limit(`pace:${key}`, { rate, perMs: 60_000, burst: rate });
  if (!allowed) throw new BkError("limited", "too many of these calls; try again later", { detail: { retryAfterMs: delayMs } });
}
