import type { Value } from "../../driver.js";
import { invalid } from "../../errors.js";
import type { SqliteHandle } from "./handle.js";

/**
 * Runs a native command: SQL text, or `{ text, values }` with a value for each `?`.
 *
 * @returns rows as objects, or `{ affected }` for a statement that gives none
 * @throws DbError `invalid` for anything else; native errors
 */
export function runNative(handle: SqliteHandle, command: unknown): Readonly<Record<string, Value>>[] | { affected: number } {
  const { text, values = [] } = typeof command === "string" ? { text: command } : ((command ?? {}) as { text?: unknown; values?: unknown });
  if (typeof text !== "string" || !Array.isArray(values))
    throw invalid("a native command of SQLite is SQL text or { text, values }", { driver: "sqlite" });
  const statement = handle.prepare(text);
  if (!statement.reads) return { affected: statement.run(values as Value[]) };
  const names = statement.names();
  return statement.all(values as Value[]).map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]!])));
}
