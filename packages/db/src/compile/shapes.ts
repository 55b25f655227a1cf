// Every shape that the core sends, in one place. Slots of keys and rows follow the values that come before them.

import type { AggregateShape, Change, DeleteShape, GetShape, Measure, PutShape, SelectShape, SortColumn, UpdateShape } from "../driver.js";
import type { SelectPlan } from "../plan/select-plan.js";
import { allOf, always, type Condition, never } from "../reference/condition.js";
import type { Column, Table } from "../schema/table.js";

/** Slots `from`, `from` + 1 …, one for each column. */
export function slotsOf(columns: readonly Column[], from = 0): number[] {
  return columns.map((_column, i) => from + i);
}

/** Values: the key, those of the guard. */
export function getShape(
  table: Table,
  columns: readonly Column[],
  consistent: boolean,
  more: { readonly version?: true; readonly lock?: true; readonly guard?: Condition } = {},
): GetShape {
  return { verb: "get", table, columns, key: slotsOf(table.key), consistent, ...more };
}

/** Values: those of the filter, the limit, the text to search for or null, the position. */
export function selectShape(
  table: Table,
  plan: SelectPlan,
  options: {
    readonly columns: readonly Column[];
    /** Number of the filter's values. */
    readonly values: number;
    readonly consistent: boolean;
    readonly searches: boolean;
    /** A page that goes on after a position, or with `cursor` after the engine's own mark. */
    readonly continues: false | "position" | "cursor";
  },
): SelectShape {
  const { columns, values, consistent, searches, continues } = options;
  const order: readonly SortColumn[] = plan.readOrder;
  return {
    verb: "select",
    table,
    columns,
    path: plan.path,
    filter: plan.pushed,
    order,
    after:
      continues === "position"
        ? slotsOf(
            order.map(({ column }) => column),
            values + 2,
          )
        : undefined,
    ...(continues === "cursor" ? { cursor: values + 2 } : {}),
    limit: values,
    match: searches ? values + 1 : undefined,
    consistent,
  };
}

/** Values: those of the filter; for groups the limit, and the position. */
export function aggregateShape(
  table: Table,
  plan: Pick<SelectPlan, "path" | "pushed">,
  measures: readonly Measure[],
  options: {
    /** Number of the filter's values. */
    readonly values: number;
    readonly consistent: boolean;
    readonly groupBy?: readonly SortColumn[];
    readonly continues?: boolean;
  },
): AggregateShape {
  const { values, consistent, groupBy = [], continues = false } = options;
  const columns = groupBy.map(({ column }) => column);
  return {
    verb: "aggregate",
    table,
    path: plan.path,
    filter: plan.pushed,
    groupBy,
    measures,
    after: continues ? slotsOf(columns, values + 1) : undefined,
    limit: groupBy.length === 0 ? undefined : values,
    consistent,
  };
}

/** Which rows a whole row may replace: any (`put`), none but an expired one (`add`), none at all (`new`); or those for which a condition holds. */
export type PutMode = "put" | "add" | "new" | Condition;

/** Values: the row; those of the condition (with `add` into a table with `ttl`, the time); with `ifVersion`, the version. */
export function putShape(
  table: Table,
  mode: PutMode,
  options: { readonly returnsOld?: boolean; readonly ifVersion?: boolean } = {},
): PutShape {
  const { columns } = table;
  return {
    verb: "put",
    table,
    key: table.key.map((column) => column.index),
    row: slotsOf(columns),
    over: typeof mode === "object" ? mode : mode === "put" ? always : mode === "new" ? never : expiredRow(table),
    ...(options.ifVersion === true ? { ifVersion: columns.length } : {}),
    returning: options.returnsOld === true ? "old" : "none",
  };
}

/** The row that an `add` may replace; its value follows those of the row. */
export function expiredRow({ columns, ttl }: Table): Condition {
  return ttl === undefined ? never : { kind: "test", column: ttl, op: "le", slots: [columns.length] };
}

/** Values: those of changes and guard, the key, the row to insert. */
export function updateShape(
  table: Table,
  changes: readonly Change[],
  guard: Condition,
  options: { readonly values: number; readonly inserts?: boolean; readonly returning?: UpdateShape["returning"] },
): UpdateShape {
  const { values, inserts = false, returning = "none" } = options;
  return {
    verb: "update",
    target: "key",
    table,
    key: slotsOf(table.key, values),
    changes,
    guard,
    insert: inserts ? slotsOf(table.columns, values + table.key.length) : undefined,
    returning,
  };
}

/** Values: those of changes and guard. */
export function updateAllShape(table: Table, changes: readonly Change[], guard: Condition): UpdateShape {
  return { verb: "update", target: "filter", table, key: [], changes, guard, insert: undefined, returning: "none" };
}

/** Values: those of the guard, the key. */
export function deleteShape(
  table: Table,
  guard: Condition,
  options: { readonly values: number; readonly returnsOld?: boolean },
): DeleteShape {
  return {
    verb: "delete",
    target: "key",
    table,
    key: slotsOf(table.key, options.values),
    guard,
    returning: options.returnsOld === true ? "old" : "none",
  };
}

/** Values: those of the guard. */
export function deleteAllShape(table: Table, guard: Condition): DeleteShape {
  return { verb: "delete", target: "filter", table, key: [], guard, returning: "none" };
}

/** Values: the row after, the row before, the key. Changes name columns of the row after. */
export function updateIfSameShape(table: Table, changes: readonly Change[]): UpdateShape {
  const width = table.columns.length;
  return updateShape(table, changes, sameRow(table, width), { values: 2 * width });
}

/** Values: the row before, the key. */
export function deleteIfSameShape(table: Table): DeleteShape {
  return deleteShape(table, sameRow(table, 0), { values: table.columns.length });
}

/** Values: the key, the version. */
export function deleteIfVersionShape(table: Table): DeleteShape {
  return { ...deleteShape(table, always, { values: 0 }), ifVersion: table.key.length };
}

/** That every stored column but the key is as in the slots from `from` on. */
function sameRow(table: Table, from: number): Condition {
  const tests = table.columns.filter((column) => !column.isKey);
  return allOf(tests.map((column): Condition => ({ kind: "test", column, op: "same", slots: [from + column.index] })));
}
