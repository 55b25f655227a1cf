// Values of columns as DynamoDB's attribute values, and back. Absence is a missing attribute.

import type { AttributeValue } from "@aws-sdk/client-dynamodb";

import type { Value } from "../../driver.js";
import { DbError } from "../../errors.js";
import { readSortableReal, sortableReal } from "../../schema/sortable.js";
import type { Column } from "../../schema/table.js";

export type Item = Record<string, AttributeValue>;

/**
 * The attribute value of a stored value; undefined for null.
 *
 * Reals are texts that sort as the numbers: DynamoDB's own numbers end at 10^126 and begin at 10^-130, so they cannot hold every double.
 */
export function toAttribute(column: Column, value: Value | undefined): AttributeValue | undefined {
  if (value === null || value === undefined) return undefined;
  switch (column.kind) {
    case "text":
    case "json":
      return { S: value as string };
    case "int":
    case "int64":
    case "time":
      return { N: String(value) };
    case "decimal":
      return { N: value as string };
    case "real":
      return { S: sortableReal(value as number) };
    case "bool":
      return { BOOL: value as boolean };
    case "list":
      return { L: (value as readonly Value[]).map((element) => toElement(column, element)) };
    case "blob":
      return { B: value as Uint8Array };
  }
}

/** The attribute value of one element of a list or set. */
export function toElement(column: Column, value: Value | undefined): AttributeValue {
  switch (column.element) {
    case "int":
      return { N: String(value) };
    case "real":
      return { S: sortableReal(value as number) };
    case "text":
    case undefined:
      return { S: value as string };
  }
}

/**
 * The stored value of an attribute; null where it is missing.
 *
 * @throws DbError `drift` when the attribute has another type than this driver gives the column
 */
export function fromAttribute(column: Column, attribute: AttributeValue | undefined): Value {
  if (attribute === undefined || attribute.NULL === true) return null;
  switch (column.kind) {
    case "text":
    case "json":
      return attribute.S ?? otherType(column);
    case "int":
    case "time":
      return safeInteger(column, attribute.N);
    case "int64":
      return int64(column, attribute.N);
    case "decimal":
      return plainNumber(attribute.N ?? otherType(column));
    case "real":
      return readSortableReal(attribute.S ?? otherType(column));
    case "bool":
      return attribute.BOOL ?? otherType(column);
    case "list":
      return (attribute.L ?? otherType(column)).map((element) => fromElement(column, element));
    case "blob":
      return attribute.B ?? otherType(column);
  }
}

function fromElement(column: Column, attribute: AttributeValue): Value {
  switch (column.element) {
    case "int":
      return safeInteger(column, attribute.N);
    case "real":
      return readSortableReal(attribute.S ?? otherType(column));
    case "text":
    case undefined:
      return attribute.S ?? otherType(column);
  }
}

function safeInteger(column: Column, text: string | undefined): number {
  const value = Number(text ?? otherType(column));
  return Number.isSafeInteger(value) ? value : outside(column);
}

function int64(column: Column, text: string | undefined): bigint {
  const plain = plainNumber(text ?? otherType(column));
  if (plain.includes(".")) return outside(column);
  const value = BigInt(plain);
  return BigInt.asIntN(64, value) === value ? value : outside(column);
}

function outside(column: Column): never {
  throw new DbError("drift", `the attribute "${column.name}" of a row has a value that a column of type ${column.type} does not hold`, {
    column: column.name,
    outcome: "none",
  });
}

function otherType(column: Column): never {
  throw new DbError("drift", `the attribute "${column.name}" of a row is not stored as ${column.kind} is`, {
    column: column.name,
    outcome: "none",
  });
}

/** A number as DynamoDB writes it, in its shortest form without exponent. */
export function plainNumber(text: string): string {
  const parts = /^(-?)0*(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (parts === null) throw new DbError("internal", "a number of the database is not one");
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  const before = digits.slice(0, Math.max(point, 0)).padEnd(Math.max(point, 0), "0").replace(/^0+/, "") || "0";
  const after = ("0".repeat(Math.max(-point, 0)) + digits.slice(Math.max(point, 0))).replace(/0+$/, "");
  const plain = after === "" ? before : `${before}.${after}`;
  return plain === "0" ? plain : sign + plain;
}
