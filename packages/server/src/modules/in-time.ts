import { setTimeout as sleep } from "node:timers/promises";

import { BkError } from "@bk/core";

/**
 * Waits for what a module does, and keeps the process alive meanwhile.
 *
 * @throws BkError `timeout`
 */
export async function inTime<T>(doing: Promise<T> | T, ms: number): Promise<T> {
  const done = new AbortController();
  const timer = sleep(ms, undefined, { signal: done.signal }).then(
    () => {
      throw new BkError("timeout", `it took longer than ${ms} ms`);
    },
    // It was done in time: nobody looks at this.
    () => undefined as never,
  );
  try {
    return await Promise.race([doing, timer]);
  } finally {
    done.abort();
  }
}
