// What an insert would give a stored row that is older than some of its columns.

import type { Clock } from "@bk/core";

import { joinText } from "../schema/join.js";
import type { Column, Join } from "../schema/table.js";
import { fillColumn, fillGeohashes, type LogicalRow, type RowRules } from "./row.js";

/** Whether an insert gives a column a value when it is left out: a default, one that is made, or what other stored columns make. */
export function isFilled(own: RowRules, column: Column): boolean {
  if (column.isKey || column.isRest || column.index < 0) return false;
  return (
    column.type === "now" || own.rules.get(column.name)?.fill !== undefined || joinOf(own, column) !== undefined || isGeohash(own, column)
  );
}

/** The join that makes a column, where every part is a stored column. */
export function joinOf({ table }: RowRules, column: Column): Join | undefined {
  return table.joins.find((join) => join.column === column && join.parts.every((part) => part.index >= 0 && part !== column));
}

function isGeohash({ geohashes }: RowRules, column: Column): boolean {
  return geohashes.includes(column);
}

/** A stored row with what an insert would give the columns that it has no value of. */
export function fillRow(own: RowRules, row: readonly unknown[], clock: Clock): LogicalRow {
  const values: LogicalRow = row.map((value) => value ?? undefined);
  for (const rule of own.stored) fillColumn(rule, values, clock, true);
  const located = [...values];
  if (own.geohashes.length > 0) fillGeohashes(own, located, undefined);
  return values.map((value, i) => {
    if (value !== null) return value;
    const join = joinOf(own, own.table.columns[i]!);
    return join === undefined
      ? located[i]
      : joinText(
          join,
          join.parts.map((part) => values[part.index]),
        );
  });
}
