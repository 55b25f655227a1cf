// Text from a query string, a form or a CSV cell becomes a value of a column's type. Strict: what cannot be read is refused.

import type { TypeName } from "@bk/db";

import { badRequest } from "../error-response.js";
import type { ServedColumn } from "./served-table.js";

/** Reads a text; undefined when it is not of the type. */
type Reader = (text: string, column: ServedColumn) => unknown;

interface TextForm {
  readonly read: Reader;
  /** Completes "must be". */
  readonly mustBe: string;
}

const text: TextForm = { read: (given) => given, mustBe: "text" };
const int: TextForm = { read: (given) => (/^[+-]?\d{1,16}$/.test(given) ? Number(given) : undefined), mustBe: "an integer" };
const int64: TextForm = {
  read: (given) => (/^[+-]?\d{1,19}$/.test(given) ? BigInt(given.replace("+", "")) : undefined),
  mustBe: "an integer",
};
const real: TextForm = { read: readReal, mustBe: "a number" };
const bool: TextForm = { read: (given) => booleans[given.toLowerCase()], mustBe: "true or false" };
const time: TextForm = { read: readTime, mustBe: "a time, as 2024-05-31T12:00:00Z or in milliseconds since 1970" };
const json: TextForm = { read: readJson, mustBe: "JSON" };
const list: TextForm = { read: readList, mustBe: "a comma list or a JSON list" };
const blob: TextForm = { read: readBase64, mustBe: "base64" };

const booleans: Readonly<Record<string, boolean>> = Object.assign(Object.create(null) as Record<string, boolean>, {
  true: true,
  "1": true,
  yes: true,
  on: true,
  false: false,
  "0": false,
  no: false,
  off: false,
});

const forms: Readonly<Record<TypeName, TextForm>> = {
  text,
  string: text,
  str: text,
  keyword: text,
  email: text,
  url: text,
  phone: text,
  uuid: text,
  tuuid: text,
  geohash: text,
  int,
  smallint: int,
  bigint: int,
  counter: int,
  now: int,
  mtime: int,
  ttl: int,
  random: int,
  int64,
  real,
  float: real,
  double: real,
  number: real,
  decimal: text,
  numeric: text,
  bool,
  boolean: bool,
  date: time,
  timestamp: time,
  datetime: time,
  json,
  obj: json,
  object: json,
  array: json,
  geopoint: json,
  list,
  set: list,
  blob,
};

/**
 * The value of a text for a column; a text for a column that is not declared stays text.
 *
 * @param name  how the field is called in the error
 */
export function fromText(column: ServedColumn | undefined, given: string, name: string): unknown {
  if (column === undefined) return given;
  const form = forms[column.type];
  const value = form.read(given, column);
  if (value === undefined) throw badRequest(`${name} must be ${form.mustBe}`);
  return value;
}

/** The values of a list operand: a JSON list, or texts between commas. */
export function listFromText(column: ServedColumn | undefined, given: string, name: string): unknown[] {
  if (given.startsWith("[")) {
    const values = readJson(given);
    if (!Array.isArray(values)) throw badRequest(`${name} must be a comma list or a JSON list`);
    return (values as unknown[]).map((value) => fromJson(column, value, name));
  }
  return given === "" ? [] : given.split(",").map((part) => fromText(column, part, name));
}

/**
 * The value of a JSON value for a column: types that JSON has not are read from text (times, 64-bit integers, bytes);
 * everything else stays as it is, and the database checks it.
 */
export function fromJson(column: ServedColumn | undefined, given: unknown, name: string): unknown {
  if (column === undefined || given === null) return given;
  const form = forms[column.type];
  if (form === int64 && Number.isSafeInteger(given)) return BigInt(given as number);
  if (form === time && Number.isSafeInteger(given)) return new Date(given as number);
  return (form === int64 || form === time || form === blob) && typeof given === "string" ? fromText(column, given, name) : given;
}

/** Whether a column holds JSON of any kind. */
export function isJsonColumn(column: ServedColumn | undefined): boolean {
  return column === undefined || forms[column.type] === json;
}

/** As {@link fromJson}, but any text is read as the column's type: for imports, where numbers often come as text. */
export function fromLooseJson(column: ServedColumn | undefined, given: unknown, name: string): unknown {
  if (typeof given !== "string" || column === undefined || forms[column.type] === json) return fromJson(column, given, name);
  return given === "" && forms[column.type] !== text ? null : fromText(column, given, name);
}

function readReal(given: string): number | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given)) return undefined;
  const value = Number(given);
  return Number.isFinite(value) ? value : undefined;
}

function readTime(given: string): Date | undefined {
  const isTime = /^-?\d{1,15}$/.test(given) || /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(given);
  const value = new Date(isTime ? (/^-?\d+$/.test(given) ? Number(given) : given) : NaN);
  return Number.isNaN(value.getTime()) ? undefined : value;
}

/** Objects of any depth are fine here: the length of the text is bounded, and `checkDepth` looks at what comes from bodies. */
function readJson(given: string): unknown {
  try {
    return JSON.parse(given) as unknown;
  } catch {
    // The caller says that it must be JSON; the native message would repeat the text.
    return undefined;
  }
}

function readList(given: string, column: ServedColumn): unknown[] | undefined {
  const element = column.definition.of ?? "text";
  if (given.startsWith("[")) {
    const values = readJson(given);
    return Array.isArray(values) ? (values as unknown[]) : undefined;
  }
  const parts = given === "" ? [] : given.split(",");
  if (element === "text") return parts;
  const values = parts.map((part) => (element === "int" ? int : real).read(part.trim(), column));
  return values.includes(undefined) ? undefined : values;
}

function readBase64(given: string): Uint8Array | undefined {
  const plain = given.replace(/=+$/, "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Buffer.from(plain, "base64");
  return bytes.toString("base64").replace(/=+$/, "") === plain ? new Uint8Array(bytes) : undefined;
}
