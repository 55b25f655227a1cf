import type { QueryResult } from "pg";
import { invalid } from "../../errors.js";
import type { Connections, PostgresConnection } from "./connections.js";
import { nativeError } from "./errors.js";

/**
 * Runs a native command: SQL text, or `{ text, values }` with a value for each `$n`. Values and rows are as `pg` has them.
 *
 * @returns rows as objects, or `{ affected }` for a statement that gives none
 * @throws DbError `invalid` for anything else, and for a command that the server refuses, with its reason
 */
export async function runNative(pool: Connections, command: unknown, signal?: AbortSignal): Promise<unknown> {
  const { text, values = [] } = typeof command === "string" ? { text: command } : ((command ?? {}) as { text?: unknown; values?: unknown });
  if (typeof text !== "string" || !Array.isArray(values))
    throw invalid("a native command of PostgreSQL is SQL text or { text, values }", { driver: "postgres" });
  return pool.hold(async (connection) => {
    let results: Awaited<ReturnType<typeof connection.query>>;
    try {
      results = await connection.query(text, values);
    } catch (error) {
      await leaveTransaction(connection, true);
      throw nativeError(error);
    }
    await leaveTransaction(connection, connection.isInTransaction);
    // Several statements in one text have a result each; the last one counts.
    const last = Array.isArray(results) ? (results as readonly QueryResult[]).at(-1)! : (results as QueryResult);
    return last.fields.length > 0 ? last.rows : { affected: last.rowCount ?? 0 };
  }, signal);
}

/** A transaction that the command began must not reach the next caller. */
async function leaveTransaction(connection: PostgresConnection, mayBeIn: boolean): Promise<void> {
  if (mayBeIn && !connection.broken) await connection.query("ROLLBACK", []);
}
