import type { Column, Table } from "../../schema/table.js";

/** Kinds whose values may be large: worth leaving out. */
const mayBeLarge: ReadonlySet<Column["kind"]> = new Set(["text", "json", "list", "blob"]);

/** The part of a document that must be read for these columns, as the server's parameter has it; undefined: all of it. */
export function sourceFields(table: Table, columns: readonly Column[]): string[] | undefined {
  const isWorthIt = table.columns.some((column) => mayBeLarge.has(column.kind) && !column.isKey && !columns.includes(column));
  // Servers differ in what they leave of lists that are empty.
  if (!isWorthIt || columns.some(({ kind }) => kind === "list")) return undefined;
  return columns.flatMap(({ name, kind }) => (kind === "text" ? [name, `$long.${name}`] : [name]));
}

/** The same as a parameter of a URL. */
export function sourceQuery(table: Table, columns: readonly Column[]): string | undefined {
  const fields = sourceFields(table, columns);
  if (fields === undefined) return undefined;
  return fields.length === 0 ? "_source=$none" : `_source=${encodeURIComponent(fields.join(","))}`;
}
