// Plain filters: columns compared with single values, as most calls have them. Which columns and operators a filter
// names decides its condition, so that is kept once filter.ts has made it; a repeated call only checks its values.

import { deepEqual } from "../schema/deep-equal.js";
import { isPlainObject } from "../schema/plain-object.js";
import type { Column, Table } from "../schema/table.js";
import { checkOf } from "./filter-test.js";
import { type Condition, type Test, conjuncts } from "../reference/condition.js";

interface Plain {
  readonly condition: Condition;
  readonly checks: readonly ((value: unknown) => unknown)[];
}

/** Most conditions that are kept for one table. */
const most = 500;

/** Conditions of plain filters on one table. */
export type PlainFilters = Map<string, Plain>;

/** Operators whose test is the same whatever their operand is. */
const comparisons: ReadonlySet<string> = new Set(["$eq", "$ne", "$gt", "$ge", "$lt", "$le"]);

/**
 * A filter's shape as a string, and its operands in order; undefined where it is not plain. Names come from callers and
 * may hold anything: with its length before each, no two filters that read differently share a shape.
 */
function readPlain(filter: unknown): { readonly shape: string; readonly operands: readonly unknown[] } | undefined {
  if (!isPlainObject(filter)) return undefined;
  let shape = "";
  const operands: unknown[] = [];
  const names = Object.keys(filter);
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    const value = filter[name];
    shape += `${name.length}:${name}`;
    if (isOperand(value)) {
      operands.push(value);
      continue;
    }
    if (!isPlainObject(value)) return undefined;
    const ops = Object.keys(value);
    if (ops.length === 0) return undefined;
    for (const op of ops) {
      if (!comparisons.has(op) || !isOperand(value[op])) return undefined;
      operands.push(value[op]);
      shape += op;
    }
  }
  return { shape, operands };
}

function isOperand(value: unknown): boolean {
  return typeof value === "object" ? value instanceof Date : value !== undefined;
}

/** The condition of a plain filter that was met before, its checked values appended; undefined for others, and for wrong values, which filter.ts reports. */
export function plainFilter(filters: PlainFilters, filter: unknown, values: unknown[]): Condition | undefined {
  const read = readPlain(filter);
  const plain = read === undefined ? undefined : filters.get(read.shape);
  if (plain === undefined) return undefined;
  try {
    const checked = plain.checks.map((check, i) => check(read!.operands[i]));
    values.push(...checked);
    return plain.condition;
  } catch {
    return undefined;
  }
}

/** Keeps the condition that filter.ts made of a filter with these values, where it is plain. */
export function learnFilter(filters: PlainFilters, table: Table, filter: unknown, condition: Condition, values: readonly unknown[]): void {
  if (filters.size >= most || table.joins.length > 0) return;
  const shape = readPlain(filter)?.shape;
  const columns = shape === undefined ? undefined : comparedColumns(condition);
  if (columns === undefined) return;
  filters.set(shape!, { condition, checks: columns.map((column) => checkOf(column, "whole")) });
  const again: unknown[] = [];
  plainFilter(filters, filter, again);
  // Values that go their own way in the general parser (lists, members of open tables) stay there.
  if (!deepEqual(again, values)) filters.delete(shape!);
}

/** The columns of tests with one value each, in order of their slots. */
function comparedColumns(condition: Condition): Column[] | undefined {
  const tests = conjuncts(condition);
  const isPlain = (test: Condition, i: number): test is Test =>
    test.kind === "test" && test.member === undefined && comparisons.has(`$${test.op}`) && test.slots.length === 1 && test.slots[0] === i;
  return tests.every((test, i) => isPlain(test, i)) ? tests.map((test) => (test as Test).column) : undefined;
}
