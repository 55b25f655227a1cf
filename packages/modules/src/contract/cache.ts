// What modules need of a cache; a `Cache` of @bk/cache has it.

export interface CacheLike {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown, options?: { readonly ttlMs?: number }): Promise<unknown>;
  /** Whether it was not there. */
  add(key: string, value: unknown, options?: { readonly ttlMs?: number }): Promise<boolean>;
  del(key: string): Promise<unknown>;
  /** What was loaded once, until it is removed or expires. What is removed while it is loaded is not kept. */
  remember(key: string, load: () => unknown, options?: { readonly ttlMs?: number }): Promise<unknown>;
  limit(
    key: string,
    options: { readonly rate: number; readonly perMs?: number; readonly burst?: number },
  ): Promise<{ readonly allowed: boolean; readonly delayMs: number }>;
}

/** All that a server's cache can do for whoever looks after it. */
export interface WholeCache extends CacheLike {
  /** @returns whether there was none, so that it was written */
  add(key: string, value: unknown, options?: { readonly ttlMs?: number }): Promise<boolean>;
  incr(key: string, by: number): Promise<number>;
  del(key: string | readonly string[]): Promise<unknown>;
  /** @param pattern  `*` any characters, `?` one, `\` before either takes it literally */
  keys(pattern?: string): AsyncIterable<string>;
  stats(): Promise<{
    readonly hits: number;
    readonly misses: number;
    readonly sets: number;
    readonly deletes: number;
    readonly count?: number;
    readonly bytes?: number;
    readonly raw?: object;
  }>;
}
