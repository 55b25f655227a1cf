// One winner for each tick: a place in a store that all schedulers share, taken before the work and kept when it is done.

/** The store. A `Cache` of `@bk/cache` is one. */
export interface Claims {
  /** Writes a value if there is none, and says whether it did. */
  add(key: string, value: string, options: { readonly ttlMs: number }): Promise<boolean>;
  get(key: string): Promise<unknown>;
  put(key: string, value: string, options: { readonly ttlMs: number }): Promise<unknown>;
  del(key: string): Promise<unknown>;
}

/** What has expired is removed once in so many writes. */
const sweepEvery = 1_000;

/** Claims of one process: two schedules of it do not run a tick twice, those of other processes do. */
export function processClaims(now: () => number): Claims {
  const kept = new Map<string, { readonly value: string; readonly ends: number }>();
  let writes = 0;
  const read = (key: string): string | undefined => {
    const found = kept.get(key);
    if (found === undefined) return undefined;
    if (found.ends > now()) return found.value;
    kept.delete(key);
    return undefined;
  };
  const write = (key: string, value: string, ttlMs: number): void => {
    if (++writes % sweepEvery === 0) for (const other of kept.keys()) read(other);
    kept.set(key, { value, ends: ttlMs === 0 ? Infinity : now() + ttlMs });
  };
  return {
    async add(key, value, { ttlMs }) {
      if (read(key) !== undefined) return false;
      write(key, value, ttlMs);
      return true;
    },
    get: async (key) => read(key),
    put: async (key, value, { ttlMs }) => write(key, value, ttlMs),
    del: async (key) => kept.delete(key),
  };
}
