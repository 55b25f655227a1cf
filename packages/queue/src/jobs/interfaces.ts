// What jobs use of other packages, as little as it is.

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
