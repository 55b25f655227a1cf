// What aggregate asks for over HTTP: columns that the caller may see, grouped by and computed.

import type { ColumnSet } from "@bk/auth/row-rules";

import { badRequest } from "../error-response.js";
import type { Controls } from "./controls.js";
import type { CallOptions, Row } from "./served-db.js";
import { requireSeen, type ServedTable } from "./served-table.js";

const computed = ["sum", "avg", "min", "max"] as const;
const uses = { by: "grouped by", sum: "added", avg: "averaged", min: "compared", max: "compared" } as const;

/**
 * The options of the call; those of its page apart, where there are groups.
 *
 * @param seen  the columns that the caller may see of all rows that are read
 * @throws HttpError 403 for a column that is not seen, whatever it would be used for
 */
export function groupOptions(
  { table, controls }: { readonly table: ServedTable; readonly controls: Controls },
  seen: ColumnSet,
): { readonly options: CallOptions; readonly ofGroups: CallOptions | undefined } {
  const { _by: by, _sort: sort, _desc: desc, _consistent: consistent } = controls;
  // Rows are always counted: it costs nothing beside, and needs no parameter.
  const options: Record<string, unknown> = { count: true, ...(consistent === undefined ? {} : { consistent }) };
  for (const name of ["by", ...computed] as const) {
    const columns = controls[`_${name}`];
    for (const column of columns ?? []) requireSeen(table, seen, column, uses[name]);
    if (columns !== undefined) options[name] = columns;
  }
  for (const name of sort ?? []) checkSort(table, seen, controls, name.replace(/^-/, ""));
  if (by !== undefined) return { options, ofGroups: { ...(sort === undefined ? {} : { sort }), ...(desc === undefined ? {} : { desc }) } };
  for (const name of ["_sort", "_desc", "_count", "_start"] as const)
    if (controls[name] !== undefined) throw badRequest(`${name} is for groups; without _by there is one row`, name);
  return { options, ofGroups: undefined };
}

const computedForm = /^(sum|avg|min|max)\((.*)\)$/;

function checkSort(table: ServedTable, seen: ColumnSet, controls: Controls, name: string): void {
  if (name === "count()") return;
  const [, op, of] = computedForm.exec(name) ?? [];
  const column = of ?? name;
  requireSeen(table, seen, column, "sorted by");
  const option = op === undefined ? "_by" : (`_${op}` as `_${(typeof computed)[number]}`);
  if (controls[option]?.includes(column) !== true)
    throw badRequest(`_sort names ${name.slice(0, 60)}, so ${option} must have ${column.slice(0, 50)}`, "_sort");
}

/** A row as JSON: times as ISO text, sums of 64-bit integers as digits. */
export function groupJson(row: Row): Row {
  const shown: Row = {};
  for (const [name, member] of Object.entries(row))
    shown[name] = typeof member === "object" && member !== null ? withDigits(member) : member;
  return shown;
}

function withDigits(values: object): Row {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeof value === "bigint" ? String(value) : value]));
}
