// What the server has for a table, and whether it can serve a declared column.

import type { StoredTable, Value } from "../../driver.js";
import type { Column, Table } from "../../schema/table.js";

/** Asks for columns with their collations, and for the parts of indexes. */
export function catalogStatements(table: Table): readonly string[] {
  const here = `WHERE table_schema = DATABASE() AND table_name = '${table.name}'`;
  return [
    `SELECT column_name, column_type, collation_name FROM information_schema.columns ${here} ORDER BY ordinal_position`,
    `SELECT index_name, non_unique, column_name, sub_part, index_type FROM information_schema.statistics ${here} ORDER BY index_name, seq_in_index`,
  ];
}

type Rows = readonly (readonly Value[])[];

export function readCatalog([columnRows = [], indexRows = []]: readonly Rows[]): StoredTable | undefined {
  if (columnRows.length === 0) return undefined;
  const columns = new Map<string, string>();
  for (const [name, type, collation] of columnRows)
    columns.set(String(name), collation === null ? String(type) : `${String(type)} collate ${String(collation)}`);

  const indexes = new Map<string, { columns: string[]; unique: boolean }>();
  const partial = new Set<string>();
  for (const [name, nonUnique, column, part, type] of indexRows) {
    const id = String(name);
    const index = indexes.get(id) ?? { columns: [], unique: Number(nonUnique) === 0 };
    // Expressions have no name; an index on one serves no column.
    index.columns.push(column === null || column === undefined ? "" : String(column));
    indexes.set(id, index);
    // MariaDB keeps the unique values of unbounded texts as hashes; those hold for the whole text.
    if ((part !== null && index.unique && type !== "HASH") || (type !== "BTREE" && type !== "HASH")) partial.add(id);
  }
  const key = indexes.get("PRIMARY")?.columns;
  for (const id of ["PRIMARY", ...partial]) indexes.delete(id);
  return { columns, key, indexes };
}

const exactCollations = ["utf8mb4_nopad_bin", "utf8mb4_0900_bin"];
/** Characters that a bounded text must have at least where the declared one is not shorter. */
const fewestCharacters = 128;

/** Whether a column of the stored type holds every value of `column` as it is. */
export function servesColumn(stored: string, column: Column): boolean {
  const [type = "", collation] = stored.toLowerCase().split(" collate ");
  const base = /^[a-z]+/.exec(type)?.[0] ?? "";
  const sizes = (/\(([\d,]+)\)/.exec(type)?.[1] ?? "").split(",").map(Number);
  switch (column.kind) {
    case "text":
      return servesText(base, sizes[0] ?? 0, collation, column);
    case "int":
    case "int64":
    case "time":
      return base === "bigint" && !type.includes("unsigned");
    case "real":
      return base === "double";
    case "decimal":
      return base === "decimal" && (sizes[1] ?? 0) >= 30 && sizes[0]! - sizes[1]! >= 34;
    case "bool":
      return base.endsWith("int");
    case "json":
    case "list":
      return ["text", "mediumtext", "longtext"].includes(base) && collation?.startsWith("utf8mb4_") === true;
    case "blob":
      return ["blob", "mediumblob", "longblob"].includes(base);
  }
}

function servesText(base: string, size: number, collation: string | undefined, { maxLength }: Column): boolean {
  const needed = Math.min(maxLength ?? fewestCharacters, fewestCharacters);
  switch (base) {
    case "varbinary":
      return size >= 4 * needed;
    case "blob":
    case "mediumblob":
    case "longblob":
      return true;
    case "varchar":
      return exactCollations.includes(collation!) && size >= needed;
    case "text":
    case "mediumtext":
    case "longtext":
      return exactCollations.includes(collation!);
    default:
      return false;
  }
}
