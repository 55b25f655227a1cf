// What the server has for a table, and whether it can serve a declared column.

import type { StoredTable, Value } from "../../driver.js";
import type { Column, Index, Table } from "../../schema/table.js";

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

/**
 * Whether a column of the stored type serves `column`; else what to do.
 *
 * A number outside of the stored type's range is refused by the server, so narrower types serve. Those that change values
 * without a word do not: they round or fold.
 */
export function servesColumn(stored: string, column: Column): boolean | string {
  const [type = "", collation] = stored.toLowerCase().split(" collate ");
  const base = baseOf(type);
  const sizes = sizesOf(type);
  switch (column.kind) {
    case "text":
      return servesText(base, sizes[0] ?? 0, collation, column);
    case "int":
    case "int64":
      return /^(tiny|small|medium|big)?int$/.test(base);
    case "time":
      if (/^(date|datetime|timestamp)$/.test(base))
        return `add a BIGINT column with ROUND(UNIX_TIMESTAMP(\`${column.name}\`) * 1000) in its place`;
      return base === "bigint";
    case "real":
      return base === "double" || (base === "float" && "it rounds; change its type to DOUBLE");
    case "decimal":
      if (base !== "decimal") return false;
      if (sizes[1]! >= 30 && sizes[0]! - sizes[1]! >= 34) return true;
      return (
        (column.definition.decimals ?? Infinity) <= (sizes[1] ?? 0) ||
        `it rounds to ${sizes[1] ?? 0} places; declare decimals: ${sizes[1] ?? 0}`
      );
    case "bool":
      return base.endsWith("int");
    case "json":
    case "list":
      if (base === "json") return "it sorts members and rounds numbers; change its type to LONGTEXT CHARACTER SET utf8mb4";
      return ["text", "mediumtext", "longtext"].includes(base) && collation?.startsWith("utf8mb4_") === true;
    case "blob":
      return ["blob", "mediumblob", "longblob"].includes(base);
  }
}

function baseOf(type: string): string {
  return /^[a-z]+/.exec(type)?.[0] ?? "";
}

function sizesOf(type: string): number[] {
  const sizes = /\(([\d,]+)\)/.exec(type)?.[1];
  return sizes === undefined ? [] : sizes.split(",").map(Number);
}

function servesText(base: string, size: number, collation: string | undefined, { maxLength }: Column): boolean | string {
  const needed = Math.min(maxLength ?? fewestCharacters, fewestCharacters);
  const isExact = exactCollations.includes(collation!);
  const exactly = `its collation takes texts that differ for equal; change it to ${exactCollations.join(" (MariaDB) or ")} (MySQL)`;
  switch (base) {
    case "varbinary":
      return size >= 4 * needed;
    case "blob":
    case "mediumblob":
    case "longblob":
      return true;
    case "varchar":
      return isExact ? size >= needed || `declare maxLength: ${size}` : exactly;
    case "text":
    case "mediumtext":
    case "longtext":
      return isExact || exactly;
    default:
      return false;
  }
}

const indexBytes = 3_072;

/** Why MySQL cannot make a unique index of stored columns: it would hold them whole. MariaDB keeps hashes of such. */
export function refusesIndex({ unique, columns }: Index, stored: StoredTable): string | undefined {
  if (!unique) return undefined;
  let bytes = 0;
  for (const { name } of columns) {
    const [type = "", collation] = (stored.columns.get(name) ?? "").toLowerCase().split(" collate ");
    if (/(text|blob)$/.test(baseOf(type)))
      return `column ${name} is stored as ${type}, without a bounded size; change its type to one with a length`;
    bytes += (sizesOf(type)[0] ?? 8) * (collation === undefined ? 1 : 4);
  }
  return bytes > indexBytes ? `its columns take ${bytes} bytes and the server ${indexBytes}; give them shorter types` : undefined;
}
