// What a row that is read gives for a column that it has no value of. Rows may be older than a column, so this is asked where
// rows are shown; conditions, orders and changes go by what is stored, where the value is absent.

import { DbError } from "../errors.js";
import type { Column } from "./table.js";

/** Null; 0 for counters and times of change, which nothing was added to and nothing changed; nothing where a value is promised. */
export function absenceOf(column: Column): null | 0 | "refused" {
  if (countsFromZero(column)) return 0;
  return column.definition.notEmpty === true && column.index >= 0 ? "refused" : null;
}

/** Whether a column without a value is shown as 0. */
export function countsFromZero({ type, isKey }: Column): boolean {
  return !isKey && (type === "counter" || type === "now");
}

/** @throws DbError `drift` where a value is promised */
export function readAbsence(column: Column): null | 0 {
  const absence = absenceOf(column);
  if (absence !== "refused") return absence;
  const { name } = column;
  throw new DbError(
    "drift",
    `column ${name} is notEmpty and has no value in a stored row, which is older than the column or was not written by its definition; sync({ backfill: true }) gives such rows what an insert would, updateAll a value of yours`,
    { column: name },
  );
}
