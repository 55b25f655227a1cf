// Answers that may come at once: a store in memory or in a mapped file costs no promise.

/** A value, or a promise of one. */
export type Awaitable<T> = T | Promise<T>;

/** What `next` makes of a value, at once where the value is there at once. */
export function after<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Repeats `step` until it gives a value. */
export function repeat<T>(step: () => Awaitable<T | undefined>): Awaitable<T> {
  for (;;) {
    const result = step();
    if (result instanceof Promise) return repeatLater(result, step);
    if (result !== undefined) return result;
  }
}

async function repeatLater<T>(first: Promise<T | undefined>, step: () => Awaitable<T | undefined>): Promise<T> {
  for (let result = await first; ; result = await step()) if (result !== undefined) return result;
}
