// How PostgreSQL differs from the SQL that the compiler writes, and how tables and indexes are made in it.

import type { Column, Index, Kind, Table } from "../../schema/table.js";
import { columnDefinition, indexColumns, indexName, nameBeside, tableBody } from "../../engines/sql/define.js";
import { onConflict, plainEnd, quoteDouble as quote, type SqlDialect } from "../../engines/sql/dialect.js";
import { inspectTable } from "./catalog.js";
import { shortName } from "./names.js";
import { createSearch, matchSearch, searchText } from "./search.js";

/** The native type of each kind, as it stands in a cast. */
export const types: Readonly<Record<Kind, string>> = {
  text: "text",
  int: "bigint",
  int64: "bigint",
  real: "double precision",
  decimal: "numeric",
  bool: "boolean",
  time: "bigint",
  json: "jsonb",
  list: "jsonb",
  blob: "bytea",
};

export const postgresDialect: SqlDialect = {
  name: "postgres",
  quote,
  placeholders: "numbered",
  // A stored integer may be narrower than what it is compared with.
  placeholder: (position, column) => (column !== undefined && types[column.kind] === "bigint" ? `$${position}::bigint` : `$${position}`),
  read: (_column, sql) => sql,
  tests: {
    same: (column, bind) => `${column} IS NOT DISTINCT FROM ${bind(0)}`,
    ends_with: (column, bind) => `right(${column}, length(${bind(0)}::text)) = ${bind(0)}`,
    not_ends_with: (column, bind) => `right(${column}, length(${bind(0)}::text)) <> ${bind(0)}`,
    contains: (column, bind) => `strpos(${column}, ${bind(0)}) > 0`,
    not_contains: (column, bind) => `strpos(${column}, ${bind(0)}) = 0`,
    // Exact under the collation "C", where "_" is one code point and "\" escapes.
    like: (column, bind) => `${column} LIKE ${bind(0)}`,
    not_like: (column, bind) => `${column} NOT LIKE ${bind(0)}`,
  },
  listContains: (column, bind, { element }) => `${column} @> to_jsonb(${bind(0)}::${element === "text" ? "text" : "numeric"})`,
  concat: (left, right) => `${left} || ${right}`,
  // Tables of others may have columns with a collation that sorts in another way.
  inOrder: (column, sql) => (column.kind === "text" ? `(${sql} COLLATE "C")` : sql),
  nulls: "last",
  rowValues: true,
  // Sums of bigint and numeric are numeric.
  sum: (_column, sql) => ({ parts: [`sum(${sql})`] }),
  end: (op, column, sql) => (column.kind === "bool" ? `${op === "min" ? "bool_and" : "bool_or"}(${sql})` : plainEnd(op, column, sql)),
  inserted: (column) => `excluded.${column}`,
  upsert: onConflict,
  lock: " FOR UPDATE",

  // "C" sorts and compares by byte, which is by code point, whatever the database's own collation is.
  columnType: ({ kind }) => (kind === "text" ? `text COLLATE "C"` : types[kind]),
  // The order in which the core wants nulls, so that pages are read from the index.
  indexColumn: (column, sql) => (column.isKey ? sql : `${sql} NULLS FIRST`),
  createTable: (table) => [
    `CREATE TABLE IF NOT EXISTS ${quote(table.name)} (${tableBody(postgresDialect, table, quote(nameBeside(table, "pkey")))})`,
  ],
  addColumn: (table, column) => [
    `ALTER TABLE ${quote(table.name)} ADD COLUMN IF NOT EXISTS ${columnDefinition(postgresDialect, table, column)}`,
  ],
  createIndex: (table, index) => [
    `CREATE ${index.unique ? "UNIQUE " : ""}INDEX IF NOT EXISTS ${quote(shortName(indexName(table, index)))} ON ${quote(table.name)} (${body(table, index)})`,
  ],
  createSearch: (table) => createSearch(table),
  match: matchSearch,
  search: searchText,
  inspect: inspectTable,
};

function body(table: Table, index: Index): string {
  return indexColumns(table, index)
    .map((column: Column) => postgresDialect.indexColumn(column, quote(column.name)))
    .join(", ");
}
