/** Collects what a handler is given, and says when there is enough. */
export interface Collector<T> {
  readonly items: T[];
  add(item: T): void;
  /** Resolves when `count` have come; the test's own time limit bounds it. */
  has(count: number): Promise<void>;
}

export function collector<T = unknown>(): Collector<T> {
  const items: T[] = [];
  let waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  return {
    items,
    add(item) {
      items.push(item);
      const due = waiting.filter(({ count }) => items.length >= count);
      waiting = waiting.filter(({ count }) => items.length < count);
      for (const { resolve } of due) resolve();
    },
    has: (count) => (items.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve }))),
  };
}

/** A promise that is settled from outside. */
export function gate(): { readonly promise: Promise<void>; open(): void } {
  let open!: () => void;
  const promise = new Promise<void>((resolve) => (open = resolve));
  return { promise, open };
}
