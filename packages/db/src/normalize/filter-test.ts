// One operator and its value, as a caller writes them, checked against a column and made a test.

import { invalid } from "../errors.js";
import { textAfterPrefix } from "../schema/ordered-text.js";
import { filterCheckerOf } from "../schema/column-types.js";
import { isStorableText } from "../schema/storable-text.js";
import type { Column, Kind } from "../schema/table.js";
import { type Condition, type Slot, type Test, never } from "../reference/condition.js";
import { type Operator, negated } from "../schema/operators.js";
import { closePattern, escapePattern } from "../reference/text-patterns.js";

/** What a filter compares: a column, or an undeclared column of an open table, a member of the column `rest`. */
export interface Subject {
  readonly column: Column;
  readonly member?: string | undefined;
}

const absence: readonly Operator[] = ["null", "not_null"];
const comparisons: readonly Operator[] = ["eq", "ne", "gt", "ge", "lt", "le", "between", "not_between", "in", "not_in"];
const prefixes: readonly Operator[] = ["begins_with", "not_begins_with"];
const elements: readonly Operator[] = ["contains", "not_contains"];
const patterns: readonly Operator[] = ["like", "not_like", "ilike", "not_ilike"];
const expressions: readonly Operator[] = ["regexp", "not_regexp", "iregexp", "not_iregexp"];
const texts: readonly Operator[] = [...prefixes, "ends_with", "not_ends_with", ...elements, ...patterns, ...expressions];

const ordered = new Set([...absence, ...comparisons]);
const unordered = new Set(absence);

/** The operators that columns of a kind take in filters. */
export const operatorsOfKind: Readonly<Record<Kind, ReadonlySet<Operator>>> = {
  text: new Set([...absence, ...comparisons, ...texts]),
  int: ordered,
  int64: ordered,
  real: ordered,
  decimal: ordered,
  bool: ordered,
  time: ordered,
  json: unordered,
  list: new Set([...absence, ...elements]),
  blob: unordered,
};
const operatorsOfMembers: ReadonlySet<Operator> = new Set([...absence, ...comparisons, ...prefixes]);

/** The name by which a caller knows a subject. */
export function nameOf(subject: Subject): string {
  return subject.member ?? subject.column.name;
}

/**
 * The condition `subject op value`; its values are appended to `values`.
 *
 * @param negate  the opposite is wanted: the test that holds for the present values for which this one does not
 * @throws DbError `invalid` when the column does not take the operator or the value
 */
export function buildTest(subject: Subject, op: Operator, value: unknown, values: unknown[], negate: boolean): Condition {
  const allowed = subject.member === undefined ? operatorsOfKind[subject.column.kind] : operatorsOfMembers;
  if (!allowed.has(op)) throw notTaken(subject, op, allowed);
  const wanted = isAbsence(op) && !flagOf(subject, op, value) ? !negate : negate;
  const operator = wanted ? negated.get(op)! : op;
  if (isAbsence(op)) return test(subject, operator, []);
  return testOf(subject, operator, value, values);
}

function notTaken(subject: Subject, op: Operator, allowed: ReadonlySet<Operator>): Error {
  const what = subject.member === undefined ? `of type ${subject.column.type}` : "which is not declared,";
  return problem(subject, `column ${nameOf(subject)} ${what} does not take the operator ${op}; it takes ${[...allowed].join(", ")}`);
}

function isAbsence(op: Operator): boolean {
  return op === "null" || op === "not_null";
}

// `{ $null: false }` asks for presence. Null, as in `{ column: null }` with ops, reads as true.
function flagOf(subject: Subject, op: Operator, value: unknown): boolean {
  if (value === null) return true;
  if (typeof value !== "boolean") throw problem(subject, `the operator ${op} on ${nameOf(subject)} takes true or false`);
  return value;
}

function testOf(subject: Subject, op: Operator, value: unknown, values: unknown[]): Condition {
  switch (op) {
    case "in":
    case "not_in":
      return listTest(subject, op, checkedList(subject, op, value), values);
    case "between":
    case "not_between":
      return slotTest(subject, op, checkedRange(subject, op, value), values);
    case "begins_with":
    case "not_begins_with":
      return prefixTest(subject, op, checkedText(subject, op, value), values);
    case "contains":
    case "not_contains":
      if (subject.column.kind === "list") return slotTest(subject, op, [checkedValue(subject, op, value)], values);
      return partTest(subject, op, checkedText(subject, op, value), values);
    case "ends_with":
    case "not_ends_with":
      return partTest(subject, op, checkedText(subject, op, value), values);
    case "like":
    case "not_like":
    case "ilike":
    case "not_ilike":
      return slotTest(subject, op, [closePattern(checkedText(subject, op, value))], values);
    case "regexp":
    case "not_regexp":
    case "iregexp":
    case "not_iregexp":
      return slotTest(subject, op, [checkedExpression(subject, op, value)], values);
    case "null":
    case "not_null":
      return test(subject, op, []);
    default:
      return slotTest(subject, op, [checkedValue(subject, op, value)], values);
  }
}

