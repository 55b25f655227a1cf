// CQL types of columns, and stored values as the client takes and gives them.

import type { Value } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Column, Kind } from "../../schema/table.js";

const typeOfKind: Readonly<Record<Exclude<Kind, "list">, string>> = {
  text: "text",
  int: "bigint",
  int64: "bigint",
  real: "double",
  decimal: "decimal",
  bool: "boolean",
  time: "timestamp",
  json: "text",
  blob: "blob",
};

const typeOfElement = { text: "text", int: "bigint", real: "double" } as const;

/** Lists are frozen: only so the server tells an empty one from none. */
export function cqlType({ kind, element }: Column): string {
  return kind === "list" ? `frozen<list<${typeOfElement[element ?? "text"]}>>` : typeOfKind[kind];
}

/** Types of tables made by others that keep a kind's values, or refuse them. */
const alsoServing: { readonly [kind in Kind]?: readonly string[] } = {
  text: ["ascii"],
  int: ["int", "smallint", "tinyint"],
};

/** Whether a stored column serves the declared one; a string says why it does not. */
export function servesColumn(stored: string, column: Column): boolean | string {
  if (stored === cqlType(column) || alsoServing[column.kind]?.includes(stored) === true) return true;
  if (stored.startsWith("static ")) return "a static column belongs to a partition, not to a row; leave it out of the declaration";
  if (stored === "float" && column.kind === "real") return "a float keeps 7 digits; make it a double";
  if (column.kind === "list" && /^(list|set)</.test(stored))
    return `the server keeps no empty ones of that type; make it ${cqlType(column)}`;
  return `make it ${cqlType(column)}`;
}

export type ToCql = (value: Value) => unknown;

/** Makes a function that gives what the client binds for a stored value. */
export function toCql(column: Column): ToCql {
  const encode = encoderOf(column);
  return (value) => (value === null ? null : encode(value));
}

function encoderOf({ kind, element }: Column): ToCql {
  switch (kind) {
    case "text":
    case "json":
    case "int64":
    case "real":
    case "decimal":
    case "bool":
    case "time":
      return (value) => value;
    case "int":
      // The digits serve every integer type that a table made by others may have.
      return String;
    case "list":
      return (value) => listBytes(value as readonly Value[], element);
    case "blob":
      return (value) => bufferOf(value as Uint8Array);
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** A list as the protocol has it (section 6 of its specification): the client writes an empty one as null. */
function listBytes(list: readonly Value[], element: Column["element"]): Buffer {
  const parts: Buffer[] = [lengthOf(list.length)];
  for (const item of list) {
    const bytes = elementBytes(item, element);
    parts.push(lengthOf(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(length);
  return bytes;
}

function elementBytes(item: Value, element: Column["element"]): Buffer {
  if (element !== "int" && element !== "real") return Buffer.from(item as string, "utf8");
  const bytes = Buffer.alloc(8);
  if (element === "int") bytes.writeBigInt64BE(BigInt(item as number));
  else bytes.writeDoubleBE(item as number);
  return bytes;
}

export type FromCql = (value: unknown) => Value;

/** Makes a function that gives the stored value of what the client read; null where it is absent. */
export function fromCql(column: Column): FromCql {
  const decode = decoderOf(column);
  return (value) => (value === null || value === undefined ? null : decode(value));
}

function decoderOf(column: Column): FromCql {
  switch (column.kind) {
    case "text":
    case "json":
    case "real":
    case "bool":
      return (value) => value as Value;
    case "int":
      return (value) => safeInteger(column, value);
    case "int64":
      return (value) => BigInt(value as bigint);
    case "decimal":
      return (value) => shortest(String(value));
    case "time":
      return (value) => (value as Date).getTime();
    case "list":
      return (value) => {
        const list = value as readonly unknown[];
        return column.element === "int" ? list.map((item) => safeInteger(column, item)) : (list as readonly Value[]);
      };
    case "blob":
      return (value) => {
        const { buffer, byteOffset, byteLength } = value as Buffer;
        return new Uint8Array(buffer, byteOffset, byteLength);
      };
  }
}

function safeInteger({ name, type }: Column, value: unknown): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new DbError("drift", `the column "${name}" of a row has a value that a column of type ${type} does not hold`, {
    column: name,
    outcome: "none",
  });
}

/** A decimal in its shortest form; other programs write them with zeros at the end. */
function shortest(text: string): string {
  if (!text.includes(".")) return text;
  const short = text.replace(/0+$/, "").replace(/\.$/, "");
  return short === "-0" ? "0" : short;
}
