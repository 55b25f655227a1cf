// How MySQL and MariaDB differ from the SQL that the compiler writes, and from each other.

import { nodeModule } from "@bk/core";
import { addDecimal } from "../../schema/decimal.js";
import type { Column, Index, Table } from "../../schema/table.js";
import { parseSearch } from "../../reference/search-query.js";
import { formerIndexName, indexName } from "../../engines/sql/define.js";
import { plainEnd, type SqlDialect } from "../../engines/sql/dialect.js";
import { catalogStatements, readCatalog } from "./catalog.js";
import { columnType, indexedCharacters, type TextStorage, textStorages } from "./column-type.js";

function quote(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

// Columns of bytes and of text are written alike: pattern and text are compared as text, suffixes as bytes.
const asText = (column: string): string => `CONVERT(${column} USING utf8mb4) COLLATE utf8mb4_bin`;

function dialect(name: string, text: TextStorage): SqlDialect {
  return {
    name,
    quote,
    placeholders: "positional",
    placeholder(_position, column) {
      // These two come as text, which the server would compare, and add, as a double.
      if (column?.kind === "int64") return "CAST(? AS SIGNED)";
      return column?.kind === "decimal" ? "CAST(? AS DECIMAL(65,30))" : "?";
    },
    read: (_column, sql) => sql,
    tests: {
      same: (column, bind) => `${column} <=> ${bind(0)}`,
      ends_with: (column, bind) => `RIGHT(CAST(${column} AS BINARY), LENGTH(${bind(0)})) = CAST(${bind(0)} AS BINARY)`,
      not_ends_with: (column, bind) => `RIGHT(CAST(${column} AS BINARY), LENGTH(${bind(0)})) <> CAST(${bind(0)} AS BINARY)`,
      contains: (column, bind) => `LOCATE(CAST(${bind(0)} AS BINARY), CAST(${column} AS BINARY)) > 0`,
      not_contains: (column, bind) => `LOCATE(CAST(${bind(0)} AS BINARY), CAST(${column} AS BINARY)) = 0`,
      like: (column, bind) => `${asText(column)} LIKE ${bind(0)}`,
      not_like: (column, bind) => `${asText(column)} NOT LIKE ${bind(0)}`,
    },
    comparesValues: true,
    concat: (left, right) => `CONCAT(${left}, ${right})`,
    inOrder: (_column, sql) => sql,
    nulls: "first",
    rowValues: false,
    // Sums have 65 digits at most. Beside 30 places that leaves 35 for whole numbers, one more than a decimal has, so
    // wholes and places are added apart.
    sum: (column, sql) =>
      column.kind === "decimal"
        ? {
            parts: [`sum(CAST(TRUNCATE(${sql}, 0) AS DECIMAL(65,0)))`, `sum(${sql} - TRUNCATE(${sql}, 0))`],
            join: ([wholes, places]) => addDecimal(String(wholes), String(places)),
          }
        : { parts: [`sum(${sql})`] },
    end: plainEnd,
    // Not `AS new`, which MariaDB and MySQL before 8.0.19 do not know.
    inserted: (column) => `VALUES(${column})`,
    upsert: ({ table, insert, set }) => (set === undefined ? insert : `${insert} ON DUPLICATE KEY UPDATE ${ownRow(table)}, ${set}`),
    lock: " FOR UPDATE",

    // The size of a text depends on its table: `column-type.ts`.
    columnType: (column) => (column.kind === "text" ? text.long : columnType(text, noTable, column)),
    indexColumn: (_column, sql) => sql,
    createTable: (table) => [createTable(text, table)],
    addColumn: (table, column) => [`ALTER TABLE ${quote(table.name)} ADD COLUMN ${quote(column.name)} ${columnType(text, table, column)}`],
    createIndex: (table, index) => [createIndex(table, index)],
    createSearch: () => [],
    match: (table, query) => {
      const texts = table.search.map((column) => `CONVERT(${quote(column.name)} USING utf8mb4)`);
      return `LOWER(CONCAT_WS(' ', ${texts.join(", ")})) COLLATE utf8mb4_bin LIKE ${query()}`;
    },
    search: searchPattern,
    inspect: (table) => ({ statements: catalogStatements(table), read: readCatalog }),
  };
}

/**
 * ON DUPLICATE KEY UPDATE acts on the row of whatever unique value is taken. Where that is another row than the one that
 * was meant, by an index that the table does not declare, its key is set to null, which no key takes: an error, by which
 * `execute.ts` knows it, and the row stays as it is.
 */
export function ownRow(table: Table): string {
  const names = table.key.map(({ name }) => quote(name));
  const isOwn = names.map((name) => `${name} = VALUES(${name})`).join(" AND ");
  return `${names[0]!} = IF(${isOwn}, ${names[0]!}, NULL)`;
}

const noTable = { key: [], indexes: [], uniques: [] } as unknown as Table;

export const mysqlDialect = dialect("mysql", textStorages.mysql);
/** MySQL before 8.0.17, which has no collation that compares exactly. */
export const mysqlBytesDialect = dialect("mysql", textStorages.mysqlBytes);
export const mariadbDialect = dialect("mariadb", textStorages.mariadb);

function createTable(text: TextStorage, table: Table): string {
  const columns = table.columns.map(
    (column) => `${quote(column.name)} ${columnType(text, table, column)}${column.isKey ? " NOT NULL" : ""}`,
  );
  const key = table.key.map((column) => quote(column.name)).join(", ");
  return `CREATE TABLE IF NOT EXISTS ${quote(table.name)} (${columns.join(", ")}, PRIMARY KEY (${key})) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4`;
}

/**
 * Makes an index. Its columns are not followed by the key, as elsewhere: InnoDB adds the key to each entry itself, and
 * what it adds does not count for the size of the index.
 *
 * @param long  names of columns of which only the beginning is indexed, since their stored type has no bound
 */
export function createIndex(table: Table, index: Index, long: readonly string[] = []): string {
  const part = (column: Column): string => {
    const name = quote(column.name);
    return long.includes(column.name) ? `${name}(${indexedCharacters(table, column) ?? 255})` : name;
  };
  const kind = index.unique ? "UNIQUE INDEX" : "INDEX";
  return `CREATE ${kind} ${quote(shortName(indexName(table, index)))} ON ${quote(table.name)} (${index.columns.map(part).join(", ")})`;
}

/** The names that an index of ours may have in the store: as it is made, and as it was made before. */
export function storedIndexNames(table: Table, index: Index): readonly string[] {
  return [indexName(table, index), formerIndexName(table, index)].map(shortName);
}

/** A name, shortened to the 64 characters that the server takes. */
function shortName(name: string): string {
  return name.length <= 64
    ? name
    : `${name.slice(0, 53)}_${nodeModule("node:crypto").createHash("sha256").update(name).digest("hex").slice(0, 10)}`;
}

/**
 * A pattern that every row with the query's words has, for its longest word of ASCII letters and digits: what others
 * become in lower case is not the same for the server. It is compared with the lower case of the texts.
 */
function searchPattern(query: string): string | undefined {
  const words = parseSearch(query).all.flat();
  const [longest] = words.filter((word) => /^[a-z0-9]+$/.test(word)).sort((a, b) => b.length - a.length);
  // The Kelvin sign becomes k in JavaScript alone.
  return longest === undefined ? undefined : `%${longest.replaceAll("k", "_")}%`;
}
