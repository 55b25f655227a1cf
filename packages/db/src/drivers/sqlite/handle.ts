// The two SQLite clients behind one small interface: better-sqlite3 where it is installed, else the one in Node.

import type { Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";

/** A prepared statement. Rows are arrays; 64-bit numbers that no double holds are an error. */
export interface SqliteStatement {
  /** Whether it gives rows. */
  readonly reads: boolean;
  get(values: Values): readonly Value[] | undefined;
  all(values: Values): readonly (readonly Value[])[];
  /** Runs it; gives the number of rows that it changed. */
  run(values: Values): number;
  /** The names of its columns. */
  names(): readonly string[];
}

export interface SqliteHandle {
  prepare(text: string): SqliteStatement;
  /** Runs statements that give nothing. */
  exec(text: string): void;
  /** Gives a deterministic function of texts to SQL. */
  define(name: string, run: (...texts: (string | null)[]) => string): void;
  readonly inTransaction: boolean;
  close(): void;
}

export interface HandleOptions {
  readonly readonly: boolean;
  /** Milliseconds that a call may block the process for another's lock. */
  readonly blockMs: number;
}

export type OpenHandle = (path: string, options: HandleOptions) => SqliteHandle;

/**
 * Finds a client.
 *
 * @throws DbError `driver-missing` when there is neither, with both causes
 */
export async function loadSqlite(): Promise<OpenHandle> {
  let missing: unknown;
  try {
    return await loadBetterSqlite3();
  } catch (error) {
    // Not installed, or installed without its binary; Node may have a client of its own.
    missing = error;
  }
  try {
    return await loadNodeSqlite();
  } catch (error) {
    throw new DbError(
      "driver-missing",
      "SQLite needs a client; run: npm install better-sqlite3 (or use Node 22.16 or later, which has one)",
      {
        driver: "sqlite",
        cause: new AggregateError([missing, error]),
      },
    );
  }
}

async function loadBetterSqlite3(): Promise<OpenHandle> {
  const { default: Database } = await import("better-sqlite3");
  // The binary is loaded by the first database; one in memory shows here that it is there.
  new Database(":memory:").close();
  return (path, { readonly, blockMs }) => {
    const database = new Database(path, { readonly, timeout: blockMs });
    return {
      prepare(text) {
        const statement = database.prepare<unknown[], readonly Value[]>(text);
        const reads = statement.reader;
        if (reads) statement.raw(true);
        return {
          reads,
          get: (values) => statement.get(values as unknown as unknown[]),
          all: (values) => statement.all(values as unknown as unknown[]),
          run: (values) => statement.run(values as unknown as unknown[]).changes,
          names: () => statement.columns().map(({ name }) => name),
        };
      },
      exec: (text) => void database.exec(text),
      define: (name, run) => void database.function(name, { deterministic: true, varargs: true }, run),
      get inTransaction() {
        return database.inTransaction;
      },
      close: () => void database.close(),
    };
  };
}

/** What is used of `node:sqlite`; the types of the oldest supported Node do not have it. */
interface NodeSqlite {
  readonly DatabaseSync: new (
    path: string,
    options: { readOnly: boolean; timeout: number; enableForeignKeyConstraints: boolean },
  ) => NodeDatabase;
  readonly StatementSync: { readonly prototype: object };
}
interface NodeDatabase {
  prepare(text: string): NodeStatement;
  exec(text: string): void;
  function(name: string, options: { deterministic: boolean; varargs: boolean }, run: (...texts: (string | null)[]) => string): void;
  close(): void;
  readonly isTransaction?: boolean;
}
interface NodeStatement {
  get(...values: Values): unknown;
  all(...values: Values): unknown[];
  run(...values: Values): { changes: number | bigint };
  columns(): { name: string }[];
  setReturnArrays(arrays: boolean): void;
}

async function loadNodeSqlite(): Promise<OpenHandle> {
  const name = "node:sqlite";
  const { DatabaseSync, StatementSync } = (await import(name)) as NodeSqlite;
  // Without rows as arrays, columns of one name would swallow each other.
  if (!("setReturnArrays" in StatementSync.prototype)) throw new Error("node:sqlite of this Node version is too old");
  return (path, { readonly, blockMs }) => {
    const database = new DatabaseSync(path, { readOnly: readonly, timeout: blockMs, enableForeignKeyConstraints: true });
    return {
      prepare(text) {
        const statement = database.prepare(text);
        const reads = statement.columns().length > 0;
        if (reads) statement.setReturnArrays(true);
        return {
          reads,
          get: (values) => statement.get(...values) as readonly Value[] | undefined,
          all: (values) => statement.all(...values) as (readonly Value[])[],
          run: (values) => Number(statement.run(...values).changes),
          names: () => statement.columns().map((column) => column.name),
        };
      },
      exec: (text) => database.exec(text),
      define: (function_, run) => database.function(function_, { deterministic: true, varargs: true }, run),
      get inTransaction() {
        return database.isTransaction ?? false;
      },
      close: () => database.close(),
    };
  };
}
