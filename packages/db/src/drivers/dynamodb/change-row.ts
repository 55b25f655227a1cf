// Changes of one row that need to know the row first: read it, compute, write if it is still the same, else begin again.

import type { Reply, Values } from "../../driver.js";
import { deepEqual } from "../../schema/deep-equal.js";
import { DbError } from "../../errors.js";
import type { Item } from "./attributes.js";
import { noRows } from "./command.js";
import type { Engine } from "./engine.js";
import type { ConditionInput } from "./guard.js";
import { type Layout, rowOf } from "./layout.js";
import { readRow } from "./read-row.js";
import { writeRows } from "./transact.js";

/** Rows that many change at once are tried so often, with growing random waits, before the caller is told. */
export const maxTries = 30;

/** What to do with a row as it is now: nothing but reply, or write `after` (undefined: delete) and then reply. */
export type Decision =
  | { readonly reply: Reply }
  | { readonly after: Values | undefined; readonly guard?: ConditionInput | undefined; readonly reply: Reply };

/**
 * Changes one row and its claims on unique values in one transaction. Affected 0 when the guard does not hold.
 *
 * @param isNew  there is probably no such row: it is not read before the first try
 */
export async function changeRow(
  engine: Engine,
  layout: Layout,
  key: Item,
  decide: (before: Values | undefined) => Decision,
  signal: AbortSignal | undefined,
  isNew = false,
): Promise<Reply> {
  for (let tries = 1; tries <= maxTries; tries++) {
    const before = isNew && tries === 1 ? undefined : await readRow(engine, layout, key, signal);
    const decision = decide(before);
    if (!("after" in decision)) return decision.reply;
    const { after, guard, reply } = decision;
    const result = await writeRows(engine, [{ layout, key, before, after, guard }], signal);
    if (result.kind === "done") return reply;
    if (guard !== undefined && isSameRow(layout, before, result.item)) return noRows;
    await pause(engine, tries, signal);
  }
  throw contended(layout);
}

export function isSameRow({ table }: Layout, before: Values | undefined, item: Item | undefined): boolean {
  return before !== undefined && item !== undefined && deepEqual(before, rowOf(table.columns, item));
}

/** Waits a random time before a row that others have changed is tried again. */
export function pause(engine: Engine, tries: number, signal: AbortSignal | undefined): Promise<void> {
  return engine.clock.sleep(engine.clock.random() * Math.min(500, 5 * 2 ** tries), signal);
}

export function contended({ table }: Layout): DbError {
  return new DbError("limited", "others keep changing the row", { table: table.name });
}
