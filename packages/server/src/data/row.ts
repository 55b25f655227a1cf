// Fields of a request become a row or a key of the database.

import { badRequest, forbidden } from "../error-response.js";
import type { Field, Fields } from "../request/fields.js";
import { fromJson, fromText, type TextSource } from "./from-text.js";
import type { Row } from "./served-db.js";
import { columnNamed, type Caller, type Reach, type ServedColumn, type ServedTable } from "./served-table.js";

/** How fields are read: for whom, and how deep JSON in them may be nested. */
export interface ReadingRow {
  readonly table: ServedTable;
  readonly reach: Reach;
  readonly limits: { readonly maxJsonDepth: number };
}

/** The row that fields state; what admins set is for admins. */
export function rowOf({ table, reach, limits }: ReadingRow, fields: Fields): Row {
  const row: Row = {};
  for (const [name, field] of fields) {
    const column = columnNamed(table, name);
    refuseAdminColumn(table, name, reach);
    row[name] = valueOf(column, field, { name, maxJsonDepth: limits.maxJsonDepth });
  }
  return row;
}

function refuseAdminColumn(table: ServedTable, name: string, reach: Reach): void {
  if (reach !== "all" && table.adminSets.has(name)) throw forbidden(`${table.name}: column ${name} is set by admins only`, name);
}

const operations: ReadonlySet<string> = new Set(["set", "incr", "append", "prepend", "add", "del", "unset"]);

/**
 * The operations of `_ops` on the columns of a row, checked as the row is: what a caller may not set, they may not change in
 * another way either.
 */
export function operationsOf(table: ServedTable, row: Row, given: ReadonlyMap<string, string>, reach: Reach): Record<string, string> {
  const ops: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, op] of given) {
    const column = columnNamed(table, name);
    if (!operations.has(op)) throw badRequest(`_ops: unknown operation on ${name}; there are ${[...operations].join(", ")}`, "_ops");
    if (op !== "unset" && valueIn(row, name) === undefined) throw badRequest(`_ops names ${name}, which has no value in the request`, name);
    refuseAdminColumn(table, name, reach);
    if (reach !== "all" && name === table.owner && op !== "set") throw forbidden(`${table.name}: column ${name} stays as it is`, name);
    // How it fails, or what it takes, would tell what the column holds.
    if (column?.definition.secure && op !== "set" && op !== "unset")
      throw forbidden(`${table.name}: column ${name} is secure; it is set or unset as a whole`, name);
    ops[name] = op;
  }
  return ops;
}

/** The key that fields state: key columns, or the parts of joined ones. */
export function keyOf({ table, reach, limits }: ReadingRow, fields: Fields): Row {
  const key: Row = {};
  for (const [name, field] of fields) {
    const column = columnNamed(table, name);
    if (!table.keyNames.has(name))
      throw badRequest(`${table.name}: column ${name} is not part of the key; for update, incr and del conditions go in _where`, name);
    if (column?.definition.secure || (column?.definition.admin && reach !== "all"))
      throw forbidden(`${table.name}: column ${name} may not be asked for`, name);
    key[name] = valueOf(column, field, { name, maxJsonDepth: limits.maxJsonDepth });
  }
  return key;
}

/** Keys as `_keys` gives them: objects, or bare values where the key has one column. */
export function keysOf(reading: ReadingRow, keys: readonly unknown[]): Row[] {
  const { table } = reading;
  const [first, ...others] = table.key;
  return keys.map((key, i) => {
    if (typeof key === "object" && key !== null && !Array.isArray(key)) {
      return keyOf(reading, new Map(Object.entries(key).map(([name, json]): [string, Field] => [name, { json }])));
    }
    if (others.length > 0) throw badRequest(`_keys: item ${i} must be an object with ${table.key.join(", ")}`, "_keys");
    return keyOf(reading, new Map([[first!, typeof key === "string" ? { text: key } : { json: key }]]));
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

/** Whether the owner column is a column of the key. */
export function ownerIsInKey(table: ServedTable): boolean {
  return table.owner !== undefined && table.key.includes(table.owner);
}

/**
 * Fills the owner column with the caller's id; another id is refused unless an admin gives it.
 *
 * @param always  fill it for admins too
 */
export function withOwner(table: ServedTable, row: Row, caller: Caller, reach: Reach, always = false): Row {
  const { owner } = table;
  if (owner === undefined || (reach === "all" && !always)) return row;
  const given = valueIn(row, owner);
  if (given === undefined || (given === null && reach !== "all")) return { ...row, [owner]: caller.id };
  if (given !== caller.id && reach !== "all") throw forbidden(`${table.name}: column ${owner} must be the caller's own id`, owner);
  return row;
}
