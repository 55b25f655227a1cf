// Rows as documents, and back.
//
// A column is a field of its name, such that the index has it exactly and others can read it. Beside them stand objects whose
// names no column has:
//
// - `$order`: of decimals and of integers of 64 bits a text that sorts as the number, which the index's own numbers do not do;
// - `$long`: texts that are longer than a term of the index may be, and lists with such texts. The field of the column has
//   their beginning and a hash of the whole then;
// - `$has`: `true` for values of which the index has no terms (JSON, bytes, lists that may be empty).

import { nodeModule } from "@bk/core";

import type { Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { utf8Length } from "../../schema/bytes.js";
import { sortableDecimal, sortableInt } from "../../schema/sortable.js";
import type { Column } from "../../schema/table.js";

export type Source = Readonly<Record<string, unknown>>;

/** Code points of a text that the index has as they are: a term takes 32,766 bytes. */
const mostOfTerm = 8000;
/** Bytes of an `_id`, set by the server. */
const mostOfId = 512;
const hashed = "sha256:";

/**
 * A text as the index has it: one that is too long as its first 8,000 code points and a hash of the whole. It compares with
 * texts that are not too long as the whole does, and equals that of an equal text alone.
 */
export function indexedText(text: string): string {
  const end = endOfTerm(text);
  return end === undefined ? text : text.slice(0, end) + sha256(text);
}

/** Whether a text, as it is or as the index has it, is longer than a term may be. */
export function isLong(text: string): boolean {
  return endOfTerm(text) !== undefined;
}

/** Whether two long texts begin with the same term, so that the index does not tell which comes first. */
export function haveSameStart(a: string, b: string): boolean {
  return a.slice(0, endOfTerm(a)) === b.slice(0, endOfTerm(b));
}

/** Where the part of a text ends that is in its term, in units; undefined where all of it is. */
function endOfTerm(text: string): number | undefined {
  if (text.length <= mostOfTerm) return undefined;
  let end = 0;
  for (let i = 0; i < mostOfTerm; i++) end += text.codePointAt(end)! > 0xffff ? 2 : 1;
  return end < text.length ? end : undefined;
}

function sha256(text: string): string {
  return nodeModule("node:crypto").createHash("sha256").update(text).digest("hex");
}

/**
 * The `_id` of a row: the value of its key; of several columns a JSON array of them; a hash where that would be too long.
 *
 * @param key  stored values, in order of the key
 */
export function idOf(key: Values): string {
  const text = key.length > 1 ? JSON.stringify(key) : String(key[0]);
  const isId = !text.startsWith(hashed) && (text.length * 3 <= mostOfId || utf8Length(text) <= mostOfId);
  return isId ? text : hashed + sha256(text);
}

/** The field by which a column is compared and sorted. */
export function fieldOf({ kind, name }: Column): string {
  return kind === "decimal" || kind === "int64" ? `$order.${name}` : name;
}

/** A stored value, or an element of one, as it is in the field of its column. */
export function inField({ kind, element }: Column, value: Value): unknown {
  switch (kind) {
    case "decimal":
      return sortableDecimal(value as string);
    case "int64":
      return sortableInt(BigInt(value as string));
    case "text":
      return indexedText(value as string);
    case "time":
      // Servers take numbers before 1970 for something else.
      return new Date(value as number).toISOString();
    case "list":
      return element === "text" || element === undefined ? indexedText(value as string) : value;
    default:
      return value;
  }
}

/** Whether the index has no terms of some values of a column. */
export function needsHas({ kind }: Column): boolean {
  return kind === "json" || kind === "list" || kind === "blob";
}

interface Parts {
  readonly source: Record<string, unknown>;
  readonly $order: Record<string, unknown>;
  readonly $long: Record<string, unknown>;
  readonly $has: Record<string, unknown>;
}

/** The document of a whole row, whose values are in order of `columns`. */
export function documentOf(columns: readonly Column[], row: Values): Source {
  const parts: Parts = { source: {}, $order: {}, $long: {}, $has: {} };
  columns.forEach((column, i) => {
    const value = row[i] ?? null;
    if (value !== null) put(parts, column, value);
  });
  return whole(parts);
}

/** The part of a document that changes when these columns get these values: null takes a field away. */
export function changesOf(columns: readonly Column[], values: Values): Source {
  const parts: Parts = { source: {}, $order: {}, $long: {}, $has: {} };
  columns.forEach((column, i) => {
    const value = values[i] ?? null;
    if (value !== null) return put(parts, column, value);
    parts.source[column.name] = null;
    if (fieldOf(column) !== column.name) parts.$order[column.name] = null;
    if (needsHas(column)) parts.$has[column.name] = null;
    // What `$long` has is left: it counts only where the column's field says so.
  });
  return whole(parts);
}

function put({ source, $order, $long, $has }: Parts, column: Column, value: Value): void {
  const { kind, name } = column;
  if (kind === "text" && isLong(value as string)) $long[name] = value;
  if (kind === "list" && (value as readonly Value[]).some((element) => typeof element === "string" && isLong(element))) $long[name] = value;
  if (kind === "text" || kind === "time") source[name] = inField(column, value);
  else if (kind === "list") source[name] = (value as readonly Value[]).map((element) => inField(column, element));
  else source[name] = value;
  if (fieldOf(column) !== name) $order[name] = inField(column, value);
  if (needsHas(column)) $has[name] = true;
}

function whole({ source, ...more }: Parts): Source {
  for (const [name, part] of Object.entries(more)) if (Object.keys(part).length > 0) source[name] = part;
  return source;
}

/**
 * The stored value of a column of a document; null where it is missing.
 *
 * @throws DbError `drift` for a value that is not as this driver, or an index of somebody else's that serves, has it
 */
export function valueOf(column: Column, source: Source): Value {
  const value = member(source, column.name);
  if (value === null) return null;
  switch (column.kind) {
    case "text":
      if (typeof value !== "string") throw otherValue(column);
      return isLong(value) ? longOf(column, source) : value;
    case "list": {
      const elements = Array.isArray(value) ? (value as Value[]) : [value as Value];
      return elements.some((element) => typeof element === "string" && isLong(element)) ? longOf(column, source) : elements;
    }
    case "time":
      return typeof value === "string" ? timeIn(column, value) : (value as Value);
    default:
      if (typeof value === "object") throw otherValue(column);
      return value as Value;
  }
}

/** Columns may have the names of members that every object inherits. */
export function member(source: Source, name: string): unknown {
  return Object.hasOwn(source, name) ? (source[name] ?? null) : null;
}

function longOf(column: Column, source: Source): Value {
  const value = member((source["$long"] ?? {}) as Source, column.name);
  if (value === null) throw otherValue(column);
  return value as Value;
}

function timeIn(column: Column, text: string): number {
  const time = /^-?\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(time)) throw otherValue(column);
  return time;
}

function otherValue({ name, type }: Column): DbError {
  return new DbError("drift", `the field "${name}" of a document has a value that is none of a column of type ${type}`, {
    column: name,
    outcome: "none",
  });
}

/** The stored values of columns of a document. */
export function rowOf(columns: readonly Column[], source: Source): Values {
  return columns.map((column) => valueOf(column, source));
}
