// A store out of one in which nothing larger than a row is atomic: databases of documents, each with a version. Writes of
// several rows, checks of others and unique texts are not to be had of it: no transactions, and the core claims unique values.

import { after, type Awaitable, repeat } from "./at-once.js";
import type { KvChange, KvExpectation, KvResult, KvRowExpectation, KvRowOutcome, KvRowStore, KvStore } from "./store.js";

/** Makes a store of a row store. */
export function kvStoreByRow(rows: KvRowStore): KvStore {
  const { count } = rows;
  return {
    get: (table, keys, signal) => after(rows.read(table, keys, signal), (found) => found.map((row) => row?.value)),
    range: (table, range, page, signal) => rows.range(table, range, page, signal),
    write: (changes, checks, signal) => {
      const [change] = changes;
      if (change === undefined || changes.length > 1 || checks.length > 0) throw new Error("a row store writes one row at a time");
      return writeOne(rows, change, signal);
    },
    ...(count === undefined ? {} : { count: (table, range, signal) => count.call(rows, table, range, signal) }),
    byRow: rows,
    close: () => rows.close(),
  };
}

const done: KvResult = Object.freeze({ kind: "done" });
const conflict: KvResult = Object.freeze({ kind: "conflict", change: 0 });

function writeOne(rows: KvRowStore, change: KvChange, signal: AbortSignal | undefined): Awaitable<KvResult> {
  const { expect } = change;
  const write = (own: KvRowExpectation | undefined): Awaitable<boolean> =>
    after(rows.write([{ ...change, expect: own }], signal), ([outcome]) => isDone(outcome!));
  if (!isByValue(expect)) return after(write(expect), (isWritten) => (isWritten ? done : conflict));
  return repeat(() =>
    after(rows.read(change.table, [change.key], signal), ([found]): Awaitable<KvResult | undefined> => {
      if (found?.value !== expect.value) return conflict;
      // Somebody who was faster may have written the same value.
      return after(write({ version: found.version }), (isWritten) => (isWritten ? done : undefined));
    }),
  );
}

function isByValue(expect: KvExpectation | undefined): expect is { readonly value: string } {
  return typeof expect === "object";
}

/** Whether a write was done; false for a conflict. Throws the error that came in its place. */
export function isDone(outcome: KvRowOutcome): boolean {
  if (typeof outcome === "object") throw outcome.error;
  return outcome === "done";
}
