// Options that every call takes.

export interface CallOptions {
  /** Ends the waiting; the call rejects with `cancelled`, and a change may have been made all the same (`outcome`). */
  readonly signal?: AbortSignal | undefined;
  /** Longest time for the whole call in milliseconds, retries included; then `timeout`. Default: the pool's `timeoutMs`, else none. */
  readonly timeoutMs?: number | undefined;
  /** The pool to use instead of the table's own. */
  readonly pool?: string | undefined;
  /** False: the call is not sent together with others of the same tick. Default true. */
  readonly group?: boolean | undefined;
}
