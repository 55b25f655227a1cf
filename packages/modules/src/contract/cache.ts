// What modules need of a cache; a `Cache` of @bk/cache has it.

export interface CacheLike {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown, options?: { readonly ttlMs?: number }): Promise<unknown>;
  del(key: string): Promise<unknown>;
  limit(
    key: string,
    options: { readonly rate: number; readonly perMs?: number; readonly burst?: number },
  ): Promise<{ readonly allowed: boolean; readonly delayMs: number }>;
}
