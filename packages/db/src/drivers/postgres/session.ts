import type { Session } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { SqlCommand } from "../../engines/sql/command.js";
import type { Connections, PostgresConnection } from "./connections.js";
import { classifyPostgres, sqlState } from "./errors.js";
import { type Executor, keepCall, type Place, savepoint, undoCall, unnamed } from "./execute.js";

/**
 * Opens a transaction on a connection of its own. A write that the server refuses undoes itself alone; after any other
 * failure nothing is left but to roll back.
 */
export async function beginSession(
  pool: Connections,
  executor: Executor,
  { isolation, signal }: { readonly isolation?: "default" | "serializable"; readonly signal?: AbortSignal | undefined },
): Promise<Session<SqlCommand>> {
  const connection = await pool.lend(signal);
  try {
    await connection.run([unnamed(isolation === "serializable" ? "BEGIN ISOLATION LEVEL SERIALIZABLE" : "BEGIN")]);
  } catch (error) {
    pool.giveBack(connection);
    throw error;
  }
  return session(pool, executor, connection);
}

function session(pool: Connections, executor: Executor, connection: PostgresConnection): Session<SqlCommand> {
  let state: "open" | "failed" | "ended" = "open";
  let isRolledBack = false;
  let marks = 0;

  // Calls take turns: what one of them undoes must be its own work alone.
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = last.then(work, work);
    last = result;
    return result;
  }

  /** Carries out a call; aborting ends its statement, and with the connection the transaction. */
  async function call<Result>(work: () => Promise<Result>, signal: AbortSignal | undefined, undoes: boolean): Promise<Result> {
    check();
    if (signal?.aborted) throw new DbError("cancelled", "cancelled before it began", { outcome: "none", cause: signal.reason });
    const stop = (): void => pool.cancel(connection);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const result = await work();
      // The roll-back waits for its turn behind this call, and undoes it.
      if (isRolledBack) throw closedError();
      return result;
    } catch (error) {
      if (isRolledBack && error instanceof DbError && error.code === "closed") throw error;
      state = "failed";
      if (connection.broken) throw error;
      const undone = undoes && isRefusal(error);
      // Rolling back at once sets those free who wait for what the transaction has locked.
      await connection.run(undone ? undoCall : [unnamed("ROLLBACK")]);
      if (undone) state = "open";
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  function check(): void {
    if (state === "ended" || isRolledBack) throw closedError();
    if (state === "failed") throw new DbError("condition-failed", "an earlier call of the transaction failed; it can only be rolled back");
  }

  function here(signal: AbortSignal | undefined): Place {
    return {
      run: (steps) => inTurn(() => call(() => connection.run(steps), signal, false)),
      write: async (steps) => {
        const results = await inTurn(() => call(() => connection.run([savepoint, ...steps, keepCall]), signal, true));
        return results.slice(1, -1);
      },
      hold: (work) => inTurn(() => call(() => work(connection.run), signal, true)),
      inside: true,
    };
  }

  async function end(sql: "COMMIT" | "ROLLBACK"): Promise<void> {
    if (state === "ended") throw closedError();
    const failed = state === "failed";
    state = "ended";
    try {
      // A lost connection has rolled back by itself.
      if (!failed && (!connection.broken || sql === "COMMIT")) await connection.run([unnamed(sql)]);
    } finally {
      pool.giveBack(connection);
    }
    if (failed && sql === "COMMIT") throw new DbError("condition-failed", "a call of the transaction failed; it was rolled back");
  }

  return {
    execute: (command, values, signal) => executor.execute(command, values, here(signal)),
    executeGroup: (command, group, signal) => executor.executeGroup(command, group, here(signal)),
    knex: (work, keepsMarks, signal) =>
      inTurn(() =>
        call(
          async () => {
            if (keepsMarks) return connection.use(work);
            await connection.run([savepoint]);
            const result = await connection.use(work);
            await connection.run([keepCall]);
            return result;
          },
          signal,
          !keepsMarks,
        ),
      ),
    async mark() {
      const name = `bk_mark_${++marks}`;
      const run = async (...texts: readonly string[]): Promise<void> => {
        await inTurn(() => call(() => connection.run(texts.map(unnamed)), undefined, false));
      };
      await run(`SAVEPOINT ${name}`);
      return {
        keep: () => run(`RELEASE ${name}`),
        undo: () => run(`ROLLBACK TO ${name}`, `RELEASE ${name}`),
      };
    },
    commit: () => inTurn(() => end("COMMIT")),
    rollback: () => {
      if (state !== "ended") isRolledBack = true;
      return inTurn(() => end("ROLLBACK"));
    },
  };
}

function closedError(): DbError {
  return new DbError("closed", "the transaction has ended", { outcome: "none" });
}

/** The server's answer to the one statement, as opposed to a conflict of the whole transaction. */
function isRefusal(error: unknown): boolean {
  return sqlState(error) !== undefined && classifyPostgres(error)?.code !== "limited";
}
