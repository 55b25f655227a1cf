// Pacing of reads of many rows: they take no more of a table's capacity than they may.

import type { Clock } from "@bk/core";

/** Read units a second as a bucket that fills steadily and holds one second's worth. */
export interface Pacer {
  /** Tells what a page has used, and waits until the next one may be read. */
  used(units: number, signal?: AbortSignal): Promise<void>;
}

/**
 * A pacer of `unitsPerSecond`. A page may overdraw the bucket, since its cost is known only afterwards; the next one
 * then waits until the debt is filled up.
 */
export function pacer(unitsPerSecond: number, clock: Clock): Pacer {
  let level = unitsPerSecond;
  let filledAt = clock.now();
  return {
    async used(units, signal) {
      const now = clock.now();
      level = Math.min(unitsPerSecond, level + ((now - filledAt) / 1000) * unitsPerSecond);
      filledAt = now;
      level -= units;
      if (level < 0) await clock.sleep(Math.ceil((-level / unitsPerSecond) * 1000), signal);
    },
  };
}
