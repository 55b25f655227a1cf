// After a write: what the cache has of its rows is made void before the write's caller hears of it. Where the cache does
// not acknowledge that, the rows are in doubt: this database does not read them from it until it has.

import { BkError, type Log, onAbort } from "@bk/core";

import type { Limits } from "../execute/deadline.js";
import type { CacheStore } from "./cache-store.js";
import { type Doubt, type ForgottenTable, type SomeRows, Touched } from "./cached-rows.js";

/** Rows of one table that one write has touched. */
interface Part {
  readonly table: ForgottenTable;
  readonly rows: SomeRows;
}

/** What is special about work. */
interface Settling<T> {
  /** Nobody has seen anything of it when it fails with the outcome `none`, or with an error of the app's own: a transaction. */
  readonly isUnseen?: boolean;
  /** Whether all that it did is known from its result; default: it is. */
  readonly isCertain?: (result: T) => boolean;
}

export class Forgetter {
  readonly #store: CacheStore;
  readonly #log: Log;
  /** Those with rows in doubt. */
  readonly #doubtful = new Set<ForgottenTable>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(store: CacheStore, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * Runs work that writes, and forgets what it touched when it has ended. How the work ended stays as it is, whatever
   * becomes of the cache. Work that failed is no exception: some of it may have been done, or done and undone.
   *
   * @param limits  of the whole call: when they end the waiting for the cache does too
   */
  async after<T>(limits: Limits | undefined, work: (touched: Touched) => Promise<T> | T, how: Settling<T> = {}): Promise<T> {
    const touched = new Touched();
    const startedAt = performance.now();
    let result: T;
    try {
      result = await work(touched);
    } catch (error) {
      const outcome = error instanceof BkError ? error.outcome : how.isUnseen === true ? "none" : "unknown";
      if (outcome !== "none" || how.isUnseen !== true) await this.#forget(touched, outcome !== "unknown", limits, startedAt);
      throw error;
    }
    await this.#forget(touched, how.isCertain?.(result) ?? true, limits, startedAt);
    return result;
  }

  /** Forgets rows. @returns whether the cache has acknowledged it */
  async forget(touched: Touched): Promise<boolean> {
    await this.#forget(touched, true, undefined, 0);
    return [...touched.tables].every(([table]) => table.doubts.isEmpty);
  }

  async #forget(touched: Touched, isCertain: boolean, limits: Limits | undefined, startedAt: number): Promise<void> {
    if (touched.tables.size === 0) return;
    const doubt: Doubt = { isCertain };
    const parts = [...touched.tables].map(([table, rows]): Part => ({ table, rows }));
    for (const { table, rows } of parts) {
      table.overtake(rows);
      table.doubts.add(rows, doubt);
      this.#doubtful.add(table);
    }
    // Nobody waits again and again for a cache that does not answer.
    if (this.#store.isAway) return this.#later();
    await waitFor(this.#send(parts, doubt), limits, startedAt);
  }

  async #send(parts: readonly Part[], doubt: Doubt): Promise<void> {
    const marks = parts.flatMap(({ table, rows }) => (rows === "all" ? [table.tableMark] : Array.from(rows, (row) => table.markOf(row))));
    const isDone = await this.#store.dropMarks(marks, doubt.isCertain);
    for (const { table, rows } of parts) {
      if (isDone) table.doubts.remove(rows, doubt);
      if (table.doubts.isEmpty) this.#doubtful.delete(table);
    }
    if (!isDone) this.#later();
  }

  #later(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#sendLeft();
    }, this.#store.awayMs);
    this.#timer.unref?.();
  }

  async #sendLeft(): Promise<void> {
    const byDoubt = new Map<Doubt, Part[]>();
    for (const table of this.#doubtful)
      for (const [doubt, rowSets] of table.doubts.left())
        for (const rows of rowSets) {
          const parts = byDoubt.get(doubt);
          if (parts === undefined) byDoubt.set(doubt, [{ table, rows }]);
          else parts.push({ table, rows });
        }
    for (const certainty of [true, false]) {
      const some = [...byDoubt].filter(([{ isCertain }]) => isCertain === certainty);
      await Promise.all(some.map(([doubt, parts]) => this.#send(parts, doubt)));
    }
  }

  /** Tries once more to forget what is in doubt; says so where that fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#store.idle();
    if (this.#doubtful.size === 0) return;
    await this.#sendLeft();
    if (this.#doubtful.size > 0)
      this.#log.warn("the cache of rows did not acknowledge what was written last; others may read older rows until they expire there");
  }
}

/** Waits, but no longer than the call may take: what it did is done. */
function waitFor(work: Promise<void>, limits: Limits | undefined, startedAt: number): Promise<void> {
  const { signal, timeoutMs } = limits ?? {};
  if (signal === undefined && timeoutMs === undefined) return work;
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, Math.max(0, timeoutMs - (performance.now() - startedAt)));
    const stopListening = signal === undefined ? undefined : onAbort(signal, resolve);
    void work.then(() => {
      clearTimeout(timer);
      stopListening?.();
      resolve();
    });
  });
}
