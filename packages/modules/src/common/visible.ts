// Which columns of a module's rows a caller sees: the flags of the table say so.

import type { ColumnDefinition, TableDefinition } from "@bk/db";

import type { Row } from "../contract/database.js";

/** How somebody looks at a row: as its owner, as anybody else, as an admin. */
export type Look = "owner" | "other" | "admin";

type Columns = Readonly<Record<string, ColumnDefinition>>;

/**
 * The row with what may be seen of it: others see `pub` columns, the owner all but `admin` ones, admins these too, nobody `secure`
 * and `hidden` ones. What is no column, such as a distance that was worked out, is kept.
 */
export function visible(table: TableDefinition, row: Readonly<Row>, look: Look): Row {
  const columns = (Object.hasOwn(table, "$columns") ? table["$columns"] : table) as Columns;
  const shown: Row = {};
  for (const [name, value] of Object.entries(row)) {
    const column = Object.hasOwn(columns, name) ? columns[name]! : undefined;
    if (column === undefined || sees(column, look)) shown[name] = value;
  }
  return shown;
}

function sees({ pub, admin, secure, hidden }: ColumnDefinition, look: Look): boolean {
  if (secure === true || hidden === true) return false;
  if (look === "admin") return true;
  if (admin === true) return false;
  return look === "owner" || pub === true;
}
