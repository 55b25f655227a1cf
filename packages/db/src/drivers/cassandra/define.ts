import type { DefineShape } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Column, Table } from "../../schema/table.js";
import { type CassandraCommand, nothingDone } from "./command.js";
import { cqlType } from "./column-type.js";
import type { Engine } from "./engine.js";
import { isMissingKeyspace } from "./errors.js";
import { placeOf, quoted, versionColumn } from "./statement.js";

export function compileDefine({ table, step }: DefineShape, keyspace: string): CassandraCommand {
  switch (step.kind) {
    case "table":
      return defining([createTable(table, keyspace)], (engine) => makeTable(engine, createTable(table, keyspace)));
    case "column":
      return defining([addColumn(table, step.column, keyspace)]);
    case "index": {
      const indexed = indexedColumns(table, step.index.columns);
      return defining(
        indexed.map((column) => createIndex(table, column, keyspace)),
        async (engine) => {
          for (const column of indexed) await engine.define(createIndex(table, column, keyspace));
          for (const column of indexed) await untilQueryable(engine, table, column);
        },
      );
    }
    case "search":
      throw new DbError("unsupported", "Cassandra has no full-text search", { table: table.name });
  }
}

function defining(statements: readonly string[], run = all(statements)): CassandraCommand {
  return {
    describe: () => statements,
    async run(engine) {
      await run(engine);
      return nothingDone;
    },
  };
}

function all(statements: readonly string[]): (engine: Engine) => Promise<void> {
  return async (engine) => {
    for (const cql of statements) await engine.define(cql);
  };
}

function createTable(table: Table, keyspace: string): string {
  const columns = table.columns.map((column) => `${quoted(column.name)} ${cqlType(column)}`);
  const key = table.key.map(({ name }) => quoted(name));
  const all = [...columns, `${versionColumn} uuid`, `PRIMARY KEY (${key.join(", ")})`];
  return `CREATE TABLE IF NOT EXISTS ${placeOf(keyspace, table)} (${all.join(", ")})`;
}

/** With its keyspace, if that is not there yet. */
async function makeTable(engine: Engine, cql: string): Promise<void> {
  try {
    await engine.define(cql);
  } catch (error) {
    if (!isMissingKeyspace(error)) throw error;
    await engine.define(`CREATE KEYSPACE IF NOT EXISTS ${quoted(engine.keyspace)} WITH replication = ${engine.replication()}`);
    await engine.define(cql);
  }
}

function addColumn(table: Table, column: Column, keyspace: string): string {
  return `ALTER TABLE ${placeOf(keyspace, table)} ADD IF NOT EXISTS ${quoted(column.name)} ${cqlType(column)}`;
}

/** The columns of an index that need one of their own: partitions are found without. */
export function indexedColumns(table: Table, columns: readonly Column[]): readonly Column[] {
  return columns.filter((column) => column !== table.key[0]);
}

/** The server names it, so that names of several tables never meet; the indexes of a table share those of its columns. */
function createIndex(table: Table, column: Column, keyspace: string): string {
  return `CREATE INDEX IF NOT EXISTS ON ${placeOf(keyspace, table)} (${quoted(column.name)}) USING 'sai'`;
}

const pauseMs = 20;

/** The server builds an index behind the statement, and refuses to use it before. */
async function untilQueryable(engine: Engine, table: Table, column: Column): Promise<void> {
  while (!(await engine.isQueryable(table.name, column.name))) await engine.pause(pauseMs);
}
