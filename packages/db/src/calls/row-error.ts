// Errors of single rows, in calls on many.

import type { ErrorCode } from "@bk/core";

import { DbError } from "../errors.js";
import type { BoundTable } from "./bound-table.js";

/** What a row is refused with for itself: others may still go through. */
const ofRows: ReadonlySet<ErrorCode> = new Set(["invalid", "already-exists", "too-large"]);

export function isOfRow(error: unknown): error is DbError {
  return error instanceof DbError && ofRows.has(error.code);
}

/** The error of one row, with its key. */
export function rowError(error: unknown, verb: string, { pool, table }: BoundTable, key: DbError["key"]): DbError {
  const { code, message, outcome, detail, cause, column, driver, op } = pool.error(error, { verb, table });
  return new DbError(code, message, {
    outcome,
    detail,
    cause,
    key,
    table: table.name,
    ...(column === undefined ? {} : { column }),
    ...(driver === undefined ? {} : { driver }),
    ...(op === undefined ? {} : { op }),
  });
}
