// Fields of a request become a row or a key of the database.

import { isDeepStrictEqual } from "node:util";

import type { ColumnSet } from "@bk/auth/row-rules";

import { badRequest, forbidden } from "../error-response.js";
import type { Field, Fields } from "../request/fields.js";
import { fromJson, fromText, type TextSource } from "./from-text.js";
import type { Row } from "./served-db.js";
import { columnNamed, isIn, type ServedColumn, type ServedTable } from "./served-table.js";

/** How fields are read, and how deep JSON in them may be nested. */
export interface ReadingRow {
  readonly table: ServedTable;
  readonly limits: { readonly maxJsonDepth: number };
}

/** The row that fields state. */
export function rowOf({ table, limits }: ReadingRow, fields: Fields): Row {
  const row: Row = {};
  for (const [name, field] of fields) row[name] = valueOf(columnNamed(table, name), field, { name, maxJsonDepth: limits.maxJsonDepth });
  return row;
}

const operations: ReadonlySet<string> = new Set(["set", "incr", "append", "prepend", "add", "del", "unset"]);

/**
 * The operations of `_ops` on the columns of a row.
 *
 * @param seen   the columns that are read of the rows: others are set or unset as a whole
 * @param stays  columns that hold what they hold
 */
export function operationsOf(
  table: ServedTable,
  row: Row,
  given: ReadonlyMap<string, string>,
  seen: ColumnSet,
  stays: ReadonlyMap<string, unknown>,
): Record<string, string> {
  const ops: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, op] of given) {
    columnNamed(table, name);
    if (!operations.has(op)) throw badRequest(`_ops: unknown operation on ${name}; there are ${[...operations].join(", ")}`, "_ops");
    if (op !== "unset" && valueIn(row, name) === undefined) throw badRequest(`_ops names ${name}, which has no value in the request`, name);
    if (op !== "set" && stays.has(name)) throw forbidden(`${table.name}: column ${name} stays as it is`, name);
    if (op !== "set" && op !== "unset") requireTold(table, seen, name, "it is set or unset as a whole");
    ops[name] = op;
  }
  return ops;
}

/** Refuses to compute with a column that is not read: how it fails, or what it takes, would tell what the column holds. */
export function requireTold(table: ServedTable, seen: ColumnSet, name: string, instead: string): void {
  if (isIn(seen, table, name)) return;
  const what = table.columns.get(name)?.definition.secure ? "is secure" : "is not read by this account";
  throw forbidden(`${table.name}: column ${name} ${what}; ${instead}`, name);
}

/**
 * The key that fields state: key columns, or the parts of joined ones.
 *
 * @param seen  the columns that the caller reads of some row: key columns for admins are named by those who do
 */
export function keyOf({ table, limits }: ReadingRow, seen: ColumnSet, fields: Fields): Row {
  const key: Row = {};
  for (const [name, field] of fields) {
    const column = columnNamed(table, name);
    if (!table.keyNames.has(name))
      throw badRequest(`${table.name}: column ${name} is not part of the key; for update, incr and del conditions go in _where`, name);
    if (column?.definition.secure || (column?.definition.admin && !seen.names.has(name)))
      throw forbidden(`${table.name}: column ${name} may not be asked for`, name);
    key[name] = valueOf(column, field, { name, maxJsonDepth: limits.maxJsonDepth });
  }
  return key;
}

/** Keys as `_keys` gives them: objects, or bare values where the key has one column. */
export function keysOf(reading: ReadingRow, seen: ColumnSet, keys: readonly unknown[]): Row[] {
  const { table } = reading;
  const [first, ...others] = table.key;
  return keys.map((key, i) => {
    if (typeof key === "object" && key !== null && !Array.isArray(key)) {
      return keyOf(reading, seen, new Map(Object.entries(key).map(([name, json]): [string, Field] => [name, { json }])));
    }
    if (others.length > 0) throw badRequest(`_keys: item ${i} must be an object with ${table.key.join(", ")}`, "_keys");
    return keyOf(reading, seen, new Map([[first!, typeof key === "string" ? { text: key } : { json: key }]]));
  });
}

function valueOf(column: ServedColumn | undefined, field: Field, source: TextSource): unknown {
  if ("json" in field) return fromJson(column, field.json, source);
  const { text } = field;
  if (typeof text === "string") return fromText(column, text, source);
  if (column?.type !== "list" && column?.type !== "set")
    throw badRequest(`${source.name.slice(0, 80)} is given more than once`, source.name);
  const { of } = column.definition;
  return of === undefined || of === "text" ? text : text.map((part) => fromText({ ...column, type: of }, part, source));
}

/** A row's value of a column, and not what every object has by that name. */
export function valueIn(row: Row, name: string): unknown {
  return Object.hasOwn(row, name) ? row[name] : undefined;
}

/** What a row says of its key: the database makes the same key of it as it made for the row. */
export function keyIn(table: ServedTable, row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([name, value]) => table.keyNames.has(name) && value !== undefined));
}

/**
 * A row with the values that its columns must have, or get where they have none.
 *
 * @param fixed  the values that they must have
 * @param fill   those that new rows get; undefined: what is left out stays left out
 * @throws HttpError 403 for another value
 */
export function withValues({ name }: ServedTable, row: Row, fixed: ReadonlyMap<string, unknown>, fill?: ReadonlyMap<string, unknown>): Row {
  let complete = row;
  for (const [column, value] of fixed) {
    const given = valueIn(row, column);
    if (given === undefined && fill === undefined) continue;
    if (given === undefined || given === null) complete = { ...complete, [column]: value };
    else if (!isDeepStrictEqual(given, value))
      throw forbidden(`${name}: column ${column} has another value than this account may give it; leave it out`, column);
  }
  for (const [column, value] of fill ?? [])
    if (!fixed.has(column) && valueIn(row, column) === undefined) complete = { ...complete, [column]: value };
  return complete;
}
