import type { DefineShape, InspectShape } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Column, Index, Table } from "../../schema/table.js";
import type { SqlDefine, SqlInspect } from "./command.js";
import type { ColumnRole, SqlDialect } from "./dialect.js";

export function compileDefine(shape: DefineShape, dialect: SqlDialect): SqlDefine {
  return Object.freeze({ kind: "define", shape, texts: Object.freeze(writeStep(shape, dialect)) });
}

function writeStep({ table, step }: DefineShape, dialect: SqlDialect): readonly string[] {
  switch (step.kind) {
    case "table":
      return dialect.createTable(table);
    case "column":
      return dialect.addColumn(table, step.column);
    case "index":
      return dialect.createIndex(table, step.index);
    case "search":
      if (!dialect.createSearch) throw new DbError("internal", `the ${dialect.name} dialect has no search`, { table: table.name });
      return dialect.createSearch(table);
  }
}

export function compileInspect(shape: InspectShape, dialect: SqlDialect): SqlInspect {
  return Object.freeze({ kind: "inspect", shape, ...dialect.inspect(shape.table) });
}

/**
 * The name of what belongs to a table: an index, a constraint, an engine's own table beside it. Names of the app have no
 * `$`, so that no two of such names meet, nor one of them with a table of the app.
 */
export function nameBeside(table: Table, ...parts: readonly string[]): string {
  return [table.name, ...parts].join("$");
}

/** The name under which an index is made. `sync` finds indexes by their columns, whatever their names are. */
export function indexName(table: Table, index: Index): string {
  return nameBeside(table, ...index.columns.map((column) => column.name), index.unique ? "unique" : "index");
}

/** The name that indexes had before names with `$`; it could be that of something else as well. */
export function formerIndexName(table: Table, index: Index): string {
  return `${table.name}_${index.name}_${index.unique ? "unique" : "index"}`;
}

/** The columns of an index as it is made: all but unique indexes end with the key, so a page can resume from the index. */
export function indexColumns(table: Table, index: Index): readonly Column[] {
  return index.unique ? index.columns : [...index.columns, ...table.key.filter((column) => !index.columns.includes(column))];
}

/** What a column is used for. */
export function roleOf(table: Table, column: Column): ColumnRole {
  if (column.isKey) return "key";
  return [...table.indexes, ...table.uniques].some((index) => index.columns.includes(column)) ? "indexed" : "plain";
}

/** `"name" TYPE`, with NOT NULL for key columns. */
export function columnDefinition(dialect: SqlDialect, table: Table, column: Column): string {
  return `${dialect.quote(column.name)} ${dialect.columnType(column, roleOf(table, column))}${column.isKey ? " NOT NULL" : ""}`;
}

/**
 * The columns and the primary key of CREATE TABLE.
 *
 * @param keyName  name of the key's constraint, quoted, where the engine would choose one that a table may have
 */
export function tableBody(dialect: SqlDialect, table: Table, keyName?: string): string {
  const key = `PRIMARY KEY (${table.key.map((column) => dialect.quote(column.name)).join(", ")})`;
  const named = keyName === undefined ? key : `CONSTRAINT ${keyName} ${key}`;
  return [...table.columns.map((column) => columnDefinition(dialect, table, column)), named].join(", ");
}

/** The list of an index's columns. */
export function indexBody(dialect: SqlDialect, table: Table, index: Index): string {
  return indexColumns(table, index)
    .map((column) => dialect.indexColumn(column, dialect.quote(column.name)))
    .join(", ");
}
