// What each property of a column's definition may hold, and on which columns: data that compile-table.ts goes through.

import { operatorOf } from "./operators.js";
import { keyKinds, kindOfType, numberKinds, orderedKinds } from "./column-kinds.js";
import { maxDecimalPlaces } from "./decimal.js";
import type { ColumnDefinition, TableSettings, TypeName } from "./definition.js";
import { maxGeohashPrecision } from "./geohash.js";
import { isPlainObject } from "./plain-object.js";
import { isStorableText } from "./storable-text.js";
import type { Kind } from "./table.js";

/** Throws `invalid` for the table at hand; the property's name goes into `detail.property`. */
export type Fail = (what: string, column?: string, property?: string) => never;

export interface PropertyRule {
  /** Completes "must be …". */
  readonly mustBe: string;
  readonly holds: (value: unknown) => boolean;
  readonly kinds?: readonly Kind[];
  readonly types?: readonly TypeName[];
}

const isNumberFrom = (min: number, max: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
const isName = (value: unknown): boolean => typeof value === "string";
const isNames = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every(isName) && new Set(value).size === value.length;

const flag: PropertyRule = { mustBe: "true or false", holds: (value) => typeof value === "boolean" };
const textFlag: PropertyRule = { ...flag, kinds: ["text"] };
const bound: PropertyRule = { mustBe: "a finite number", holds: Number.isFinite, kinds: numberKinds };
const bags: PropertyRule = {
  mustBe: "an object with an object of settings for each driver",
  holds: (value) => isPlainObject(value) && Object.values(value).every(isPlainObject),
};
const group: PropertyRule = { mustBe: "a number, the column's place in the group", holds: Number.isFinite, kinds: orderedKinds };
const schema: PropertyRule = { mustBe: "a Standard Schema", holds: isStandardSchema };
const coordinate: PropertyRule = { mustBe: "the name of a column", holds: isName, types: ["geohash"] };

export const propertyRules: { readonly [property in keyof Required<ColumnDefinition>]: PropertyRule } = {
  type: { mustBe: "the name of a column type", holds: (value) => typeof value === "string" && Object.hasOwn(kindOfType, value) },
  primary: { mustBe: "an integer from 1, the column's place in the key", holds: isNumberFrom(1, Number.MAX_SAFE_INTEGER) },
  value: { mustBe: "a value of the column", holds: () => true },
  of: { mustBe: "text, int or real", holds: (value) => ["text", "int", "real"].includes(value as string), types: ["list", "set"] },
  join: { mustBe: "a list of different column names", holds: isNames, kinds: ["text"] },
  separator: { mustBe: "one character, no backslash", holds: isSeparator },
  unjoin: { mustBe: "true, false or a list of parts of the join", holds: (value) => typeof value === "boolean" || isNames(value) },
  lower: textFlag,
  upper: textFlag,
  trim: textFlag,
  cap: textFlag,
  min: bound,
  max: bound,
  maxLength: { mustBe: "an integer from 1", holds: isNumberFrom(1, Number.MAX_SAFE_INTEGER), kinds: ["text", "list", "blob"] },
  values: { mustBe: "a list of strings or numbers", holds: isValues, kinds: ["text", "list", ...numberKinds] },
  notEmpty: flag,
  decimals: { mustBe: `an integer from 0 to ${maxDecimalPlaces}`, holds: isNumberFrom(0, maxDecimalPlaces), kinds: ["real", "decimal"] },
  multiplier: { ...bound, mustBe: "a finite number other than 0", holds: (value) => Number.isFinite(value) && value !== 0 },
  readonly: flag,
  writeonly: flag,
  hidden: flag,
  pub: flag,
  admin: flag,
  secure: flag,
  prefix: {
    mustBe: "a string without U+0000 and lone surrogates",
    holds: (value) => typeof value === "string" && isStorableText(value),
    types: ["uuid", "tuuid"],
  },
  lat: coordinate,
  lon: coordinate,
  precision: {
    mustBe: `an integer from 1 to ${maxGeohashPrecision}`,
    holds: isNumberFrom(1, maxGeohashPrecision),
    types: ["geohash"],
  },
  search: textFlag,
  ops: { mustBe: "an object { select: operator }", holds: isOps },
  ref: {
    mustBe: 'the name of a table, "table.column", or an object { table, column, name }',
    holds: isReference,
    kinds: keyKinds,
  },
  check: schema,
  drivers: bags,
  index: group,
  index1: group,
  index2: group,
  index3: group,
  index4: group,
  index5: group,
  unique: group,
  unique1: group,
  unique2: group,
  unique3: group,
  unique4: group,
  unique5: group,
};

export const settingRules: { readonly [setting in keyof Required<TableSettings>]: PropertyRule } = {
  open: flag,
  noscan: flag,
  check: schema,
  softDelete: { mustBe: "the name of a column", holds: isName },
  owner: { mustBe: "the name of a column", holds: isName },
  rules: { mustBe: "an object, or a list of objects, with to, read, add, update, del and columns", holds: isRules },
  cached: { mustBe: "true, false, or an object with ttlMs, missTtlMs and reads (all or asked)", holds: isCached },
  drivers: bags,
};

/** What they say `rowRules` of @bk/auth checks. */
function isRules(value: unknown): boolean {
  return isPlainObject(value) || (Array.isArray(value) && value.length > 0 && value.every(isPlainObject));
}

const namesOfCached: ReadonlySet<string> = new Set(["ttlMs", "missTtlMs", "reads"]);

function isCached(value: unknown): boolean {
  if (typeof value === "boolean") return true;
  if (!isPlainObject(value) || !Object.keys(value).every((name) => namesOfCached.has(name))) return false;
  const { ttlMs, missTtlMs, reads } = value;
  const isMs = (ms: unknown, least: number): boolean => ms === undefined || (typeof ms === "number" && ms >= least && ms < 2 ** 31);
  return isMs(ttlMs, 1) && isMs(missTtlMs, 0) && [undefined, "all", "asked"].includes(reads as undefined);
}

function isSeparator(value: unknown): boolean {
  return typeof value === "string" && value.length === 1 && value !== "\\" && isStorableText(value);
}

function isValues(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string" || typeof item === "number");
}

function isOps(value: unknown): boolean {
  return (
    isPlainObject(value) &&
    Object.entries(value).every(([call, op]) => call === "select" && typeof op === "string" && operatorOf(op) !== undefined)
  );
}

const namesOfReference: ReadonlySet<string> = new Set(["table", "column", "name"]);
const referenceName = /^[A-Za-z][A-Za-z0-9_]{0,47}$/;

function isReference(value: unknown): boolean {
  if (typeof value === "string") return value !== "";
  if (!isPlainObject(value) || typeof value["table"] !== "string") return false;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  if (!members.every(([name, member]) => namesOfReference.has(name) && typeof member === "string")) return false;
  return value["name"] === undefined || referenceName.test(value["name"] as string);
}

function isStandardSchema(value: unknown): boolean {
  if ((typeof value !== "object" || value === null) && typeof value !== "function") return false;
  const standard: unknown = (value as { "~standard"?: unknown })["~standard"];
  return typeof standard === "object" && standard !== null && typeof (standard as { validate?: unknown }).validate === "function";
}

/** A name that an engine keeps for itself, in lower case. */
export interface ReservedName {
  readonly name: RegExp;
  readonly reason: string;
}

/**
 * Names that no table may have: some engine could not tell the table from its own things. Refused on every engine, so
 * that an app can move to another one.
 */
export const reservedTables: readonly ReservedName[] = [
  { name: /^pg_/, reason: "PostgreSQL looks for names that begin with pg_ in its catalog first" },
  { name: /^sqlite_/, reason: "SQLite keeps names that begin with sqlite_ for itself" },
  { name: /^(pragma_\w+|json_each|json_tree)$/, reason: "SQLite has a table function of this name" },
  { name: /^bk_unique$/, reason: "on DynamoDB it is the table with the values of unique groups" },
];

/** Names that no column may have. */
export const reservedColumns: readonly ReservedName[] = [
  { name: /^(ctid|tableoid|[xc]min|[xc]max)$/, reason: "every table of PostgreSQL has a column of this name" },
  { name: /^(db_row_id|db_trx_id|db_roll_ptr|fts_doc_id)$/, reason: "MySQL and MariaDB keep this name for a column of their own" },
];