function test(subject: Subject, op: Operator, slots: readonly Slot[]): Test {
  const { column, member } = subject;
  return member === undefined ? { kind: "test", column, op, slots } : { kind: "test", column, op, slots, member };
}

function slotTest(subject: Subject, op: Operator, own: readonly unknown[], values: unknown[]): Test {
  return test(
    subject,
    op,
    own.map((value) => values.push(value) - 1),
  );
}

/** Equal values once; one value is an equality; the last is repeated up to the next power of two, so that fewer shapes exist. */
function listTest(subject: Subject, op: "in" | "not_in", list: readonly unknown[], values: unknown[]): Condition {
  const members = [...new Map(list.map((value) => [value instanceof Date ? value.getTime() : value, value])).values()];
  if (members.length === 0) return op === "in" ? never : test(subject, "not_null", []);
  if (members.length === 1) return slotTest(subject, op === "in" ? "eq" : "ne", members, values);
  const size = 2 ** Math.ceil(Math.log2(members.length));
  while (members.length < size) members.push(members.at(-1));
  return slotTest(subject, op, members, values);
}

function prefixTest(subject: Subject, op: "begins_with" | "not_begins_with", prefix: string, values: unknown[]): Condition {
  if (prefix === "" && subject.member === undefined) return anyText(subject, op);
  const upper = textAfterPrefix(prefix);
  // Only prefixes of nothing but U+10FFFF have no upper bound. An undeclared column's value may be no text at all.
  if (upper === undefined && subject.member === undefined)
    return slotTest(subject, op === "begins_with" ? "like" : "not_like", [`${escapePattern(prefix)}%`], values);
  return slotTest(subject, op, [prefix, upper ?? prefix], values);
}

function partTest(subject: Subject, op: Operator, text: string, values: unknown[]): Condition {
  return text === "" ? anyText(subject, op) : slotTest(subject, op, [text], values);
}

// Every string begins with, ends with and contains the empty one.
function anyText(subject: Subject, op: Operator): Condition {
  return op.startsWith("not_") ? never : test(subject, "not_null", []);
}

type Check = (value: unknown) => unknown;

const checks = { whole: new WeakMap<Column, Check>(), part: new WeakMap<Column, Check>() };

/** The check of a filter's values for a column, made once. */
export function checkOf(column: Column, what: "whole" | "part"): Check {
  let check = checks[what].get(column);
  if (check === undefined) checks[what].set(column, (check = filterCheckerOf(column, what)));
  return check;
}

function checkedValue(subject: Subject, op: Operator, value: unknown): unknown {
  if (value === null || value === undefined)
    throw problem(subject, `the operator ${op} on ${nameOf(subject)} needs a value; use $null for absence`);
  if (subject.member !== undefined) return checkedMember(subject, op, value);
  return checkOf(subject.column, "whole")(value);
}

function checkedMember(subject: Subject, op: Operator, value: unknown): unknown {
  const isOrdered = typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
  const isEquality = op === "eq" || op === "ne" || op === "in" || op === "not_in";
  if (!isOrdered && !(isEquality && typeof value === "boolean"))
    throw problem(
      subject,
      `the operator ${op} on ${nameOf(subject)} takes a string or a finite number${isEquality ? ", true or false" : ""}`,
    );
  if (typeof value === "string") checkedString(subject, op, value);
  return value === 0 ? 0 : value;
}

function checkedList(subject: Subject, op: Operator, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw problem(subject, `the operator ${op} on ${nameOf(subject)} takes a list`);
  return value.map((member: unknown) => checkedValue(subject, op, member));
}

function checkedRange(subject: Subject, op: Operator, value: unknown): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== 2)
    throw problem(subject, `the operator ${op} on ${nameOf(subject)} takes a list of two, the lowest and the highest value`);
  const [low, high] = value.map((bound: unknown) => checkedValue(subject, op, bound));
  if (typeof low !== typeof high) throw problem(subject, `the bounds of ${op} on ${nameOf(subject)} must be of one type`);
  return [low, high];
}

function checkedText(subject: Subject, op: Operator, value: unknown): string {
  return subject.member === undefined ? (checkOf(subject.column, "part")(value) as string) : checkedString(subject, op, value);
}

function checkedString(subject: Subject, op: Operator, value: unknown): string {
  if (typeof value !== "string") throw problem(subject, `the operator ${op} on ${nameOf(subject)} takes a string`);
  if (!isStorableText(value)) throw problem(subject, `the string for ${nameOf(subject)} has U+0000 or a lone surrogate`);
  return value;
}

function checkedExpression(subject: Subject, op: Operator, value: unknown): string {
  // Not cased as the column's values are: \D is not \d.
  const source = checkedString(subject, op, value);
  try {
    new RegExp(source, "u");
  } catch (cause) {
    throw invalid(`the operator ${op} on ${nameOf(subject)} takes a regular expression of JavaScript, with the flag u`, {
      column: nameOf(subject),
      cause,
    });
  }
  return source;
}

function problem(subject: Subject, message: string): Error {
  return invalid(message, { column: nameOf(subject) });
}
