// Conditions as functions on rows of logical values: what the core evaluates itself, and the reference for every engine.

import { comparatorOf, compareText, sameValue } from "../schema/compare.js";
import type { Column } from "../schema/table.js";
import { DbError } from "../errors.js";
import type { Condition, Related, Test } from "./condition.js";
import { compilePattern } from "./text-patterns.js";

/** Tells whether a row is matched by a condition with these values. */
export type Matcher = (row: readonly unknown[], values: readonly unknown[]) => boolean;

/** Tells whether a value passes a test, whose values are at its slots. */
type ValueTest = (value: unknown, values: readonly unknown[]) => boolean;

/**
 * Makes a condition a function on rows.
 *
 * Rows and values are logical. A row's value that is null or undefined is absent: it passes `null` and `same`, if that
 * asks for absence, and no other test.
 *
 * @param place    where a column's value stands in the rows
 * @param related  where it stands in the rows whether what is asked of a row of another table holds
 */
export function compileMatcher(
  condition: Condition,
  place: (column: Column) => number,
  related: (part: Related) => number = unknownToRows,
): Matcher {
  if (condition.kind === "test") return compileTest(condition, place(condition.column));
  if (condition.kind === "related") {
    const at = related(condition);
    return (row) => row[at] === true;
  }
  const parts = condition.parts.map((part) => compileMatcher(part, place, related));
  const [first, second] = parts;
  if (parts.length === 1) return first!;
  if (condition.kind === "and") {
    if (parts.length === 2) return (row, values) => first!(row, values) && second!(row, values);
    return (row, values) => {
      for (const part of parts) if (!part(row, values)) return false;
      return true;
    };
  }
  return (row, values) => {
    for (const part of parts) if (part(row, values)) return true;
    return false;
  };
}

function unknownToRows({ table }: Related): never {
  throw new DbError("internal", `a row does not tell what the row of ${table.name} has that it refers to`);
}

function compileTest(test: Test, at: number): Matcher {
  const { member } = test;
  const passes = anyTest(test);
  if (member === undefined) return (row, values) => passes(row[at], values);
  return (row, values) => passes(memberOf(row[at], member), values);
}

/** A test of a value that may be absent. */
function anyTest(test: Test): ValueTest {
  if (test.op === "null") return (value) => !isPresent(value);
  if (test.op === "not_null") return isPresent;
  if (test.op === "same") {
    const same = sameValue(test.column.kind);
    const slot = test.slots[0]!;
    return (value, values) => same(value, values[slot]);
  }
  const passes = test.member === undefined ? columnTest(test) : memberTest(test);
  return (value, values) => isPresent(value) && passes(value, values);
}

function isPresent(value: unknown): boolean {
  return value !== null && value !== undefined;
}

function memberOf(rest: unknown, member: string): unknown {
  if (typeof rest !== "object" || rest === null || !Object.hasOwn(rest, member)) return undefined;
  return (rest as Readonly<Record<string, unknown>>)[member];
}

function columnTest(test: Test): ValueTest {
  const { kind } = test.column;
  if (kind === "list") return elementTest(test);
  return valueTest(test, kind === "time" ? sameValue(kind) : identical, comparatorOf(kind));
}

const identical = (a: unknown, b: unknown): boolean => a === b;

// Elements are texts or numbers.
function elementTest({ op, slots }: Test): ValueTest {
  const slot = slots[0]!;
  const isWanted = op === "contains";
  return (value, values) => (value as readonly unknown[]).includes(values[slot]) === isWanted;
}

/** Undeclared columns hold any JSON value: order is between texts or between numbers, else false. */
function memberTest(test: Test): ValueTest {
  const order = (a: unknown, b: unknown): number => {
    if (typeof a === "string" && typeof b === "string") return compareText(a, b);
    if (typeof a === "number" && typeof b === "number") return a - b;
    return Number.NaN;
  };
  if (test.op === "begins_with" || test.op === "not_begins_with") {
    const slot = test.slots[0]!;
    const isWanted = test.op === "begins_with";
    return (value, values) => (typeof value === "string" && value.startsWith(values[slot] as string)) === isWanted;
  }
  return valueTest(test, identical, order);
}

function valueTest(test: Test, equal: (a: unknown, b: unknown) => boolean, compare: (a: unknown, b: unknown) => number): ValueTest {
  const { op, slots } = test;
  const slot = slots[0]!;
  const high = slots[1]!;
  switch (op) {
    case "eq":
      return (value, values) => equal(value, values[slot]);
    case "ne":
      return (value, values) => !equal(value, values[slot]);
    case "gt":
      return (value, values) => compare(value, values[slot]) > 0;
    case "ge":
      return (value, values) => compare(value, values[slot]) >= 0;
    case "lt":
      return (value, values) => compare(value, values[slot]) < 0;
    case "le":
      return (value, values) => compare(value, values[slot]) <= 0;
    case "between":
      return (value, values) => compare(value, values[slot]) >= 0 && compare(value, values[high]) <= 0;
    case "not_between":
      return (value, values) => compare(value, values[slot]) < 0 || compare(value, values[high]) > 0;
    case "in":
    case "not_in":
      return memberOfList(slots, op === "in", equal);
    case "begins_with":
      return (value, values) => (value as string).startsWith(values[slot] as string);
    case "not_begins_with":
      return (value, values) => !(value as string).startsWith(values[slot] as string);
    case "ends_with":
      return (value, values) => (value as string).endsWith(values[slot] as string);
    case "not_ends_with":
      return (value, values) => !(value as string).endsWith(values[slot] as string);
    case "contains":
      return (value, values) => (value as string).includes(values[slot] as string);
    case "not_contains":
      return (value, values) => !(value as string).includes(values[slot] as string);
    case "like":
    case "ilike":
    case "not_like":
    case "not_ilike":
      return byText(slot, !op.startsWith("not_"), (pattern) => compilePattern(pattern, op.endsWith("ilike")));
    case "regexp":
    case "iregexp":
    case "not_regexp":
    case "not_iregexp":
      return byText(slot, !op.startsWith("not_"), (source) => {
        const pattern = new RegExp(source, op.endsWith("iregexp") ? "iu" : "u");
        return (text) => pattern.test(text);
      });
    case "null":
    case "not_null":
    case "same":
      throw new Error(`${op} is no test of a present value`);
  }
}

const longList = 16;

/** Long lists are looked up in a set, which is kept while the values stay the same from row to row. */
function memberOfList(slots: readonly number[], isWanted: boolean, equal: (a: unknown, b: unknown) => boolean): ValueTest {
  if (slots.length <= longList) return (value, values) => slots.some((slot) => equal(value, values[slot])) === isWanted;
  let kept: { readonly values: readonly unknown[]; readonly members: ReadonlySet<unknown> } | undefined;
  return (value, values) => {
    if (kept?.values !== values) kept = { values, members: new Set(slots.map((slot) => lookedUp(values[slot]))) };
    return kept!.members.has(lookedUp(value)) === isWanted;
  };
}

// Times are objects: two of them are equal by what they tell. A column holds one kind, so numbers and times do not meet.
function lookedUp(value: unknown): unknown {
  return value instanceof Date ? value.getTime() : value;
}

/** A test by a function that is made of a text, and kept while the text stays the same from row to row. */
function byText(slot: number, isWanted: boolean, compile: (text: string) => (value: string) => boolean): ValueTest {
  let kept: { text: string; passes: (value: string) => boolean } | undefined;
  return (value, values) => {
    const text = values[slot] as string;
    if (kept?.text !== text) kept = { text, passes: compile(text) };
    return kept!.passes(value as string) === isWanted;
  };
}
