// The time limits of many calls at once: a timer for each length of time, not for each call.

interface Bucket<T> {
  /** In the order of their time, as all have the same length. */
  readonly due: Map<T, number>;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class Deadlines<T> {
  readonly #buckets = new Map<number, Bucket<T>>();
  readonly #late: (item: T) => void;

  /** @param late  called for each item whose time is over */
  constructor(late: (item: T) => void) {
    this.#late = late;
  }

  add(item: T, ms: number): void {
    let bucket = this.#buckets.get(ms);
    if (bucket === undefined) this.#buckets.set(ms, (bucket = { due: new Map(), timer: undefined }));
    bucket.due.set(item, performance.now() + ms);
    bucket.timer ??= this.#timer(ms, ms);
  }

  remove(item: T, ms: number): void {
    this.#buckets.get(ms)?.due.delete(item);
  }

  clear(): void {
    for (const { timer } of this.#buckets.values()) clearTimeout(timer);
    this.#buckets.clear();
  }

  #timer(ms: number, wait: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#check(ms), wait);
    // What is waited for keeps the process alive, not the limit of the waiting.
    timer.unref?.();
    return timer;
  }

  #check(ms: number): void {
    const bucket = this.#buckets.get(ms);
    if (bucket === undefined) return;
    const now = performance.now();
    for (const [item, at] of bucket.due) {
      if (at > now) {
        bucket.timer = this.#timer(ms, at - now);
        return;
      }
      bucket.due.delete(item);
      this.#late(item);
    }
    this.#buckets.delete(ms);
  }
}
