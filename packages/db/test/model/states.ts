// What a database holds, and what its calls gave, in a form that can be compared.

import type { AnyDb, AnyRow } from "../../src/testing/any-db.js";
import { show } from "./agree.js";

/** What a step gave: an answer, or the code of the error. */
export type Answer = { readonly value: unknown } | { readonly code: string; readonly message: string };

export function sortedByText(rows: readonly AnyRow[]): AnyRow[] {
  const keyed = rows.map((row) => ({ row, key: show(row) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ row }) => row);
}

/** Every row of a table, as a set. */
export async function stateOf(db: AnyDb, table: string): Promise<AnyRow[]> {
  const rows: AnyRow[] = [];
  for await (const page of db.scan(table, {}).pages()) rows.push(...page);
  return sortedByText(rows);
}
