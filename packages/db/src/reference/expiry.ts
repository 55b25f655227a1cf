// Rows with a `ttl`: when that time has passed a row has expired, and is a missing row for every read and write.

import type { Table } from "../schema/table.js";
import { allOf, anyOf, type Condition } from "./condition.js";

/** Whether a row with this `ttl` value has expired. */
export function hasExpired(ttl: unknown, now: number): boolean {
  return typeof ttl === "number" && ttl <= now;
}

/** The condition that a row has not expired; always true of tables without `ttl`. The time is appended to `values`. */
export function notExpired(table: Table, values: unknown[], now: number): Condition {
  const { ttl } = table;
  if (ttl === undefined) return allOf([]);
  const slot = values.push(now) - 1;
  return anyOf([
    { kind: "test", column: ttl, op: "null", slots: [] },
    { kind: "test", column: ttl, op: "gt", slots: [slot] },
  ]);
}
