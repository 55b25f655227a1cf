// Stored values as BSON has them, and back.

import type * as Mongo from "mongodb";

import type { Value } from "../../driver.js";
import { invalid } from "../../errors.js";
import type { Column, Kind } from "../../schema/table.js";

/** The classes of the client that commands are made of. */
export type Bson = Pick<typeof Mongo, "BSON" | "Decimal128" | "Double" | "MaxKey" | "MongoServerError" | "ObjectId">;

/** How the values of a column go into documents. Null is absence, both ways. */
export interface Converter {
  toBson(value: Value): unknown;
  fromBson(stored: unknown): Value;
}

const maxInt32 = 2 ** 31 - 1;
const minInt32 = -(2 ** 31);
/** The last time that a `Date` tells, and before zero the first. */
const lastDate = 8.64e15;

/** A number without fraction as int32 or int64: a double would be what other clients take for a fraction. */
export function integerToBson(value: Value): unknown {
  if (typeof value !== "number") return value;
  return value >= minInt32 && value <= maxInt32 ? value : BigInt(value);
}

const asItIs = (stored: unknown): Value => (stored ?? null) as Value;

/** Whether a column's values are the ids that MongoDB makes by itself, written as texts. */
export function isObjectId({ definition }: Column): boolean {
  return definition.drivers?.["mongodb"]?.["type"] === "objectId";
}

/** How values of a column are stored. */
export function converterOf(column: Column, bson: Bson): Converter {
  if (isObjectId(column)) return objectIds(column, bson);
  if (column.type === "ttl") return expiries(column);
  if (column.kind === "list") return lists(column, bson);
  return ofKind(column.kind, bson);
}

function ofKind(kind: Exclude<Kind, "list">, bson: Bson): Converter {
  switch (kind) {
    case "text":
    case "bool":
    case "int64":
    case "blob":
      return { toBson: (value) => value, fromBson: kind === "blob" ? bytesOf : asItIs };
    case "int":
      return { toBson: integerToBson, fromBson: asItIs };
    case "real":
      return { toBson: (value) => realToBson(value, bson), fromBson: asItIs };
    case "decimal":
      return {
        toBson: (value) => (value === null ? null : bson.Decimal128.fromString(value as string)),
        fromBson: (stored) => (stored instanceof bson.Decimal128 ? plainDecimal(stored.toString()) : asItIs(stored)),
      };
    case "time":
      return { toBson: (value) => (value === null ? null : new Date(value as number)), fromBson: timeOf };
    case "json":
      return { toBson: (value) => value, fromBson: (stored) => jsonOf(stored, bson) };
  }
}

// Always a double: a whole one would be stored as an integer, and added up as one.
function realToBson(value: Value, { Double }: Bson): unknown {
  return value === null ? null : new Double(value as number);
}

/** MongoDB removes rows by a date alone. */
function expiries(column: Column): Converter {
  return {
    toBson(value) {
      if (value === null) return null;
      if (Math.abs(value as number) > lastDate)
        throw invalid(`column ${column.name}: MongoDB removes rows by dates, which end at ${lastDate} ms`, { column: column.name });
      return new Date(value as number);
    },
    fromBson: timeOf,
  };
}

function lists({ element }: Column, bson: Bson): Converter {
  const toBson = elementToBson(element, bson);
  return {
    toBson: (value) => (Array.isArray(value) ? value.map((one: Value) => toBson(one)) : value),
    fromBson: asItIs,
  };
}

/** How one element of a list is stored. */
export function elementToBson(element: Column["element"], bson: Bson): (value: Value) => unknown {
  if (element === "int") return integerToBson;
  return element === "real" ? (value) => realToBson(value, bson) : (value) => value;
}

function objectIds({ name }: Column, { ObjectId }: Bson): Converter {
  return {
    toBson(value) {
      if (value === null) return null;
      if (!/^[0-9a-f]{24}$/.test(value as string))
        throw invalid(`column ${name} holds ids of MongoDB: give 24 hexadecimal digits, in lower case`, { column: name });
      return ObjectId.createFromHexString(value as string);
    },
    fromBson: (stored) => (stored instanceof ObjectId ? stored.toHexString() : asItIs(stored)),
  };
}

function timeOf(stored: unknown): Value {
  return stored instanceof Date ? stored.getTime() : asItIs(stored);
}

function bytesOf(stored: unknown): Value {
  // `Binary` of the client, which keeps a buffer with room to grow.
  const binary = stored as { readonly _bsontype?: string; value?(): Uint8Array } | null | undefined;
  return binary?._bsontype === "Binary" ? binary.value!() : asItIs(stored);
}

/** JSON is kept as its text. What other programs have stored as documents is given as JSON too, as relaxed Extended JSON writes it. */
function jsonOf(stored: unknown, { BSON }: Bson): Value {
  if (typeof stored === "string" || stored === null || stored === undefined) return stored ?? null;
  return BSON.EJSON.stringify(stored as object, { relaxed: true });
}

/** `-1.20E+3` as `-1200`: the digits that the column's decoder reads. */
export function plainDecimal(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?E([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return `${sign}${digits}${"0".repeat(point - digits.length)}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
