import type { Value } from "../../driver.js";

/** Values of one column as the text of a PostgreSQL array, to be bound as one value. */
export function arrayLiteral(values: Iterable<Value>): string {
  let text = "";
  for (const value of values) text += (text === "" ? "{" : ",") + element(value);
  return text === "" ? "{}" : `${text}}`;
}

function element(value: Value): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return quoted(value);
  if (value instanceof Uint8Array) return `"\\\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}"`;
  if (typeof value === "boolean") return value ? "t" : "f";
  return String(value);
}

function quoted(text: string): string {
  return `"${/["\\]/.test(text) ? text.replace(/["\\]/g, "\\$&") : text}"`;
}
