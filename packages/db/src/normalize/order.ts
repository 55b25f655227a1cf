// The options of reads that name columns: select and sort.

import type { SortColumn } from "../driver.js";
import { invalid } from "../errors.js";
import { unknownColumn } from "./row.js";
import type { Column, Kind, Table } from "../schema/table.js";

/** The selected columns, each once. */
export function parseSelect(table: Table, select: unknown): Column[] {
  if (!Array.isArray(select) || select.length === 0) throw invalid("select must be a list of at least one column name");
  const columns = (select as unknown[]).map((name) => {
    if (typeof name !== "string") throw invalid("select must be a list of column names");
    const column = table.byName.get(name);
    if (column === undefined) throw unknownColumn(table, name);
    return column;
  });
  return [...new Set(columns)];
}

const unsorted: ReadonlySet<Kind> = new Set(["json", "list", "blob"]);

/**
 * The order that a caller asks for.
 *
 * @param sort  a column name, with `-` in front for descending order, or a list of them
 * @param desc  turns the direction of every column around
 */
export function parseSort(table: Table, sort: unknown, desc: unknown = false): SortColumn[] {
  if (desc !== undefined && typeof desc !== "boolean") throw invalid("desc must be true or false");
  if (sort === undefined) return desc === true ? table.range.map((column) => ({ column, descending: true })) : [];
  const names: readonly unknown[] = Array.isArray(sort) ? sort : [sort];
  const seen = new Set<Column>();
  return names.map((name) => {
    if (typeof name !== "string" || name === "")
      throw invalid("sort must be a column name, with - in front for descending order, or a list of them");
    const backwards = name.startsWith("-");
    const column = table.byName.get(backwards ? name.slice(1) : name);
    if (column === undefined) throw unknownColumn(table, name);
    if (unsorted.has(column.kind) || column.index < 0)
      throw invalid(`column ${column.name} has no order (type ${column.type}); sort by another one`, { column: column.name });
    if (seen.has(column)) throw invalid(`column ${column.name} is named twice in sort`, { column: column.name });
    seen.add(column);
    return { column, descending: backwards !== (desc === true) };
  });
}

const defaultCount = 50;
const maxCount = 10_000;

/** The rows of a page; `name` is that of the option. */
export function checkCount(count: unknown, name = "count"): number {
  if (count === undefined) return defaultCount;
  if (typeof count !== "number" || !Number.isInteger(count) || count < 1 || count > maxCount)
    throw invalid(`${name} must be an integer from 1 to ${maxCount}`);
  return count;
}

/** Whether a caller's filter names anything. */
export function hasConditions(filter: unknown): boolean {
  return typeof filter === "object" && filter !== null && Object.keys(filter).length > 0;
}
