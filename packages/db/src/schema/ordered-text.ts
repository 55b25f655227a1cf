// Values of key and index columns as one string whose code-point order is the order of the values, so that a store that
// keeps strings in order keeps rows in order. The text is well-formed and has no U+0000.

import { readSortableDecimal, readSortableInt, readSortableReal, sortableDecimal, sortableInt, sortableReal } from "./sortable.js";
import { invalid } from "../errors.js";
import { isStorableText } from "./storable-text.js";
import type { Column } from "./table.js";

// A string ends with a character below every other; that one and the escape are escaped inside it.
const end = "\u0001";
const escape = "\u0002";
// Columns that may be null begin with one of these. Key columns never are, and are spared it.
const absent = "\u0001";
const present = "\u0002";

/**
 * The text of values, logical, of the first columns of a key or index. It begins with the text of fewer of the values.
 * Null sorts first; `columns` may be longer than `values`.
 */
export function encodeKey(columns: readonly Column[], values: readonly unknown[]): string {
  let text = "";
  for (let i = 0; i < values.length; i++) text += encodePart(columns[i]!, values[i]);
  return text;
}

/**
 * The beginning of the strings of all rows whose first columns have `values` and whose next column, a string, begins with `prefix`.
 */
export function encodeKeyPrefix(columns: readonly Column[], values: readonly unknown[], prefix: string): string {
  const next = columns[values.length]!;
  return `${encodeKey(columns, values)}${next.isKey ? "" : present}${escapeText(prefix)}`;
}

/**
 * The beginning of the strings of all rows whose first columns have `values` and whose next column has a value, whatever it is:
 * where a range without lower bound begins, since a comparison with an absent value is false.
 */
export function encodeKeyPresent(columns: readonly Column[], values: readonly unknown[]): string {
  const next = columns[values.length]!;
  return `${encodeKey(columns, values)}${next.isKey ? "" : present}`;
}

/**
 * The values, logical, in a text made by {@link encodeKey} with all of `columns`.
 *
 * @throws DbError `invalid` for a text that it did not make: positions come back from callers
 */
export function decodeKey(columns: readonly Column[], text: string): unknown[] {
  let values: readonly unknown[] | undefined;
  try {
    values = readParts(columns, text);
    if (columns.every((column, i) => isOfColumn(column, values![i])) && encodeKey(columns, values) === text) return [...values];
  } catch {
    // Whatever the parts say of a text that is none of ours, it is refused below.
  }
  throw invalid("a position is damaged; pass the `next` of a page as it was given");
}

function readParts(columns: readonly Column[], text: string): unknown[] {
  const values: unknown[] = [];
  let at = 0;
  for (const column of columns) {
    if (!column.isKey && text[at++] === absent) {
      values.push(null);
      continue;
    }
    const part = decodePart(column, text, at);
    values.push(part.value);
    at += part.length;
  }
  return values;
}

// Years 1 to 9999.
const [firstTime, lastTime] = [-62_135_596_800_000, 253_402_300_799_999];

/** Whether a value is one that the column may hold, so that no engine is asked for another. */
function isOfColumn({ kind, isKey }: Column, value: unknown): boolean {
  if (value === null) return !isKey;
  switch (kind) {
    case "text":
      return isStorableText(value as string);
    case "int":
      return Number.isSafeInteger(value);
    case "int64":
      return BigInt.asIntN(64, value as bigint) === value;
    case "real":
      return Number.isFinite(value);
    case "time":
      return (value as Date).getTime() >= firstTime && (value as Date).getTime() <= lastTime;
    default:
      return true;
  }
}

/**
 * The first string, by code point, after all strings that begin with `prefix`.
 *
 * @throws Error when there is none: for the empty prefix and for one of U+10FFFF alone, which no key has
 */
export function keyUpper(prefix: string): string {
  const upper = textAfterPrefix(prefix);
  if (upper === undefined) throw new Error("no text follows all texts with this prefix");
  return upper;
}

/** As {@link keyUpper}, and undefined when there is none. */
export function textAfterPrefix(prefix: string): string | undefined {
  let rest = prefix;
  while (rest !== "") {
    const isPair = rest.length > 1 && isLowSurrogate(rest.charCodeAt(rest.length - 1));
    const start = rest.length - (isPair ? 2 : 1);
    const last = rest.codePointAt(start)!;
    rest = rest.slice(0, start);
    if (last < 0x10ffff) return rest + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function encodePart(column: Column, value: unknown): string {
  if (column.isKey) return encodePresent(column, value);
  return value === null || value === undefined ? absent : present + encodePresent(column, value);
}

function encodePresent(column: Column, value: unknown): string {
  switch (column.kind) {
    case "text":
      return escapeText(value as string) + end;
    case "int":
    case "int64":
      return sortableInt(value as number | bigint);
    case "real":
      return sortableReal(value as number);
    case "decimal":
      return sortableDecimal(value as string) + end;
    case "bool":
      return value === true ? "1" : "0";
    case "time":
      return sortableInt((value as Date).getTime());
    case "json":
    case "list":
    case "blob":
      throw new Error(`column ${column.name} has no order`);
  }
}

function decodePart(column: Column, text: string, start: number): { value: unknown; length: number } {
  switch (column.kind) {
    case "text": {
      const stop = text.indexOf(end, start);
      return { value: unescapeText(text.slice(start, stop)), length: stop + 1 - start };
    }
    case "int":
    case "time": {
      const { value, length } = readSortableInt(text, start);
      return { value: column.kind === "int" ? Number(value) : new Date(Number(value)), length };
    }
    case "int64":
      return readSortableInt(text, start);
    case "real":
      return { value: readSortableReal(text.slice(start, start + 16)), length: 16 };
    case "decimal": {
      const stop = text.indexOf(end, start);
      return { value: readSortableDecimal(text.slice(start, stop)), length: stop + 1 - start };
    }
    case "bool":
      return { value: text[start] === "1", length: 1 };
    case "json":
    case "list":
    case "blob":
      throw new Error(`column ${column.name} has no order`);
  }
}

// eslint-disable-next-line no-control-regex -- these two characters have a meaning in keys
const special = /[\u0001\u0002]/g;

function escapeText(text: string): string {
  return text.includes(end) || text.includes(escape) ? text.replace(special, (c) => (c === end ? "\u0002\u0002" : "\u0002\u0003")) : text;
}

function unescapeText(text: string): string {
  if (!text.includes(escape)) return text;
  return text.replaceAll("\u0002\u0002", end).replaceAll("\u0002\u0003", escape);
}
