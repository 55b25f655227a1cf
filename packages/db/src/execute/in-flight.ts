/**
 * Counts the calls that are under way, for whoever waits for their end.
 *
 * A set of their promises would do, but its old tables, which the engine keeps until the next full collection, would keep
 * the results of all calls since the last one.
 */
export class InFlight {
  #count = 0;
  #idle: (() => void)[] = [];

  begin(): void {
    this.#count++;
  }

  /** Once for each `begin`. */
  readonly end = (): void => {
    if (--this.#count > 0 || this.#idle.length === 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  };

  /** Counts a call until its promise is settled. */
  track<T>(work: Promise<T>): Promise<T> {
    this.begin();
    work.then(this.end, this.end);
    return work;
  }

  /** Waits until none is under way, those included that begin meanwhile. */
  async whenIdle(): Promise<void> {
    while (this.#count > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}
