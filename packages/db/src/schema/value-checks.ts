// The strict check of each type: a caller's value becomes the column's logical value (a copy, where it could be
// changed later) or is refused. Modifiers and rules of the definition follow in column-rules.ts.

import { compareText } from "./compare.js";
import { decimalOfNumber, fitsDecimal, maxDecimalDigits, maxDecimalPlaces, shortestDecimal } from "./decimal.js";
import type { TypeName } from "./definition.js";
import { decodeGeohash } from "./geohash.js";
import { checkJson } from "./json-value.js";
import { isPlainObject } from "./plain-object.js";
import { refuse, type Subject } from "./refuse.js";
import { isStorableText } from "./storable-text.js";
import type { Column, Kind } from "./table.js";

/** Takes a present value; gives the canonical one or throws `invalid`. */
export type Check = (value: unknown) => unknown;

/** The check of a column's kind alone, without what is particular to a type of that kind. */
export function kindCheck(column: Column): Check {
  return kindChecks[column.kind](column);
}

/** The check of one element of a list or set. */
export function elementCheck(column: Column): Check {
  return kindChecks[column.element ?? "text"]({ ...column, isElement: true });
}

/** The check of a column's type. */
export function typeCheck(column: Column): Check {
  const base = kindCheck(column);
  const extra = typeChecks[column.type];
  if (extra === undefined) return base;
  return (value) => {
    const checked = base(value);
    return extra(column, checked);
  };
}

const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;
const minTimeMs = Date.parse("0001-01-01T00:00:00.000Z");
const maxTimeMs = Date.parse("9999-12-31T23:59:59.999Z");

const kindChecks: Readonly<Record<Kind, (column: Column & Subject) => Check>> = {
  text: (column) => (value) => {
    if (typeof value !== "string") refuse(column, "type", "must be a string");
    if (!isStorableText(value)) refuse(column, "type", "must be a string without U+0000 and lone surrogates");
    return value;
  },
  int: (column) => (value) => {
    if (!Number.isSafeInteger(value)) refuse(column, "type", "must be an integer from -(2^53 - 1) to 2^53 - 1");
    return (value as number) + 0;
  },
  int64: (column) => (value) => {
    if (typeof value !== "bigint") refuse(column, "type", "must be a bigint");
    if (value < minInt64 || value > maxInt64) refuse(column, "type", "must be a bigint of 64 bits");
    return value;
  },
  real: (column) => (value) => {
    if (!Number.isFinite(value)) refuse(column, "type", "must be a finite number");
    return (value as number) + 0;
  },
  decimal: (column) => (value) => decimalValue(column, value),
  bool: (column) => (value) => {
    if (typeof value !== "boolean") refuse(column, "type", "must be true or false");
    return value;
  },
  time: (column) => (value) => {
    const ms = value instanceof Date ? value.getTime() : Number.NaN;
    if (!(ms >= minTimeMs && ms <= maxTimeMs)) refuse(column, "type", "must be a valid Date in the years 1 to 9999");
    return new Date(ms);
  },
  json: (column) => (value) => checkJson(column, value),
  list: (column) => {
    const check = elementCheck(column);
    return (value) => {
      if (!Array.isArray(value)) refuse(column, "type", `must be an array, the elements of its ${column.isSet ? "set" : "list"}`);
      // Array.from visits holes too, which map skips.
      const items = Array.from(value, (item: unknown) => check(item));
      return column.isSet ? distinct(items) : items;
    };
  },
  blob: (column) => (value) => {
    if (!(value instanceof Uint8Array)) refuse(column, "type", "must be a Uint8Array");
    // Not slice(): that of a Buffer gives a view of the same memory.
    return new Uint8Array(value);
  },
};

function decimalValue(column: Column, value: unknown): string {
  let text: string | undefined;
  if (typeof value === "string") text = shortestDecimal(value);
  else if (Number.isSafeInteger(value)) text = decimalOfNumber(value as number);
  else if (typeof value === "bigint") text = String(value);
  if (text === undefined) refuse(column, "type", "must be a decimal: a string like 12 or -3.50, or an integer");
  if (!fitsDecimal(text))
    refuse(column, "type", `must have at most ${maxDecimalDigits} digits, ${maxDecimalPlaces} of them after the point`);
  return text;
}

/** The elements of a set, sorted and each once. */
export function distinct(items: readonly unknown[]): unknown[] {
  return [...new Set(items)].sort(compareElements);
}

function compareElements(a: unknown, b: unknown): number {
  return typeof a === "string" ? compareText(a, b as string) : (a as number) - (b as number);
}

const emailForm = /^[^\s@\p{Cc}]+@[^\s@.\p{Cc}]+(?:\.[^\s@.\p{Cc}]+)*$/u;
const phoneForm = /^\+?[0-9][0-9 ().\-/]*$/;
const blankOrControl = /[\s\p{Cc}]/u;

const typeChecks: { readonly [type in TypeName]?: (column: Column, value: unknown) => unknown } = {
  email(column, value) {
    if (!emailForm.test(value as string)) refuse(column, "type", "must be an email address");
    return value;
  },
  url(column, value) {
    if (blankOrControl.test(value as string) || !URL.canParse(value as string)) refuse(column, "type", "must be an absolute URL");
    return value;
  },
  phone(column, value) {
    const digits = (value as string).replaceAll(/[^0-9]/g, "").length;
    if (!phoneForm.test(value as string) || digits < 3 || digits > 20) refuse(column, "type", "must be a phone number of 3 to 20 digits");
    return value;
  },
  // An id that the caller brings may have any form: only missing ones are made.
  uuid: presentText,
  tuuid: presentText,
  geohash(column, value) {
    if (decodeGeohash(value as string) === undefined) refuse(column, "type", "must be a geohash of 1 to 12 characters");
    return value;
  },
  geopoint(column, value) {
    if (!isPlainObject(value) || Object.keys(value).length !== 2 || !isDegrees(value["lat"], 90) || !isDegrees(value["lon"], 180)) {
      refuse(column, "type", "must be { lat, lon } in degrees: lat from -90 to 90, lon from -180 to 180");
    }
    return value;
  },
};

function presentText(column: Column, value: unknown): unknown {
  if (value === "") refuse(column, "type", "must not be empty");
  return value;
}

function isDegrees(value: unknown, most: number): boolean {
  return typeof value === "number" && Math.abs(value) <= most;
}
