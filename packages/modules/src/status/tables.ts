import type { ColumnDefinition, ColumnDefinitions } from "@bk/db";
import { BkError } from "@bk/core";

/** Columns of an app's own for a status, by name. */
export type StatusColumns = Readonly<Record<string, ColumnDefinition>>;

/**
 * The table of statuses: one row for each account, which everybody may see.
 *
 * @throws BkError `invalid` for a column that has the name of another one, or is part of a key
 */
export function statusTables(more: StatusColumns = {}): { readonly bk_status: ColumnDefinitions } {
  const own: ColumnDefinitions = {
    id: { primary: 1, pub: true },
    name: { pub: true },
    status: { pub: true },
    /** When the account was last there, in milliseconds since 1970. */
    atime: { type: "bigint", pub: true },
    mtime: { type: "now", pub: true },
  };
  for (const [name, column] of Object.entries(more))
    if (Object.hasOwn(own, name) || name === "online" || column.primary !== undefined)
      throw new BkError("invalid", `status: columns: ${name} is a column already, or part of a key`, { detail: { field: "columns" } });
  return { bk_status: { ...own, ...more } };
}
