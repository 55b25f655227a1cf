// How long a process that ended is waited for before the next one takes its place.

/** Times in milliseconds. */
export interface ThrottleOptions {
  /** Before the first restart after a crash; default 1,000. */
  readonly firstMs?: number;
  /** The longest time; default 60,000. */
  readonly longestMs?: number;
  /** A process that ran this long was healthy: the next crash is the first again. Default 60,000. */
  readonly healthyMs?: number;
  /** So many crashes in `windowMs` mean that restarting does not help; default 0: never. */
  readonly maxRestarts?: number;
  /** Default 600,000. */
  readonly windowMs?: number;
}

/** One for each slot: a process that crashes again and again delays no other. */
export class Throttle {
  readonly #options: Required<ThrottleOptions>;
  #nextMs: number;
  #crashes: number[] = [];

  constructor({ firstMs = 1000, longestMs = 60_000, healthyMs = 60_000, maxRestarts = 0, windowMs = 600_000 }: ThrottleOptions = {}) {
    this.#options = { firstMs, longestMs, healthyMs, maxRestarts, windowMs };
    this.#nextMs = firstMs;
  }

  /**
   * A process ended that should not have.
   *
   * @param ranMs  how long it ran
   * @returns  how long to wait, in milliseconds; undefined: give up
   */
  crashed(now: number, ranMs: number): number | undefined {
    const { firstMs, longestMs, healthyMs, maxRestarts, windowMs } = this.#options;
    this.#crashes = [...this.#crashes.filter((time) => now - time < windowMs), now];
    if (maxRestarts > 0 && this.#crashes.length > maxRestarts) return undefined;
    if (ranMs >= healthyMs) this.#nextMs = firstMs;
    const wait = this.#nextMs;
    this.#nextMs = Math.min(longestMs, wait * 2);
    return wait;
  }
}
