// Joined columns in conditions: where a filter gives the parts by equality, a test on the joined text itself lets the
// key or index that holds it serve the call, and stands in for parts that are not stored.

import { invalid } from "../errors.js";
import { textAfterPrefix } from "../schema/ordered-text.js";
import { isJoinedText } from "../schema/is-joined-text.js";
import { joinPrefix } from "../schema/join.js";
import type { Column, Join, Table } from "../schema/table.js";
import { type Condition, type Test, allOf, conjuncts, testsOf } from "../reference/condition.js";

/**
 * The condition with the tests that follow from those on parts of joined columns.
 *
 * - A key's joined column gets `eq` when all its parts are given by equality in the outermost *and*, and `begins_with` when the first ones are.
 *   Other joined columns get `eq` only: a row that lacks a later part has no joined text.
 * - Tests on parts that are not stored are replaced by these; so is that of a column that is a part of itself.
 *
 * @param values  strings of the new tests are appended; values of tests that went become null
 */
export function deriveJoins(table: Table, condition: Condition, values: unknown[]): Condition {
  if (table.joins.length === 0) return condition;
  const tests = conjuncts(condition);
  const equal = new Map<Column, Test>();
  for (const test of tests)
    if (test.kind === "test" && test.op === "eq" && test.member === undefined && !equal.has(test.column)) equal.set(test.column, test);
  const replaced = new Set<Test>();
  const derived = table.joins.flatMap((join) => deriveJoin(table, join, equal, values, replaced));
  const kept = tests.filter((test) => !replaced.has(test as Test));
  for (const part of kept) for (const { column } of testsOf(part)) if (column.index < 0) throw notStored(table, column);
  for (const test of replaced) for (const slot of test.slots) values[slot] = null;
  return derived.length === 0 ? condition : allOf([...kept, ...derived]);
}

function deriveJoin(table: Table, join: Join, equal: ReadonlyMap<Column, Test>, values: unknown[], replaced: Set<Test>): Condition[] {
  const leading: Test[] = [];
  for (const part of join.parts) {
    const test = equal.get(part);
    if (test === undefined) break;
    leading.push(test);
  }
  const isWhole = leading.length === join.parts.length;
  const own = equal.get(join.column);
  const isOwnPart = join.parts.includes(join.column);
  // The column's own test says it already, unless it gives a part.
  if (leading.length === 0 || (own !== undefined && !(isOwnPart && isWhole))) return [];
  const hidden = leading.filter((test) => test.column.index < 0);
  const serves = join.column.isKey || isIndexed(table, join.column);
  if (!isOwnPart && hidden.length === 0 && !(serves && (isWhole || join.column.isKey))) return [];
  for (const test of hidden) replaced.add(test);
  const given = leading.map((test) => values[test.slots[0]!]);
  if (own !== undefined) {
    if (isJoinedText(join, values[own.slots[0]!], given)) return [];
    replaced.add(own);
  }
  const text = joinPrefix(join, given);
  // The text is made as it is for a row: the column's own changes of text do not apply.
  const slots = (isWhole ? [text] : [text, textAfterPrefix(text)]).map((value) => values.push(value) - 1);
  return [{ kind: "test", column: join.column, op: isWhole ? "eq" : "begins_with", slots }];
}

function isIndexed(table: Table, column: Column): boolean {
  return [...table.indexes, ...table.uniques].some((index) => index.columns.includes(column));
}

/** The error of a column in a filter whose values are nowhere. */
export function notStored(table: Table, column: Column): Error {
  const join = table.joins.find(({ parts }) => parts.includes(column));
  const way =
    join === undefined
      ? "no column is joined from it"
      : `give it by equality together with the parts before it of ${join.column.name} (${join.parts.map((part) => part.name).join(", ")}), outside of groups`;
  return invalid(`column ${column.name} is not stored and cannot be compared; ${way}`, { column: column.name });
}
