import { compileTables } from "./compile-table.js";
import type { TableDefinitions } from "./definition.js";

/** A reference of a table: its name, its columns, and the table and key columns that they refer to, in the same order. */
export interface DeclaredReference {
  readonly name: string;
  readonly columns: readonly string[];
  readonly table: string;
  readonly key: readonly string[];
}

/**
 * The references that tables declare (`ref`), by table.
 *
 * @throws DbError `invalid`, naming table, column and property, when a definition breaks a rule
 */
export function referencesOf(definitions: TableDefinitions): ReadonlyMap<string, readonly DeclaredReference[]> {
  return new Map(
    [...compileTables(definitions)].map(([name, { references }]) => [
      name,
      references.map((reference) => ({
        name: reference.name,
        columns: reference.columns.map((column) => column.name),
        table: reference.table.name,
        key: reference.table.key.map((column) => column.name),
      })),
    ]),
  );
}
