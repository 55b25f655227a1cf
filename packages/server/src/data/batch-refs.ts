// Values in the items of an atomic batch that an earlier item makes: `{ "$ref": "0.id" }` is the column `id` of the row that item 0 wrote.

import { badRequest, HttpError } from "../error-response.js";
import type { Field } from "../request/fields.js";
import { isJsonColumn } from "./from-text.js";
import type { ServedTable } from "./served-table.js";

/** A column of the row that an earlier item wrote. */
export interface BatchRef {
  readonly item: number;
  readonly column: string;
}

/**
 * The values of an item that refer to earlier ones, by column. Columns that hold any JSON keep such a value as it is.
 *
 * @param at  the item's place in the batch
 * @throws HttpError 400 for what refers to no earlier item, or outside of an atomic batch
 */
export function refsIn(table: ServedTable, values: object, at: number, isAtomic: boolean): ReadonlyMap<string, BatchRef> | undefined {
  let refs: Map<string, BatchRef> | undefined;
  for (const [name, value] of Object.entries(values) as [string, unknown][]) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, "$ref") || isJsonColumn(table.columns.get(name))) continue;
    if (!isAtomic) throw badRequest(`${name.slice(0, 50)}: $ref is for batches with atomic: true`, name);
    const { $ref: given, ...others } = value as { readonly $ref: unknown };
    const parts = typeof given === "string" && Object.keys(others).length === 0 ? /^(\d{1,6})\.([A-Za-z]\w*)$/.exec(given) : null;
    if (parts === null) throw badRequest(`${name.slice(0, 50)}: $ref must be the number of an item and a column, such as "0.id"`, name);
    const item = Number(parts[1]);
    if (item >= at) throw badRequest(`${name.slice(0, 50)}: $ref must name an item before this one`, name);
    (refs ??= new Map()).set(name, { item, column: parts[2]! });
  }
  return refs;
}

/** Puts the values in the place of what refers to them. @param rows  of the items so far, as the caller sees them */
export function resolveRefs(
  fields: ReadonlyMap<string, Field>,
  refs: ReadonlyMap<string, BatchRef>,
  rows: readonly (Readonly<Record<string, unknown>> | undefined)[],
): ReadonlyMap<string, Field> {
  const resolved = new Map(fields);
  for (const [name, { item, column }] of refs) {
    const row = rows[item];
    if (row === undefined) throw new HttpError("condition-failed", `${name}: $ref names item ${item}, which wrote no row`, { field: name });
    if (!Object.hasOwn(row, column))
      throw badRequest(`${name}: the row of item ${item} has no column ${column} that this account sees`, name);
    // As the client would have it from the reply: times and numbers beyond JSON's are texts there.
    resolved.set(name, { json: JSON.parse(JSON.stringify(row[column])) as unknown });
  }
  return resolved;
}
