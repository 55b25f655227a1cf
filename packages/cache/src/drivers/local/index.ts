import { integer, parseConnectUrl, readOptions } from "@bk/core";
import type { Capabilities, CacheDriver, DriverOptions } from "../../driver.js";
import { wrongOption } from "../../errors.js";
import { LocalStore } from "./store.js";

const types = { max: integer({ min: 1 }), maxBytes: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) };

/** How many entries are kept where nothing else is said. */
export const defaultMax = 100_000;

const capabilities: Capabilities = Object.freeze({
  scope: "process",
  peek: true,
  keys: true,
  lists: true,
  ttlStepMs: 1,
  locks: "engine",
  time: "store",
  maxValueBytes: undefined,
});

/**
 * A cache in the memory of this process: `local:`, of nobody but who opened it.
 *
 * Options: `max` entries (100,000) and `maxBytes` of keys and values (no limit); what was used longest ago makes room.
 *
 * @throws CacheError `invalid` naming the field for a wrong URL or option
 */
export async function localDriver({ url, options, clock }: DriverOptions): Promise<CacheDriver> {
  const wrong = wrongOption("local");
  const parsed = parseConnectUrl(url);
  if (parsed.hosts.length > 0 || parsed.path !== undefined) throw wrong("url", "the URL is local: alone");
  const { max = defaultMax, maxBytes } = readOptions({ ...parsed.options, ...options }, types, wrong);
  const store = new LocalStore({ max, maxBytes, clock });
  return {
    name: "local",
    capabilities: { ...capabilities, maxValueBytes: maxBytes },
    isReady: true,
    peek: (key) => store.peek(key),
    get: (key) => store.get(key),
    getMany: (keys) => keys.map((key) => store.get(key)),
    put: (key, value, ttlMs) => store.put(key, value, ttlMs),
    putMany: (entries, ttlMs) => {
      for (const [key, value] of entries) store.put(key, value, ttlMs);
    },
    del: (keys) => store.del(keys),
    apply: (key, operation) => store.apply(key, operation),
    async *keys(match) {
      yield [...store.keys(match)];
    },
    clear: (match) => store.clear(match),
    stats: () => store.stats(),
    close: async () => store.clear({ prefix: "", pattern: undefined }),
  };
}
