// Text and JSON from a request or a file become values of a column's type. Strict: what cannot be read is refused.

import type { TypeName } from "@bk/db";

import { badRequest } from "../error-response.js";
import { parseJson } from "../request/json.js";
import type { ServedColumn } from "./served-table.js";

/** How what is read is called in errors, and how deep JSON in it may be nested. */
export interface TextSource {
  readonly name: string;
  readonly maxJsonDepth: number;
}

/** Reads a text; undefined when it is not of the type. */
type Reader = (text: string, column: ServedColumn, source: TextSource) => unknown;

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
const time: TextForm = { read: readTime, mustBe: "a time, as 2024-05-31T12:00:00Z" };
const json: TextForm = { read: (given, _column, { name, maxJsonDepth }) => parseJson(given, maxJsonDepth, name, name), mustBe: "JSON" };
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

/** The value of a text for a column; a text for a column that is not declared stays text. */
export function fromText(column: ServedColumn | undefined, given: string, source: TextSource): unknown {
  if (column === undefined) return given;
  const form = forms[column.type];
  const value = form.read(given, column, source);
  if (value === undefined) throw wrongForm(form, source);
  return value;
}

function wrongForm({ mustBe }: TextForm, { name }: TextSource): Error {
  return badRequest(`${name.slice(0, 80)} must be ${mustBe}`, name);
}

/** The values of a list operand: a JSON list, or texts between commas. */
export function listFromText(column: ServedColumn | undefined, given: string, source: TextSource): unknown[] {
  if (given.startsWith("[")) {
    const values = parseJson(given, source.maxJsonDepth, source.name, source.name);
    return (values as unknown[]).map((value) => fromJson(column, value, source));
  }
  return given === "" ? [] : given.split(",").map((part) => fromText(column, part, source));
}

/** Types that JSON has not: their values are texts, of 64-bit integers numbers too. */
const textual: ReadonlySet<TextForm> = new Set([int64, time, blob]);

/**
 * The value of a JSON value for a column. Types that JSON has not are read from text (times, 64-bit integers, bytes), and
 * nothing else is taken for them; everything else stays as it is, and the database checks it.
 */
export function fromJson(column: ServedColumn | undefined, given: unknown, source: TextSource): unknown {
  if (column === undefined || given === null) return given;
  const form = forms[column.type];
  if (!textual.has(form)) return given;
  if (typeof given === "string") return fromText(column, given, source);
  if (form === int64 && Number.isSafeInteger(given)) return BigInt(given as number);
  throw wrongForm(form, source);
}

/** Whether a column holds JSON of any kind. */
export function isJsonColumn(column: ServedColumn | undefined): boolean {
  return column === undefined || forms[column.type] === json;
}

/** As {@link fromText}, for files, which say times in milliseconds since 1970 too, and may nest JSON as deep as the database takes it. */
export function fromFileText(column: ServedColumn | undefined, given: string, name: string): unknown {
  if (column !== undefined && forms[column.type] === time && /^-?\d{1,15}$/.test(given)) return new Date(Number(given));
  return fromText(column, given, { name, maxJsonDepth: Number.POSITIVE_INFINITY });
}

/** As {@link fromJson}, for files, where numbers often come as text. */
export function fromFileJson(column: ServedColumn | undefined, given: unknown, name: string): unknown {
  if (column === undefined || forms[column.type] === json) return given;
  if (forms[column.type] === time && Number.isSafeInteger(given)) return new Date(given as number);
  if (typeof given !== "string") return fromJson(column, given, { name, maxJsonDepth: Number.POSITIVE_INFINITY });
  return given === "" && forms[column.type] !== text ? null : fromFileText(column, given, name);
}

function readReal(given: string): number | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given)) return undefined;
  const value = Number(given);
  return Number.isFinite(value) ? value : undefined;
}

function readTime(given: string): Date | undefined {
  const day = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/.exec(given)?.[1];
  const value = new Date(day === undefined ? NaN : given);
  if (Number.isNaN(value.getTime())) return undefined;
  // `Date` takes the 30th of February for the 1st of March.
  return new Date(day!).toISOString().startsWith(day!) ? value : undefined;
}

function readList(given: string, column: ServedColumn, source: TextSource): unknown[] | undefined {
  const element = column.definition.of ?? "text";
  if (given.startsWith("[")) return parseJson(given, source.maxJsonDepth, source.name, source.name) as unknown[];
  const parts = given === "" ? [] : given.split(",");
  if (element === "text") return parts;
  const values = parts.map((part) => (element === "int" ? int : real).read(part.trim(), column, source));
  return values.includes(undefined) ? undefined : values;
}

function readBase64(given: string): Uint8Array | undefined {
  const plain = given.replace(/=+$/, "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Buffer.from(plain, "base64");
  return bytes.toString("base64").replace(/=+$/, "") === plain ? new Uint8Array(bytes) : undefined;
}
