import type { CallOptions } from "./calls.js";
import type { DriverStats } from "./driver.js";

export interface PutOptions extends CallOptions {
  /** When it expires, in milliseconds from now; default: the `ttlMs` of the cache. 0: never. Enforced whoever reads. */
  readonly ttlMs?: number | undefined;
}

export interface TaggedPutOptions extends PutOptions {
  /** Tags, by which `invalidate` drops it. */
  readonly tags?: readonly string[] | undefined;
}

export interface IncrOptions extends PutOptions {
  /** `touch` (default): each call sets the expiry anew; `create`: only the call that makes the counter, as for a fixed window. */
  readonly ttlMode?: "touch" | "create" | undefined;
}

export interface IncrManyOptions extends Omit<IncrOptions, "ttlMs"> {
  /** As for `incr`: one for all, or by key; a key that it does not name has that of the cache. */
  readonly ttlMs?: number | Readonly<Record<string, number>> | undefined;
}

/** `hits` and `misses` are those of this object's reads; `count`, `bytes` and `evictions` those of the store, where it can tell. */
export interface CacheStats extends DriverStats {
  readonly driver: string;
  readonly hits: number;
  readonly misses: number;
  readonly sets: number;
  readonly deletes: number;
}
