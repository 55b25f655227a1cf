// Counters of one pool, plain numbers that a caller may read at any time.

export interface PoolNumbers {
  /** Commands sent, groups counted by their members. */
  readonly calls: number;
  /** Requests that carried several calls. */
  readonly groups: number;
  /** Repeated attempts after a failure that did nothing. */
  readonly retries: number;
  /** Calls that ended in an error of the engine. */
  readonly errors: number;
}

export class PoolMetrics {
  calls = 0;
  groups = 0;
  retries = 0;
  errors = 0;

  read(): PoolNumbers {
    const { calls, groups, retries, errors } = this;
    return { calls, groups, retries, errors };
  }
}
