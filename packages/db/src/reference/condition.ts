// Conditions as the planner and the drivers see them: a tree without values. A test names the places ("slots")
// of its values in the values of the call, so that one shape serves every call of its kind.

import type { Column, Table } from "../schema/table.js";
import type { TestOperator } from "../schema/operators.js";

/** Index into the values of a call. */
export type Slot = number;

/**
 * One comparison of one column.
 *
 * - `null`, `not_null` have no slot; `between`, `not_between` two (low, high; both inclusive); `in`, `not_in` one for each
 *   member, at least one (members may repeat: the core pads lists so that fewer shapes exist);
 * - `begins_with`, `not_begins_with` have two: the prefix and the first text after all texts with that prefix, so that an
 *   engine may use `>=` and `<`;
 * - the others have one. Patterns of `like` and `ilike` never end in a lone backslash.
 * - A comparison with an absent value is false, for the negated operators too; `same` alone tells absence from presence.
 */
export interface Test {
  readonly kind: "test";
  readonly column: Column;
  readonly op: TestOperator;
  readonly slots: readonly Slot[];
  /**
   * The undeclared column of an open table that is compared: a member of the JSON object in `column`, which is `table.rest`.
   * The planner leaves such tests to the core; drivers never get them.
   */
  readonly member?: string;
}

/**
 * That columns hold the key of a row of `table` for which `condition` holds; false where one of them is absent, or there is no
 * such row. The tests of `condition` are on columns of that table; their values are among those of the call.
 */
export interface Related {
  readonly kind: "related";
  /** In the order of the key of `table`. */
  readonly columns: readonly Column[];
  readonly table: Table;
  readonly condition: Condition;
}

/** A condition: tests joined by and/or. `and` of nothing always holds, `or` of nothing never does. There is no `not`. */
export type Condition = Test | Related | { readonly kind: "and" | "or"; readonly parts: readonly Condition[] };

export const always: Condition = Object.freeze({ kind: "and", parts: [] });
export const never: Condition = Object.freeze({ kind: "or", parts: [] });

/** Joins conditions by *and*, flattening nested ones. */
export function allOf(conditions: readonly Condition[]): Condition {
  const parts = conditions.flatMap((c) => (c.kind === "and" ? c.parts : [c]));
  if (parts.some(isNever)) return never;
  return parts.length === 1 ? parts[0]! : { kind: "and", parts };
}

/** Joins conditions by *or*, flattening nested ones. */
export function anyOf(conditions: readonly Condition[]): Condition {
  const parts = conditions.flatMap((c) => (c.kind === "or" ? c.parts : [c]));
  if (parts.some((c) => c.kind === "and" && c.parts.length === 0)) return always;
  return parts.length === 1 ? parts[0]! : { kind: "or", parts };
}

/** Whether a condition holds for no row. */
export function isNever(condition: Condition): boolean {
  return condition.kind === "or" && condition.parts.length === 0;
}

/** Whether a condition holds for every row. */
export function isAlways(condition: Condition): boolean {
  return condition.kind === "and" && condition.parts.length === 0;
}

/** The conjuncts of a condition: what must hold all together. */
export function conjuncts(condition: Condition): readonly Condition[] {
  return condition.kind === "and" ? condition.parts : [condition];
}

/** The condition for values that begin `by` places later. */
export function shifted(condition: Condition, by: number): Condition {
  if (by === 0) return condition;
  if (condition.kind === "test") return { ...condition, slots: condition.slots.map((slot) => slot + by) };
  if (condition.kind === "related") return { ...condition, condition: shifted(condition.condition, by) };
  return { kind: condition.kind, parts: condition.parts.map((part) => shifted(part, by)) };
}

/** Every test in a condition on columns of its own table, left to right. */
export function* testsOf(condition: Condition): Generator<Test> {
  if (condition.kind === "test") yield condition;
  else if (condition.kind !== "related") for (const part of condition.parts) yield* testsOf(part);
}

/** Every test in a condition, those on columns of other tables too. */
export function* allTestsOf(condition: Condition): Generator<Test> {
  if (condition.kind === "test") yield condition;
  else if (condition.kind === "related") yield* allTestsOf(condition.condition);
  else for (const part of condition.parts) yield* allTestsOf(part);
}

/** What a condition asks of rows of other tables, left to right. */
export function* relatedIn(condition: Condition): Generator<Related> {
  if (condition.kind === "related") yield condition;
  else if (condition.kind !== "test") for (const part of condition.parts) yield* relatedIn(part);
}

/** Whether a condition asks of rows of other tables. */
export function hasRelated(condition: Condition): boolean {
  if (condition.kind === "test") return false;
  return condition.kind === "related" || condition.parts.some(hasRelated);
}

const keys = new WeakMap<Condition, string>();

/** Text that is equal for conditions of the same shape on one table. */
export function conditionKey(condition: Condition): string {
  let key = keys.get(condition);
  if (key === undefined) keys.set(condition, (key = makeKey(condition)));
  return key;
}

function makeKey(condition: Condition): string {
  if (condition.kind === "test") {
    const name = condition.member === undefined ? condition.column.name : `${condition.column.name}.${condition.member}`;
    return `${name} ${condition.op} ${condition.slots.join(",")}`;
  }
  if (condition.kind === "related")
    return `${condition.columns.map(({ name }) => name).join(",")} in ${condition.table.name}(${makeKey(condition.condition)})`;
  return `${condition.kind}(${condition.parts.map(makeKey).join(";")})`;
}
