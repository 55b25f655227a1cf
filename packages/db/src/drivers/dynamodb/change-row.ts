// Changes of one row that need to know the row first: read it, compute, write if it is still the same, else begin again.

import type { Reply, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Item } from "./attributes.js";
import type { Engine } from "./engine.js";
import type { Layout } from "./layout.js";
import { type Found, readRow } from "./read-row.js";
import { writeRows } from "./transact.js";

/** Rows that many change at once are tried so often, with growing random waits, before the caller gets an error. */
export const maxTries = 30;

/** What to do with a row as it is now: nothing but reply, or write `after` (undefined: delete) and then reply. */
export type Decision = { readonly reply: Reply } | { readonly after: Values | undefined; readonly reply: Reply };

/**
 * Changes one row and its claims on unique values in one transaction.
 *
 * @param isNew  there is probably no such row: it is not read before the first try
 */
export async function changeRow(
  engine: Engine,
  layout: Layout,
  key: Item,
  decide: (before: Found | undefined) => Decision,
  signal: AbortSignal | undefined,
  isNew = false,
): Promise<Reply> {
  for (let tries = 1; tries <= maxTries; tries++) {
    const before = isNew && tries === 1 ? undefined : await readRow(engine, layout, key, signal);
    const decision = decide(before);
    if (!("after" in decision)) return decision.reply;
    const write = { layout, key, before: before?.row, version: before?.version ?? null, item: before?.item, after: decision.after };
    if (await writeRows(engine, [write], signal)) return decision.reply;
    await pause(engine, tries, signal);
  }
  throw contended(layout);
}

/** Waits a random time before a row that others have changed is tried again. */
export function pause(engine: Engine, tries: number, signal: AbortSignal | undefined): Promise<void> {
  return engine.clock.sleep(engine.clock.random() * Math.min(500, 5 * 2 ** tries), signal);
}

export function contended({ table }: Layout): DbError {
  return new DbError("limited", "others keep changing the row", { table: table.name });
}
