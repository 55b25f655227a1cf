import type { Session } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { SqlCommand } from "../../sql/command.js";
import type { Connections } from "./connections.js";
import { type Executor, type Place, type RunSteps, unnamed } from "./execute.js";

/** Opens a transaction on a connection of its own. A call that fails ends what can be done in it, but for rolling back. */
export async function beginSession(
  pool: Connections,
  executor: Executor,
  { isolation, signal }: { readonly isolation?: "default" | "serializable"; readonly signal?: AbortSignal | undefined },
): Promise<Session<SqlCommand>> {
  const connection = await pool.lend(signal);
  let state: "open" | "failed" | "ended" = "open";
  try {
    await connection.run([unnamed(isolation === "serializable" ? "BEGIN ISOLATION LEVEL SERIALIZABLE" : "BEGIN")]);
  } catch (error) {
    pool.giveBack(connection);
    throw error;
  }

  function check(): void {
    if (state === "ended") throw new DbError("closed", "the transaction has ended");
    if (state === "failed") throw new DbError("condition-failed", "an earlier call of the transaction failed; it can only be rolled back");
  }

  function runner(callSignal: AbortSignal | undefined): RunSteps {
    return async (steps) => {
      check();
      if (callSignal?.aborted) throw new DbError("cancelled", "cancelled before it began", { outcome: "none", cause: callSignal.reason });
      const stop = (): void => pool.cancel(connection);
      callSignal?.addEventListener("abort", stop, { once: true });
      try {
        return await connection.run(steps);
      } catch (error) {
        if (state === "open") state = "failed";
        throw error;
      } finally {
        callSignal?.removeEventListener("abort", stop);
      }
    };
  }

  // Calls of one transaction take turns: what one of them undoes must be its own work alone.
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = last.then(work, work);
    last = result;
    return result;
  }

  const here = (callSignal: AbortSignal | undefined): Place => {
    const run = runner(callSignal);
    return { run: (steps) => inTurn(() => run(steps)), hold: (work) => inTurn(() => work(run)), inside: true };
  };

  async function end(sql: "COMMIT" | "ROLLBACK"): Promise<void> {
    if (state === "ended") check();
    const failed = state === "failed";
    state = "ended";
    try {
      // A lost connection has rolled back by itself.
      if (!connection.broken || sql === "COMMIT") await connection.run([unnamed(failed ? "ROLLBACK" : sql)]);
    } finally {
      pool.giveBack(connection);
    }
    if (failed && sql === "COMMIT") throw new DbError("condition-failed", "a call of the transaction failed; it was rolled back");
  }

  return {
    execute: (command, values, callSignal) => executor.execute(command, values, here(callSignal)),
    executeGroup: (command, group, callSignal) => executor.executeGroup(command, group, here(callSignal)),
    commit: () => inTurn(() => end("COMMIT")),
    rollback: () => inTurn(() => end("ROLLBACK")),
  };
}
