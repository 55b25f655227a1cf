import { invalid } from "../../errors.js";
import type { Connections } from "./connections.js";

/**
 * Runs a native command: SQL text, or `{ text, values }` with a value for each `$n`. Values and rows are as `pg` has them.
 *
 * @returns rows as objects, or `{ affected }` for a statement that gives none
 * @throws DbError `invalid` for anything else; native errors
 */
export async function runNative(pool: Connections, command: unknown, signal?: AbortSignal): Promise<unknown> {
  const { text, values = [] } = typeof command === "string" ? { text: command } : ((command ?? {}) as { text?: unknown; values?: unknown });
  if (typeof text !== "string" || !Array.isArray(values))
    throw invalid("a native command of PostgreSQL is SQL text or { text, values }", { driver: "postgres" });
  const connection = await pool.lend(signal);
  const stop = (): void => pool.cancel(connection);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const result = await connection.client.query(text, values);
    // Several statements in one text have a result each; the last one counts.
    const last = Array.isArray(result) ? (result as (typeof result)[]).at(-1)! : result;
    return last.fields.length > 0 ? last.rows : { affected: last.rowCount ?? 0 };
  } finally {
    signal?.removeEventListener("abort", stop);
    // A command that began a transaction, or changed a setting, must not reach the next caller.
    if (!connection.broken) await connection.client.query("ROLLBACK");
    pool.giveBack(connection);
  }
}
