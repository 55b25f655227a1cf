import { BkError, systemClock } from "@bk/core";

/**
 * Waits for what others do, hooks and modules, and keeps the process alive meanwhile.
 *
 * @param late  the error when that takes longer. Default: BkError `timeout`, which says how long it was waited for
 */
export async function inTime<T>(
  doing: PromiseLike<T> | T,
  ms: number,
  late: () => Error = () => new BkError("timeout", `it took longer than ${ms} ms`),
): Promise<T> {
  const done = new AbortController();
  const end = systemClock.sleep(ms, done.signal).then(
    () => Promise.reject(late()),
    // It was done in time: nobody looks at this.
    () => undefined as never,
  );
  try {
    return await Promise.race([doing, end]);
  } finally {
    done.abort();
  }
}
