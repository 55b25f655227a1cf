import type { CallOptions } from "./calls.js";
import type { CacheCore } from "./core.js";
import type { Call } from "./driver.js";
import { callersKey, keyMatcher } from "./keys.js";

/** The keys of values that match, each once. The driver has `keys`. */
export async function* listKeys(
  { driver, calls, prefix }: CacheCore,
  pattern: string | undefined,
  options: CallOptions | undefined,
): AsyncIterableIterator<string> {
  const match = { prefix, pattern };
  const matches = keyMatcher(match);
  const seen = new Set<string>();
  const call: Call = { isGone: false, isSent: false };
  const lists = driver.keys!(match, call)[Symbol.asyncIterator]();
  try {
    for (;;) {
      // Each list is a call of its own in time.
      const next = await calls.run("keys", true, options, () => lists.next());
      if (next.done === true) return;
      for (const stored of next.value) {
        const key = callersKey(prefix, stored);
        if (key === undefined || seen.has(key) || !matches(stored)) continue;
        seen.add(key);
        yield key;
      }
    }
  } finally {
    call.isGone = true;
  }
}
