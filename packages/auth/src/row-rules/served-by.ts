// Whether the rows of a rule are found by the key or an index of their table: else a read of them without a filter is a read of
// the whole table, which engines with keys alone refuse.

import type { ColumnDefinition } from "@bk/db";

import { conjuncts, type Filter } from "./condition.js";

const groupForm = /^(primary|index\d?|unique\d?)$/;

/** The first columns of the key, the indexes and the unique groups. */
function leadingColumns(columns: Readonly<Record<string, ColumnDefinition>>): ReadonlySet<string> {
  const groups = new Map<string, { readonly name: string; readonly place: number }>();
  for (const [name, definition] of Object.entries(columns))
    for (const [property, place] of Object.entries(definition)) {
      if (!groupForm.test(property) || typeof place !== "number") continue;
      const first = groups.get(property);
      if (first === undefined || place < first.place) groups.set(property, { name, place });
    }
  return new Set([...groups.values()].map(({ name }) => name));
}

/** Whether a filter bounds the first column of the key or of an index to one value. */
export function isServed(columns: Readonly<Record<string, ColumnDefinition>>, filter: Filter): boolean {
  const leading = leadingColumns(columns);
  return conjuncts(filter).some((condition) => {
    const [name, value] = Object.entries(condition)[0]!;
    return leading.has(name) && (typeof value !== "object" || value instanceof Date);
  });
}
