// The two SQLite clients behind one small interface: the runtime's own (Node from 22.16, Bun, Deno), else better-sqlite3.

import { nodeModule } from "@bk/core";
import type BetterSqlite3 from "better-sqlite3";

import type { Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { withResultCode } from "./errors.js";

/** A statement of `node:sqlite`, as far as its numbers go. */
interface ReadingStatement {
  setReadBigInts(enabled: boolean): void;
  all(...values: unknown[]): unknown[];
}

/** A prepared statement. Rows are arrays; numbers that no double holds exactly are bigints, or rounded by clients that know no better. */
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
  /** @param exact  `all` gives numbers that no double holds as bigints on every client */
  prepare(text: string, exact?: boolean): SqliteStatement;
  /** Runs statements that give nothing. */
  exec(text: string): void;
  /** Gives a deterministic function of texts to SQL. */
  /** @param deterministic  it gives the same for the same texts: SQLite may call it once for many rows */
  define(name: string, run: (...texts: (string | null)[]) => string, deterministic: boolean): void;
  readonly inTransaction: boolean;
  close(): void;
}

export interface HandleOptions {
  readonly readonly: boolean;
  /** Milliseconds that a call may block the process for another's lock. */
  readonly blockMs: number;
}

export type OpenHandle = (path: string, options: HandleOptions) => SqliteHandle;

/** A client: how it opens databases, and how a thread finds it again. */
export interface SqliteClient {
  readonly open: OpenHandle;
  /** `node:sqlite`, or the path of better-sqlite3. @throws Error where that is not known */
  readonly place: () => string;
}

/**
 * Finds a client.
 *
 * @throws DbError `driver-missing` when there is neither, with both causes
 */
export async function loadSqlite(): Promise<SqliteClient> {
  let missing: unknown;
  try {
    return { open: loadNodeSqlite(), place: () => "node:sqlite" };
  } catch (error) {
    missing = error;
  }
  try {
    // Named here, since bundlers let an import fail that stands in a `try`.
    return { open: betterSqlite3((await import("better-sqlite3")).default), place: betterSqlite3Path };
  } catch (error) {
    throw new DbError("driver-missing", "SQLite needs Node 22.16 or later, Bun or Deno, or a client; run: npm install better-sqlite3", {
      driver: "sqlite",
      cause: new AggregateError([missing, error]),
    });
  }
}

function betterSqlite3Path(): string {
  return nodeModule("node:module")
    .createRequire(import.meta.url)
    .resolve("better-sqlite3");
}

function betterSqlite3(Database: typeof BetterSqlite3): OpenHandle {
  // The binary is loaded by the first database; one in memory shows here that it is there.
  new Database(":memory:").close();
  return (path, { readonly, blockMs }) => {
    const database = new Database(path, { readonly, timeout: blockMs });
    return {
      prepare(text, exact = false) {
        const statement = database.prepare<unknown[], readonly Value[]>(text);
        const reads = statement.reader;
        if (reads) statement.raw(true);
        if (exact) statement.safeIntegers(true);
        const all = (values: Values): readonly (readonly Value[])[] => statement.all(values as unknown as unknown[]);
        return {
          reads,
          get: (values) => statement.get(values as unknown as unknown[]),
          all: exact ? (values) => withPlainNumbers(all(values)) : all,
          run: (values) => statement.run(values as unknown as unknown[]).changes,
          names: () => statement.columns().map(({ name }) => name),
        };
      },
      exec: (text) => void database.exec(text),
      define: (name, run, deterministic) => void database.function(name, { deterministic, varargs: true }, run),
      get inTransaction() {
        return database.inTransaction;
      },
      close: () => void database.close(),
    };
  };
}

function loadNodeSqlite(): OpenHandle {
  const { DatabaseSync, StatementSync } = withoutWarning(() => nodeModule("node:sqlite"));
  // Without rows as arrays, columns of one name would swallow each other.
  if (!("setReturnArrays" in StatementSync.prototype)) throw new Error("node:sqlite of this Node version is too old");
  return (path, { readonly, blockMs }) => {
    const database = new DatabaseSync(path, { readOnly: readonly, timeout: blockMs, enableForeignKeyConstraints: true });
    const keyOf = (table: string): string[] => {
      const columns = database.prepare("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk").all(table) as { name: string }[];
      return columns.map(({ name }) => name);
    };
    return {
      prepare(text) {
        const statement = database.prepare(text);
        const reads = statement.columns().length > 0;
        if (reads) statement.setReturnArrays(true);
        return {
          reads,
          get(values) {
            try {
              return statement.get(...values) as readonly Value[] | undefined;
            } catch (error) {
              if (isBeyondDoubles(error)) return allWithLargeNumbers(statement, values)[0];
              throw withResultCode(error, keyOf);
            }
          },
          all(values) {
            try {
              return statement.all(...values) as (readonly Value[])[];
            } catch (error) {
              if (isBeyondDoubles(error)) return allWithLargeNumbers(statement, values);
              throw withResultCode(error, keyOf);
            }
          },
          run(values) {
            try {
              return Number(statement.run(...values).changes);
            } catch (error) {
              throw withResultCode(error, keyOf);
            }
          },
          names: () => statement.columns().map((column) => column.name),
        };
      },
      exec: (text) => database.exec(text),
      define: (name, body, deterministic) => database.function(name, { deterministic, varargs: true }, body),
      get inTransaction() {
        return database.isTransaction;
      },
      close: () => database.close(),
    };
  };
}

function isBeyondDoubles(error: unknown): boolean {
  return (error as { code?: unknown }).code === "ERR_OUT_OF_RANGE";
}

/** Rows in which an integer is beyond what a double holds: that one as a bigint, of which the column's decoder says what is wrong. */
function allWithLargeNumbers(statement: ReadingStatement, values: Values): readonly (readonly Value[])[] {
  statement.setReadBigInts(true);
  try {
    return withPlainNumbers(statement.all(...values) as (readonly Value[])[]);
  } finally {
    statement.setReadBigInts(false);
  }
}

/** Bigints become numbers where a double holds them. */
function withPlainNumbers(rows: readonly (readonly Value[])[]): readonly (readonly Value[])[] {
  const plain = (value: Value): Value => (typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value);
  return rows.map((row) => row.map(plain));
}

/** Loads it without Node's warning that it is experimental, which apps could do nothing about. */
function withoutWarning<Module>(load: () => Module): Module {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (!String(warning).startsWith("SQLite is an experimental feature")) Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
