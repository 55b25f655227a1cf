// Counters of one pool, plain numbers that a caller may read at any time.

/** Rows that were read by key while the database has a cache. */
export interface CacheNumbers {
  /** From the cache. */
  hits: number;
  /** From the database, since the cache did not have them. */
  misses: number;
  /** From the database alone: the call asked for that, or the cache did not answer or could not be relied on. */
  bypassed: number;
}

export interface PoolNumbers {
  /** Commands sent, groups counted by their members. */
  readonly calls: number;
  /** Requests that carried several calls. */
  readonly groups: number;
  /** Repeated attempts after a failure that did nothing. */
  readonly retries: number;
  /** Calls that ended in an error of the engine. */
  readonly errors: number;
  /** Of rows of cached tables; absent where the database has no cache. */
  readonly cached?: Readonly<CacheNumbers>;
}

export class PoolMetrics {
  calls = 0;
  groups = 0;
  retries = 0;
  errors = 0;
  cached: CacheNumbers | undefined;

  read(): PoolNumbers {
    const { calls, groups, retries, errors, cached } = this;
    return { calls, groups, retries, errors, ...(cached === undefined ? {} : { cached: { ...cached } }) };
  }
}
