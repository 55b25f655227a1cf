// What jobs use of other packages, as little as it is.

/** A lock that is held, as `lock` of @bk/cache gives it. */
export interface LockLike {
  /** Aborts when the lock is lost. */
  readonly signal: AbortSignal;
  release(): Promise<unknown>;
}

/** Locks: any cache of @bk/cache. With the members that are optional, what is cancelled is noted for workers that are cut off from the bus. */
export interface LocksLike {
  /** @returns null when somebody else holds it */
  lock(key: string, options: { readonly ttlMs: number; readonly renew: boolean }): Promise<LockLike | null>;
  incr?(key: string, by: number, options: { readonly ttlMs: number }): Promise<number>;
  put?(key: string, value: unknown, options: { readonly ttlMs: number }): Promise<unknown>;
  get?(key: string): Promise<unknown>;
  getMany?(keys: readonly string[]): Promise<unknown[]>;
}

/** A bus between processes: any one of `openPubSub`. */
export interface BusLike {
  publish(channel: string, data: unknown): Promise<unknown>;
  /** @param options.onMissed  called when messages may have been missed */
  subscribe(
    channel: string,
    handler: (data: unknown) => unknown,
    options?: { readonly onMissed?: () => void },
  ): Promise<{ close(): Promise<unknown> }>;
}
