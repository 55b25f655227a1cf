import { DbError } from "../../errors.js";
import type { Index, Table } from "../../schema/table.js";

/** What the engine says of the index whose value was taken: its columns, or, where it does not name them, its own name. */
export interface TakenIndex {
  readonly columns?: readonly string[] | undefined;
  readonly name?: string | undefined;
}

/** The error of a write whose key or unique value another row has. Nothing was written. */
export function uniqueConflict(table: Table, { columns, name }: TakenIndex, cause: unknown): DbError {
  if (columns !== undefined && isSame(columns, table.key))
    return new DbError("already-exists", "a row with this key exists", { outcome: "none", cause });
  const group = columns === undefined ? undefined : table.uniques.find((index) => isSame(columns, index.columns));
  const column = columns?.find((each) => table.byName.has(each));
  return new DbError("already-exists", "another row has this unique value", {
    outcome: "none",
    cause,
    detail: { unique: group?.name ?? columns?.join("_") ?? name },
    ...(column === undefined ? {} : { column }),
  });
}

function isSame(names: readonly string[], columns: Index["columns"]): boolean {
  return names.length === columns.length && columns.every((column) => names.includes(column.name));
}

/** The error of a unique group that cannot be made. */
export function sharedValues(table: Table, index: Index, cause: unknown): DbError {
  const names = index.columns.map((column) => column.name);
  return new DbError("drift", `rows share values of ${names.join(", ")}, which are to be unique`, {
    outcome: "none",
    table: table.name,
    column: names[0]!,
    cause,
  });
}
