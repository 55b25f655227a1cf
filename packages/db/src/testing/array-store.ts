import type { KvStore } from "../engines/kv/store.js";
import { kvStoreOver, type OrderedMap } from "../engines/kv/ordered-map.js";
import { compareText } from "../schema/compare.js";

/** An ordered map in a plain one, sorted as it is read: the contract at its shortest. It answers at once. */
export function arrayMap(): OrderedMap {
  const values = new Map<string, string>();
  return {
    getMany: (keys) => keys.map((key) => values.get(key)),
    range({ from, to, descending, limit }) {
      const pairs = [...values].filter(([key]) => compareText(key, from) >= 0 && compareText(key, to) < 0);
      pairs.sort(([a], [b]) => (descending ? compareText(b, a) : compareText(a, b)));
      return pairs.slice(0, limit);
    },
    apply(checks, puts, deletes) {
      if (!checks.every(([key, value]) => values.get(key) === value)) return false;
      for (const key of deletes) values.delete(key);
      for (const [key, value] of puts) values.set(key, value);
      return true;
    },
    close: () => undefined,
  };
}

export function arrayStore(): KvStore {
  return kvStoreOver(arrayMap());
}
