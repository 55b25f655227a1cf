// Filters and guards as callers write them become conditions: operators resolved, `$not` pushed down, values checked.

import { invalid } from "../errors.js";
import { isPlainObject } from "../schema/plain-object.js";
import type { Table } from "../schema/table.js";
import { type Subject, buildTest, nameOf } from "./filter-test.js";
import { type Condition, allOf, anyOf, isNever, never } from "../reference/condition.js";
import { deriveJoins, notStored } from "./derive-joins.js";
import { type Operator, operatorOf } from "../schema/operators.js";
import { checkOpenName, unknownColumn } from "./row.js";

/** Settings of a call that change how its filter is read. */
export interface FilterOptions {
  /** Operators of plain values, by column: `{ taken: "ge" }`. */
  readonly ops?: Readonly<Record<string, string>> | undefined;
  /** With `select`, the columns' own default operators apply to plain values, and `$ref` may ask of rows of other tables. */
  readonly call?: string | undefined;
}

/** How deep `$ref` may stand in `$ref`. */
const deepestRef = 3;

interface Reading {
  readonly table: Table;
  readonly values: unknown[];
  readonly ops: ReadonlyMap<string, Operator>;
  readonly usesDefaults: boolean;
  /** The columns whose operator in `ops` was used. */
  readonly used: Set<string>;
  /** How many `$ref` it stands in. */
  readonly depth: number;
}

/**
 * The condition that a filter states.
 *
 * - Logical values are appended to `values`; the tests' slots point to them. A slot that no test names holds null.
 * - All entries of an object hold together; `{}` always holds.
 * - Where the parts of a key's joined column are given, a test on the joined column itself is added, so that the key serves the call.
 *
 * @throws DbError `invalid`, naming the column, for unknown columns and operators, values of the wrong type, `undefined`
 *   anywhere, empty groups, and parts that are not stored and cannot be tested by way of their joined column
 */
export function parseFilter(table: Table, filter: unknown, values: unknown[], options: FilterOptions = {}): Condition {
  const reading: Reading = {
    table,
    values,
    ops: readOps(table, options.ops),
    usesDefaults: options.call === "select",
    used: new Set(),
    depth: 0,
  };
  const parts = readEntries(reading, filter, false, "the filter");
  for (const name of reading.ops.keys())
    if (!reading.used.has(name)) throw invalid(`ops names ${name}, which has no plain value in the filter`, { column: name });
  return deriveJoins(table, allOf(parts), values);
}

function readOps(table: Table, ops: unknown): ReadonlyMap<string, Operator> {
  if (ops === undefined) return noOps;
  if (!isPlainObject(ops)) throw invalid("ops must be an object with an operator for each column");
  return new Map(
    Object.entries(ops).map(([name, op]) => {
      subjectOf(table, name);
      return [name, operatorNamed(op, name)];
    }),
  );
}

const noOps: ReadonlyMap<string, Operator> = new Map();

function operatorNamed(name: unknown, column: string): Operator {
  const operator = typeof name === "string" ? operatorOf(name) : undefined;
  if (operator === undefined) throw invalid(`unknown operator ${quoted(name)} on ${column}`, { column });
  return operator;
}

// `$or`, `$OR`, `$$or`, `$or1`: one object may hold several groups of a kind.
const groupName = /^\$+(or|and|not)\d*$/i;

/** The condition of each entry of a filter object, each negated if so wanted. */
function readEntries(reading: Reading, filter: unknown, negate: boolean, what: string): Condition[] {
  if (!isPlainObject(filter)) throw invalid(`${what} must be an object of columns and values`);
  return Object.entries(filter).map(([name, value]) => {
    if (value === undefined) throw invalid(`${name} is undefined in ${what}; leave it out, or use null for absence`, { column: name });
    const group = name.startsWith("$") ? groupName.exec(name)?.[1]?.toLowerCase() : undefined;
    return group === undefined ? readColumn(reading, name, value, negate) : readGroup(reading, name, group, value, negate);
  });
}

function readGroup(reading: Reading, name: string, group: string, value: unknown, negate: boolean): Condition {
  const inverted = group === "not" ? !negate : negate;
  const parts = Array.isArray(value)
    ? value.map((item: unknown) =>
        joinEntries(readEntries(reading, item, inverted, `a member of ${name}`), inverted, `a member of ${name}`),
      )
    : readEntries(reading, value, inverted, name);
  // Not (a and b) is (not a) or (not b).
  return joinEntries(parts, (group === "or") !== inverted, name);
}

