// Fields of a request become a row or a key of the database.

import { badRequest, forbidden } from "../error-response.js";
import type { Field, Fields } from "../request/fields.js";
import { fromJson, fromText } from "./from-text.js";
import type { Row } from "./served-db.js";
import { columnNamed, type Caller, type Reach, type ServedColumn, type ServedTable } from "./served-table.js";

/** The row that fields state; `admin` columns are for admins. */
export function rowOf(table: ServedTable, fields: Fields, reach: Reach): Row {
  const row: Row = {};
  for (const [name, field] of fields) {
    const column = columnNamed(table, name);
    if (column?.definition.admin === true && reach !== "all") throw forbidden(`${table.name}: column ${name} is set by admins only`);
    row[name] = valueOf(column, field, name);
  }
  return row;
}

/** The key that fields state: key columns, or the parts of joined ones. The database refuses any other. */
export function keyOf(table: ServedTable, fields: Fields): Row {
  const key: Row = {};
  for (const [name, field] of fields) {
    const column = columnNamed(table, name);
    if (column?.definition.secure === true) throw forbidden(`${table.name}: column ${name} may not be asked for`);
    key[name] = valueOf(column, field, name);
  }
  return key;
}

/** Keys as `_keys` gives them: objects, or bare values where the key has one column. */
export function keysOf(table: ServedTable, keys: readonly unknown[]): Row[] {
  const [first, ...others] = table.key;
  return keys.map((key, i) => {
    if (typeof key === "object" && key !== null && !Array.isArray(key)) {
      return keyOf(table, new Map(Object.entries(key).map(([name, json]): [string, Field] => [name, { json }])));
    }
    if (others.length > 0) throw badRequest(`_keys: item ${i} must be an object with ${table.key.join(", ")}`);
    return keyOf(table, new Map([[first!, typeof key === "string" ? { text: key } : { json: key }]]));
  });
}

function valueOf(column: ServedColumn | undefined, field: Field, name: string): unknown {
  if ("json" in field) return fromJson(column, field.json, name);
  const { text } = field;
  if (typeof text === "string") return fromText(column, text, name);
  if (column?.type !== "list" && column?.type !== "set") throw badRequest(`${name} is given more than once`);
  const { of } = column.definition;
  return of === undefined || of === "text" ? text : text.map((part) => fromText({ ...column, type: of }, part, name));
}

/** The part of a row that is its key, where all of it is there; undefined where the database will make a part. */
export function keyWithin(table: ServedTable, row: Row): Row | undefined {
  const key: Row = {};
  for (const name of table.key) {
    const parts = row[name] === undefined ? (table.columns.get(name)?.definition.join ?? [name]) : [name];
    for (const part of parts) {
      if (row[part] === undefined || row[part] === null) return undefined;
      key[part] = row[part];
    }
  }
  return key;
}

/** Whether the owner column is part of the key, itself or in a joined column. */
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
  if (row[owner] === undefined || (row[owner] === null && reach !== "all")) return { ...row, [owner]: caller.id };
  if (row[owner] !== caller.id && reach !== "all") throw forbidden(`${table.name}: column ${owner} must be the caller's own id`);
  return row;
}
