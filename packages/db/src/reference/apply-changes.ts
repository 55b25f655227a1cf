// What a row is after changes: the reference for every engine, and what the core does where an engine cannot.

import type { Change } from "./change.js";
import { invalid } from "../errors.js";
import { addDecimal, compareDecimal, decimalOfNumber, fitsDecimal } from "../schema/decimal.js";
import { isJoinedText } from "../schema/is-joined-text.js";
import { joinText, splitText } from "../schema/join.js";
import type { Column } from "../schema/table.js";
import { distinct } from "../schema/value-checks.js";

/**
 * The row after changes; the row that is given stays as it is.
 *
 * @param row  logical values of all columns of the table, by `column.index`
 * @throws DbError `invalid` when a sum is outside its column's type, or a string or list over its length
 */
export function applyChanges(changes: readonly Change[], row: readonly unknown[], values: readonly unknown[]): unknown[] {
  const next = row.slice();
  const members: Change[] = [];
  for (const change of changes) {
    if (change.member !== undefined) members.push(change);
    else if (change.from === undefined) next[change.column.index] = changedValue(change, next, values);
  }
  if (members.length > 0) next[members[0]!.column.index] = withMembers(row[members[0]!.column.index], members, values);
  for (const change of changes)
    if (change.from !== undefined) next[change.column.index] = joinedValue(change.column, change.from, row, next, values);
  return next;
}

function changedValue({ column, op, slot }: Change, row: readonly unknown[], values: readonly unknown[]): unknown {
  const operand = slot === undefined ? null : values[slot];
  const old = row[column.index] ?? null;
  switch (op) {
    case "set":
      return operand;
    case "unset":
      return null;
    case "incr":
      return sumOf(column, old, operand);
    case "append":
      return inLength(column, concat(column, old, operand));
    case "prepend":
      return inLength(column, concat(column, operand, old));
    case "add":
      return inLength(column, distinct([...((old ?? []) as unknown[]), ...(operand as unknown[])]));
    case "del": {
      const gone = new Set(operand as unknown[]);
      return ((old ?? []) as unknown[]).filter((element) => !gone.has(element));
    }
  }
}

/** The undeclared columns of an open table after changes: all at once, since copying them for each change would take quadratic time. */
function withMembers(old: unknown, changes: readonly Change[], values: readonly unknown[]): Readonly<Record<string, unknown>> | null {
  const members = new Map(Object.entries((old ?? {}) as Readonly<Record<string, unknown>>));
  for (const { member, slot } of changes) {
    const value = slot === undefined ? null : (values[slot] ?? null);
    members.delete(member!);
    if (value !== null) members.set(member!, value);
  }
  return members.size === 0 ? null : Object.fromEntries(members);
}

const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;

function sumOf(column: Column, old: unknown, by: unknown): unknown {
  switch (column.kind) {
    case "int": {
      const sum = ((old ?? 0) as number) + (by as number);
      return inRange(column, sum, Number.isSafeInteger(sum));
    }
    case "real": {
      const sum = ((old ?? 0) as number) + (by as number);
      return inRange(column, sum, Number.isFinite(sum));
    }
    case "int64": {
      const sum = ((old ?? 0n) as bigint) + (by as bigint);
      return inRange(column, sum, sum >= minInt64 && sum <= maxInt64);
    }
    case "decimal": {
      const sum = addDecimal((old ?? "0") as string, by as string);
      return inRange(column, sum, fitsDecimal(sum));
    }
    default:
      throw new Error(`column ${column.name} holds no number`);
  }
}

function inRange<T extends number | bigint | string>(column: Column, sum: T, isInside: boolean): T {
  const { min, max } = column.definition;
  const tooLow = min !== undefined && compareWithBound(sum, min) < 0;
  const tooHigh = max !== undefined && compareWithBound(sum, max) > 0;
  if (!isInside) throw invalid(`the sum is outside the type ${column.type} of column ${column.name}`, { column: column.name });
  if (tooLow) throw invalid(`the sum in column ${column.name} must be at least ${min}`, { column: column.name });
  if (tooHigh) throw invalid(`the sum in column ${column.name} must be at most ${max}`, { column: column.name });
  return sum;
}

function compareWithBound(sum: number | bigint | string, bound: number): number {
  if (typeof sum === "string") return compareDecimal(sum, decimalOfNumber(bound));
  return sum < bound ? -1 : sum > bound ? 1 : 0;
}

function concat(column: Column, first: unknown, second: unknown): string | unknown[] {
  if (column.kind === "text") return ((first ?? "") as string) + ((second ?? "") as string);
  return [...((first ?? []) as unknown[]), ...((second ?? []) as unknown[])];
}

function inLength<T extends string | unknown[]>(column: Column, value: T): T {
  const { maxLength } = column;
  if (maxLength === undefined || value.length <= maxLength) return value;
  if (typeof value === "string" && Array.from(value).length <= maxLength) return value;
  const unit = typeof value === "string" ? "characters" : "elements";
  throw invalid(`column ${column.name} must have at most ${maxLength} ${unit}`, { column: column.name });
}

function joinedValue(
  column: Column,
  { join, slots }: NonNullable<Change["from"]>,
  row: readonly unknown[],
  next: readonly unknown[],
  values: readonly unknown[],
): string | null {
  const old = row[column.index];
  const oldParts = typeof old === "string" ? splitText(join, old) : [];
  const parts = join.parts.map((part, i) => {
    const slot = slots[i];
    if (slot !== undefined) return values[slot];
    return part.index >= 0 && part !== column ? next[part.index] : (oldParts[i] ?? null);
  });
  const ownSlot = slots[join.parts.indexOf(column)];
  const own = ownSlot === undefined ? undefined : values[ownSlot];
  const text = isJoinedText(join, own, parts) ? own : joinText(join, parts);
  if (text === null && column.definition.notEmpty) throw invalid(`column ${column.name} must not be empty`, { column: column.name });
  return text;
}
