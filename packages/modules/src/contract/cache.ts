// What modules need of a cache; a `Cache` of @bk/cache has it.

export interface CacheLike {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown, options?: { readonly ttlMs?: number }): Promise<unknown>;
  del(key: string): Promise<unknown>;
  /** What was loaded once, until it is removed or expires. What is removed while it is loaded is not kept. */
  remember(key: string, load: () => unknown, options?: { readonly ttlMs?: number }): Promise<unknown>;
  limit(
    key: string,
    options: { readonly rate: number; readonly perMs?: number; readonly burst?: number },
  ): Promise<{ readonly allowed: boolean; readonly delayMs: number }>;
}
