import type { Value } from "../../driver.js";
import { invalid } from "../../errors.js";
import { nativeError } from "./errors.js";
import type { SqliteHandle } from "./handle.js";

/**
 * Runs a native command: SQL text, or `{ text, values }` with a value for each `?`.
 *
 * @returns rows as objects, or `{ affected }` for a statement that gives none
 * @throws DbError `invalid` for anything else, and for a command that SQLite refuses, with its reason
 */
export function runNative(handle: SqliteHandle, command: unknown): Readonly<Record<string, Value>>[] | { affected: number } {
  const { text, values = [] } = typeof command === "string" ? { text: command } : ((command ?? {}) as { text?: unknown; values?: unknown });
  if (typeof text !== "string" || !Array.isArray(values))
    throw invalid("a native command of SQLite is SQL text or { text, values }", { driver: "sqlite" });
  try {
    return run(handle, text, values as Value[]);
  } catch (error) {
    throw nativeError(error);
  }
}

function run(handle: SqliteHandle, text: string, values: readonly Value[]): Readonly<Record<string, Value>>[] | { affected: number } {
  const statement = handle.prepare(text);
  if (!statement.reads) return { affected: statement.run(values) };
  const names = statement.names();
  return statement.all(values).map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]!])));
}
