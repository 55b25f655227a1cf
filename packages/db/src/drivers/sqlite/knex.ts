// What knex's client for better-sqlite3 asks of a connection, on either client.

import type { KnexAccess, Value } from "../../driver.js";
import { nativeError } from "./errors.js";
import type { SqliteHandle } from "./handle.js";

interface KnexStatement {
  /** Whether it gives rows. */
  readonly reader: boolean;
  all(values: readonly Value[]): Promise<readonly Record<string, Value>[]>;
  run(values: readonly Value[]): Promise<{ readonly changes: number; readonly lastInsertRowid: Value }>;
}

export interface KnexStatements {
  prepare(text: string): KnexStatement;
}

/** @param whenFree  repeats what another's lock refused */
export function statementsOf(handle: SqliteHandle, whenFree: <Result>(work: () => Result) => Promise<Result>): KnexStatements {
  return {
    prepare(text) {
      // A transaction that reads before it writes would be refused for ever where somebody else has written in between.
      const statement = handle.prepare(/^begin;?$/i.test(text.trim()) ? "BEGIN IMMEDIATE" : text, true);
      const names = statement.reads ? statement.names() : [];
      const objectOf = (row: readonly Value[]): Record<string, Value> => Object.fromEntries(names.map((name, i) => [name, row[i]!]));
      return {
        reader: statement.reads,
        all: (values) => whenFree(() => statement.all(values).map(objectOf)),
        run: (values) =>
          whenFree(() => {
            const changes = statement.run(values);
            return { changes, lastInsertRowid: handle.prepare("SELECT last_insert_rowid()").get([])![0]! };
          }),
      };
    },
  };
}

export function knexAccess(lend: KnexAccess["lend"]): KnexAccess {
  return {
    client: "better-sqlite3",
    lend,
    errorOf: nativeError,
    // Our own commands ask for these as texts, of which no digit is lost.
    stored: (value, { kind }) => (kind === "int64" && value !== null ? String(value as bigint) : (value as Value)),
  };
}
