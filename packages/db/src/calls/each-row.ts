// Writes of many rows, one by one, where the engine has no command for them: the keys first, so that a changed row is not
// met again, then the rows, several at the same time.

import type { Values } from "../driver.js";
import { DbError } from "../errors.js";
import type { Condition } from "../reference/condition.js";
import type { BoundTable } from "./bound-table.js";
import type { CallContext } from "./context.js";
import { fetchedBy, storedRows } from "./page.js";
import { plannedQuery } from "./query.js";

/** Rows that are written at the same time. */
const defaultConcurrency = 32;

/**
 * Writes every row that a condition matches; gives how many were.
 *
 * @param write  asks the condition again: the row may have changed since it was found
 * @throws the first error, when the writes that were begun have ended; its `outcome` is `some` when rows were written
 */
export async function eachRow(
  bound: BoundTable,
  context: CallContext,
  condition: Condition,
  values: readonly unknown[],
  write: (storedKey: Values) => { affected: number } | Promise<{ affected: number }>,
): Promise<{ affected: number }> {
  const { table } = bound;
  // Rows that were just acknowledged are among those that are meant.
  const query = plannedQuery(bound, context, condition, values, { columns: table.key, consistent: canBeConsistent(bound) });
  const keys: Values[] = [];
  if (!query.never) {
    const columns = fetchedBy(query);
    const places = table.key.map((column) => columns.indexOf(column));
    for await (const rows of storedRows(query, context)) for (const row of rows) keys.push(places.map((place) => row[place]!));
  }
  return { affected: await eachOf(context, keys, write) };
}

/** Index reads of some engines cannot be asked to see every write. */
export function canBeConsistent({ pool }: BoundTable): boolean {
  return pool.capabilities.sees.index !== "late";
}

/** Writes several at the same time; waits for those that were begun before it rejects. */
export async function eachOf<T>(
  context: CallContext,
  items: readonly T[],
  write: (item: T) => { affected: number } | Promise<{ affected: number }>,
  concurrency = defaultConcurrency,
): Promise<number> {
  let affected = 0;
  const writeOne = async (item: T): Promise<void> => {
    const result = await write(item);
    affected += result.affected;
    if (context.deadline !== undefined) context.deadline.affected += result.affected;
  };
  for (let i = 0; i < items.length; i += concurrency) {
    const results = await Promise.allSettled(items.slice(i, i + concurrency).map(writeOne));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw partlyDone(failed.reason, affected);
  }
  return affected;
}

/** An error of a call on many rows, of which some were written. */
export function partlyDone(error: unknown, affected: number): unknown {
  if (affected === 0 || !(error instanceof DbError)) return error;
  const { code, message, detail, cause, column, table, op, driver, key } = error;
  return new DbError(code, message, {
    outcome: "some",
    detail: { ...detail, affected },
    cause,
    key,
    ...(column === undefined ? {} : { column }),
    ...(table === undefined ? {} : { table }),
    ...(op === undefined ? {} : { op }),
    ...(driver === undefined ? {} : { driver }),
  });
}
