// What jobs and cron use of other packages, as little as it is.

/** A lock that is held, as `lock` of @bk/cache gives it. */
export interface LockLike {
  /** Aborts when the lock is lost. */
  readonly signal: AbortSignal;
  release(): Promise<unknown>;
}

/** Locks: any cache of @bk/cache. */
export interface LocksLike {
  /** @returns null when somebody else holds it */
  lock(key: string, options: { readonly ttlMs: number; readonly renew: boolean }): Promise<LockLike | null>;
}

/** A bus between processes: any one of `openPubSub`. */
export interface BusLike {
  publish(channel: string, data: unknown): Promise<unknown>;
  subscribe(channel: string, handler: (data: unknown) => unknown): Promise<{ close(): Promise<unknown> }>;
}

/** Where the winner of a tick is found: any cache of @bk/cache that all schedulers reach. */
export interface ClaimsLike {
  /** @returns whether it was not there before */
  add(key: string, value: unknown, options: { readonly ttlMs: number }): Promise<boolean>;
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown, options: { readonly ttlMs: number }): Promise<unknown>;
}