function joinEntries(parts: readonly Condition[], byOr: boolean, what: string): Condition {
  if (parts.length === 0) throw invalid(`${what} is empty; a group needs at least one condition`);
  return byOr ? anyOf(parts) : allOf(parts);
}

function readColumn(reading: Reading, name: string, value: unknown, negate: boolean): Condition {
  if (isPlainObject(value) && Object.hasOwn(value, "$ref")) return readReference(reading, name, value, negate);
  const subject = subjectOf(reading.table, name);
  if (isPlainObject(value)) {
    const parts = Object.entries(value).map(([key, operand]) => {
      if (!key.startsWith("$")) throw invalid(`${name} holds ${quoted(key)}; operators begin with $, as in { $gt: 1 }`, { column: name });
      if (operand === undefined) throw invalid(`the operand of ${key} on ${name} is undefined`, { column: name });
      return buildTest(subject, operatorNamed(key.slice(1), name), operand, reading.values, negate);
    });
    return joinEntries(parts, negate, `the condition on ${name}`);
  }
  return buildTest(subject, plainOperator(reading, subject, value), value, reading.values, negate);
}

/**
 * `{ owner: { $ref: { name: "A" } } }`: the row that `owner` refers to is there, and the filter holds for it. The opposite is that
 * it is there and the filter's opposite holds: what refers to nothing passes neither, as an absent value does.
 */
function readReference(reading: Reading, name: string, value: Record<string, unknown>, negate: boolean): Condition {
  const { $ref: asked, ...others } = value;
  const { table } = reading;
  const reference = table.references.find((each) => each.name === name);
  if (reference === undefined) {
    const names = table.references.map((each) => each.name).join(", ");
    throw invalid(
      `${name} is no reference of ${table.name}, so $ref has nothing to ask; ${names === "" ? "it has none" : `it has ${names}`}`,
      {
        column: name,
      },
    );
  }
  for (const column of reference.columns) if (table.byName.get(column.name) !== column) throw unknownColumn(table, column.name);
  if (!reading.usesDefaults)
    throw invalid(`$ref on ${name}: this call takes conditions on columns of ${table.name} alone`, { column: name });
  if (reading.depth === deepestRef) throw invalid(`$ref on ${name} is nested more than ${deepestRef} deep`, { column: name });
  const inner: Reading = { ...reading, table: reference.table, ops: noOps, used: new Set(), depth: reading.depth + 1 };
  const what = `$ref on ${name}`;
  const joined = joinEntries(readEntries(inner, asked, negate, what), negate, what);
  const condition = deriveJoins(reference.table, joined, reading.values);
  const related: Condition = isNever(condition)
    ? never
    : { kind: "related", columns: reference.columns, table: reference.table, condition };
  if (Object.keys(others).length === 0) return related;
  return joinEntries([related, readColumn(reading, name, others, negate)], negate, `the condition on ${name}`);
}

/** The operator that a value without one means. */
function plainOperator(reading: Reading, subject: Subject, value: unknown): Operator {
  const name = nameOf(subject);
  const given = reading.ops.get(name);
  if (given !== undefined) {
    reading.used.add(name);
    return given;
  }
  if (value === null) return "null";
  const isList = Array.isArray(value);
  const preferred = subject.member === undefined && reading.usesDefaults ? subject.column.definition.ops?.select : undefined;
  if (preferred !== undefined) {
    const operator = operatorNamed(preferred, name);
    if (takesList.has(operator) === isList && operator !== "null" && operator !== "not_null") return operator;
  }
  return isList ? "in" : "eq";
}

const takesList: ReadonlySet<Operator> = new Set<Operator>(["in", "not_in", "between", "not_between"]);

function subjectOf(table: Table, name: string): Subject {
  const column = table.byName.get(name);
  if (column !== undefined) {
    // The parts of joined columns may stand for these.
    if (column.index < 0 && table.joins.length === 0) throw notStored(table, column);
    return { column };
  }
  if (table.rest === undefined) throw unknownColumn(table, name);
  return { column: table.rest, member: checkOpenName(table, name) };
}

function quoted(name: unknown): string {
  return typeof name === "string" ? JSON.stringify(name.slice(0, 50)) : `of type ${typeof name}`;
}
