// The changes that a caller's row asks of `update`, `incr` and `updateAll`.

import type { Change, ChangeOp } from "../driver.js";
import { invalid } from "../errors.js";
import { type RowRules, checkIndexBytes, checkOpenName, mustNotBeEmpty, unknownColumn } from "./row.js";
import { isPlainObject, ownMember } from "../schema/plain-object.js";
import type { Column, Table } from "../schema/table.js";
import { withAllProblems } from "./row-problems.js";
import { amountTypes, checkOperand } from "./operand.js";
import { type GivenChange, computeColumns } from "./computed-columns.js";

/** How a caller's row is read as changes. */
export interface ChangeOptions {
  /** With `incr`, numbers are added unless `ops` says otherwise. With `updateAll` key columns are refused; else they are left alone. */
  readonly verb: "update" | "incr" | "updateAll";
  /** Operations by column: `{ tags: "add" }`. */
  readonly ops?: Readonly<Record<string, string>> | undefined;
  /** Take given values of `now` columns, which are else left to the caller of this function. */
  readonly keepNow?: boolean | undefined;
}

/**
 * The changes of a row's columns beside its key, at most one for each column and member.
 *
 * - `undefined` leaves a column out; null unsets it, and sets a counter to 0. `readonly` and `now` columns are left alone.
 * - Joined columns follow their parts. Where a part must be taken from the row, the change has `from`.
 * - Logical values are appended to `values`.
 *
 * @throws DbError `invalid` or `too-large`, naming the column, for unknown columns and operations and for values that do not fit them
 */
export function parseChanges(own: RowRules, row: unknown, options: ChangeOptions, values: unknown[]): Change[] {
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw invalid("the row must be an object of columns");
  const given = row as Readonly<Record<string, unknown>>;
  const ops = readOps(own.table, given, options.ops);
  const names = namesOf(given, ops);
  const changes = new Map<Column, GivenChange>();
  const members: Change[] = [];
  const read = (name: string): void => {
    const rule = own.rules.get(name);
    const value = ownMember(given, name);
    if (rule === undefined) members.push(memberChange(own, name, value, ops.get(name), values));
    else {
      const change = readChange(own, rule.column, rule.check, value, ops.get(name), options);
      if (change !== undefined) changes.set(rule.column, change);
    }
  };
  try {
    for (const name of names) read(name);
  } catch (error) {
    throw withAllProblems(error, names, read);
  }
  const computed = computeColumns(own.table, changes, values);
  for (const [column, { op, value, isFixed }] of changes) {
    if (isFixed || column.index < 0 || computed.has(column)) continue;
    members.push({ column, op, slot: op === "unset" ? undefined : values.push(value) - 1 });
  }
  const all = [...members, ...computed.values()].filter((change) => change !== undefined);
  if (own.boundedTexts.size > 0)
    for (const { column, op, slot } of all) if (op === "set" && slot !== undefined) checkIndexBytes(own, column, values[slot]);
  return all;
}

function namesOf(row: Readonly<Record<string, unknown>>, ops: ReadonlyMap<string, ChangeOp>): Set<string> {
  const names = Object.keys(row).filter((name) => row[name] !== undefined);
  return new Set([...names, ...ops.keys()]);
}

const changeOps: ReadonlySet<string> = new Set<ChangeOp>(["set", "incr", "append", "prepend", "add", "del", "unset"]);

function readOps(table: Table, row: Readonly<Record<string, unknown>>, ops: unknown): ReadonlyMap<string, ChangeOp> {
  if (ops === undefined) return noOps;
  if (!isPlainObject(ops)) throw invalid("ops must be an object with an operation for each column");
  return new Map(
    Object.entries(ops).map(([name, op]) => {
      if (!table.byName.has(name) && table.rest === undefined) throw unknownColumn(table, name);
      if (typeof op !== "string" || !changeOps.has(op))
        throw invalid(`unknown operation on ${name}; there are ${[...changeOps].join(", ")}`, { column: name });
      if (op !== "unset" && ownMember(row, name) === undefined)
        throw invalid(`ops names ${name}, which has no value in the row`, { column: name });
      return [name, op as ChangeOp];
    }),
  );
}

const noOps: ReadonlyMap<string, ChangeOp> = new Map();

function readChange(
  own: RowRules,
  column: Column,
  check: (value: unknown) => unknown,
  value: unknown,
  givenOp: ChangeOp | undefined,
  { verb, keepNow }: ChangeOptions,
): GivenChange | undefined {
  const { name, definition } = column;
  if (column.isKey || own.keyJoins.has(name)) {
    if (verb === "updateAll" || givenOp !== undefined)
      throw invalid(`column ${name} is part of the key and cannot be changed`, { column: name });
    return { op: "set", value: value === null ? null : check(value), isFixed: true };
  }
  if (definition.readonly || (column.type === "now" && !keepNow)) return undefined;
  const op = givenOp ?? (verb === "incr" && amountTypes.has(column.type) ? "incr" : "set");
  if (op === "unset" || (op === "set" && value === null)) {
    // As inserts do with null: a counter begins again, a time of change is the core's.
    if (column.type === "counter") return { op: "set", value: 0, isFixed: false };
    if (column.type === "now") return undefined;
    if (definition.notEmpty) throw mustNotBeEmpty(column);
    return { op: "unset", value: null, isFixed: false };
  }
  if (value === null) throw invalid(`the operation ${op} on ${name} needs a value`, { column: name });
  if (op === "set") return { op, value: check(value), isFixed: false };
  if (column.index < 0) throw invalid(`column ${name} is not stored; it takes no operation but set`, { column: name });
  return { op, value: checkOperand(column, op, value), isFixed: false };
}

function memberChange(own: RowRules, name: string, value: unknown, op: ChangeOp | undefined, values: unknown[]): Change {
  const column = own.table.rest;
  if (column === undefined) throw unknownColumn(own.table, name);
  const member = checkOpenName(own.table, name);
  if (op !== undefined && op !== "set" && op !== "unset")
    throw invalid(`column ${name} is not declared; it takes no operations but set and unset`, { column: name });
  if (op === "unset" || value === null) return { column, op: "unset", slot: undefined, member };
  const checked = own.stored[column.index]!.check({ [member]: value }) as Readonly<Record<string, unknown>>;
  return { column, op: "set", slot: values.push(checked[member]) - 1, member };
}
