// Filters as functions on rows that were read, for programs that decide in themselves what a filter decides in a database.

import { DbError } from "../errors.js";
import { parseFilter } from "../normalize/filter.js";
import { testsOf } from "../reference/condition.js";
import { compileMatcher } from "../reference/matches.js";
import { compileTables } from "../schema/compile-table.js";
import type { TableDefinitions } from "../schema/definition.js";

/** Whether a row, as reads give it, fits a filter. Columns of the filter that it does not have are absent ones. */
export type RowFilter = (row: Readonly<Record<string, unknown>>) => boolean;

/**
 * Makes filters of tables functions on rows, with the meaning that they have for `db.scope`: `$ref` is refused.
 *
 * @returns  the function of a filter of a table; it throws DbError `invalid`, naming the column, for unknown tables, columns and
 *   operators, and for values of a wrong type
 * @throws DbError `invalid`, naming table, column and property, when a definition breaks a rule
 */
export function rowFilters(definitions: TableDefinitions): (table: string, filter: Readonly<Record<string, unknown>>) => RowFilter {
  const tables = compileTables(definitions);
  return (name, filter) => {
    const table = tables.get(name);
    if (table === undefined) throw new DbError("invalid", `unknown table ${JSON.stringify(name.slice(0, 50))}`);
    const values: unknown[] = [];
    const condition = parseFilter(table, filter, values);
    const matches = compileMatcher(condition, (column) => column.index);
    const columns = [...new Set([...testsOf(condition)].map(({ column }) => column))];
    return (row) => {
      const placed: unknown[] = [];
      for (const column of columns) placed[column.index] = column.isRest ? row : row[column.name];
      return matches(placed, values);
    };
  };
}
