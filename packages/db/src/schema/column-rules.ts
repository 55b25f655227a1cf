// What a definition asks of a value beyond its type: changes (trim, lower, decimals …) and rules (values, min, check …).

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { compareDecimal, decimalOfNumber, multiplyDecimal, roundDecimal } from "./decimal.js";
import { refuse } from "./refuse.js";
import type { Column } from "./table.js";
import { kindCheck, type Check } from "./value-checks.js";

/** The changes of text that filters make too, so that a filter finds what was stored. */
export function textChanges(column: Column): Check[] {
  const { trim, lower, upper, cap } = column.definition;
  const changes: Check[] = [];
  if (trim) changes.push((value) => (value as string).trim());
  if (lower) changes.push((value) => (value as string).toLowerCase());
  if (upper) changes.push((value) => (value as string).toUpperCase());
  if (cap) changes.push((value) => capitalize(value as string));
  return changes;
}

// A word starts at a letter that no letter, digit or apostrophe precedes.
const wordStart = /(?<![\p{L}\p{M}\p{N}'’])\p{L}/gu;

function capitalize(text: string): string {
  return text.replaceAll(wordStart, (letter) => letter.toUpperCase());
}

/** The changes of numbers, in order: rounding, then the multiplier. */
export function numberChanges(column: Column): Check[] {
  const { decimals, multiplier } = column.definition;
  const changes: Check[] = [];
  if (decimals !== undefined) changes.push((value) => rounded(value, decimals));
  if (multiplier !== undefined) changes.push((value) => multiplied(column, value, multiplier));
  return changes;
}

function rounded(value: unknown, places: number): unknown {
  // By the digits that people see: 1.005 is a little less in binary, and would be rounded down.
  if (typeof value === "number") return Number(roundDecimal(decimalOfNumber(value), places)) + 0;
  return roundDecimal(value as string, places);
}

function multiplied(column: Column, value: unknown, multiplier: number): unknown {
  if (column.kind === "real") return checkedProduct(column, (value as number) * multiplier);
  // Exactly, so that 3 times 0.1 is no integer by accident of binary fractions.
  const product = multiplyDecimal(String(value), decimalOfNumber(multiplier));
  if (column.kind === "decimal") return checkedProduct(column, product);
  if (product.includes(".")) refuse(column, "multiplier", "must be an integer after it is multiplied");
  return checkedProduct(column, column.kind === "int64" ? BigInt(product) : Number(product));
}

function checkedProduct(column: Column, product: unknown): unknown {
  try {
    return kindCheck(column)(product);
  } catch (cause) {
    return refuse(column, "multiplier", "is outside its type after it is multiplied", { cause });
  }
}

/** The rules that refuse a value and do not change it. */
export function rulesOf(column: Column): Check[] {
  return [...sizeRules(column), ...boundRules(column), ...valueRules(column)];
}

function sizeRules(column: Column): Check[] {
  const { notEmpty } = column.definition;
  const { isKey, kind, maxLength } = column;
  const rules: Check[] = [];
  if (isKey && kind === "text") {
    rules.push((value) => (value === "" ? refuse(column, "primary", "is part of the primary key and must not be empty") : value));
  }
  if (notEmpty) rules.push((value) => (isEmpty(value) ? refuse(column, "notEmpty", "must not be empty") : value));
  if (maxLength !== undefined) {
    const unit = kind === "text" ? "characters" : kind === "blob" ? "bytes" : "elements";
    const code = isKey ? "too-large" : "invalid";
    rules.push((value) => {
      if (isLonger(value as Sized, maxLength)) refuse(column, "maxLength", `must have at most ${maxLength} ${unit}`, { code });
      return value;
    });
  }
  return rules;
}

type Sized = string | readonly unknown[] | Uint8Array;

function isLonger(value: Sized, most: number): boolean {
  // A code point has one or two units: most strings are settled by their length alone.
  if (value.length <= most || typeof value !== "string") return value.length > most;
  if (value.length > 2 * most) return true;
  let points = 0;
  for (let at = 0; at < value.length; at += value.codePointAt(at)! > 0xffff ? 2 : 1) points++;
  return points > most;
}

/** Whether a value is the empty string, list, object or blob. */
export function isEmpty(value: unknown): boolean {
  if (value === "") return true;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  return typeof value === "object" && value !== null && !(value instanceof Date) && Object.keys(value).length === 0;
}

function boundRules(column: Column): Check[] {
  const { min, max } = column.definition;
  const rules: Check[] = [];
  if (min !== undefined) {
    const low = decimalOfNumber(min);
    rules.push((value) => (isLess(value, min, low) ? refuse(column, "min", `must be at least ${min}`) : value));
  }
  if (max !== undefined) {
    const high = decimalOfNumber(max);
    rules.push((value) => (isMore(value, max, high) ? refuse(column, "max", `must be at most ${max}`) : value));
  }
  return rules;
}

// Numbers and bigints compare with each other exactly; decimals compare as text.
function isLess(value: unknown, bound: number, text: string): boolean {
  return typeof value === "string" ? compareDecimal(value, text) < 0 : (value as number) < bound;
}

function isMore(value: unknown, bound: number, text: string): boolean {
  return typeof value === "string" ? compareDecimal(value, text) > 0 : (value as number) > bound;
}

function valueRules(column: Column): Check[] {
  const { values } = column.definition;
  if (values === undefined) return [];
  const allowed = new Set(values.map((value) => allowedValue(column, value)));
  const subject = { name: column.name, isElement: column.kind === "list" };
  return [
    (value) => {
      const found = Array.isArray(value) ? value.every((item) => allowed.has(item)) : allowed.has(value);
      return found ? value : refuse(subject, "values", `must be one of ${listed(values)}`);
    },
  ];
}

const mostListed = 20;

function listed(values: readonly (string | number)[]): string {
  const shown = values.slice(0, mostListed).map((value) => JSON.stringify(value));
  return values.length > mostListed ? `${shown.join(", ")} … (${values.length} in all)` : shown.join(", ");
}

/** An entry of `values` in logical form. */
export function allowedValue(column: Column, value: string | number): unknown {
  if (column.kind === "int64" && Number.isSafeInteger(value)) return BigInt(value);
  const checked = kindCheck(column)(column.kind === "list" ? [value] : value);
  return column.kind === "list" ? (checked as unknown[])[0] : checked;
}

/**
 * Runs a Standard Schema on a value and returns its output.
 *
 * @throws DbError `invalid` with the schema's messages, or when it throws, is asynchronous or returns nothing
 */
export function runSchema(column: Column, schema: StandardSchemaV1, value: unknown): unknown {
  let result: StandardSchemaV1.Result<unknown> | Promise<StandardSchemaV1.Result<unknown>>;
  try {
    result = schema["~standard"].validate(value);
  } catch (cause) {
    return refuse(column, "check", "could not be checked: its schema threw an error", { cause });
  }
  if (result instanceof Promise) {
    // The call fails either way; a later rejection must not end the process.
    result.catch(() => undefined);
    return refuse(column, "check", "has an asynchronous schema; it must be synchronous");
  }
  if (result.issues !== undefined) {
    return refuse(column, "check", `is refused by its schema: ${result.issues.map((issue) => issue.message).join("; ")}`);
  }
  if (result.value === undefined || result.value === null) return refuse(column, "check", "has a schema that returned no value");
  return result.value;
}
