import type { Session, SessionMark } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { MysqlCommand } from "./compile.js";
import type { Lent } from "./connections.js";
import { endsTransaction, isFatal } from "./errors.js";
import { executeGroupOn, executeOn } from "./execute.js";

/** A transaction that has begun on a connection; its end gives the connection back. */
export function session(connection: Lent, engine: string): Session<MysqlCommand> {
  let ended: "COMMIT" | "ROLLBACK" | undefined;
  let failed: unknown;
  let marks = 0;

  function check(): void {
    if (ended !== undefined) throw new DbError("closed", `${engine}: the transaction has ended`, { driver: engine, outcome: "none" });
    // The server has rolled back: what came now would be outside of any transaction.
    if (failed !== undefined) throw failed;
  }

  // Each statement asks anew: a call of several could go on after the end, outside of the transaction.
  const lent: Lent = {
    ...connection,
    run: async (text, values, signal) => {
      check();
      return connection.run(text, values, signal);
    },
    say: async (text) => {
      check();
      return connection.say(text);
    },
  };

  async function during<Result>(work: () => Promise<Result>): Promise<Result> {
    check();
    try {
      const result = await work();
      // It was done, and has been undone meanwhile.
      if (ended === "ROLLBACK") check();
      return result;
    } catch (error) {
      if (endsTransaction(error)) failed = error;
      throw error;
    }
  }

  async function end(how: "COMMIT" | "ROLLBACK"): Promise<void> {
    if (ended !== undefined) check();
    ended = how;
    let clean = false;
    try {
      if (failed === undefined || !isFatal(failed)) await connection.say(failed === undefined ? how : "ROLLBACK");
      clean = failed === undefined || !isFatal(failed);
    } finally {
      connection.release(!clean);
    }
    if (how === "COMMIT" && failed !== undefined) throw failed;
  }

  async function mark(): Promise<SessionMark> {
    const name = `bk_mark_${++marks}`;
    const say = (text: string): Promise<void> => during(async () => void (await lent.say(`${text} ${name}`)));
    await say("SAVEPOINT");
    return {
      keep: () => say("RELEASE SAVEPOINT"),
      undo: async () => {
        await say("ROLLBACK TO");
        await say("RELEASE SAVEPOINT");
      },
    };
  }

  return {
    execute: (command, values, signal) => during(() => executeOn(lent, command, values, signal)),
    executeGroup: (command, group, signal) => during(() => executeGroupOn(lent, command, group, signal)),
    knex: (work, _keepsMarks, signal) => during(() => connection.hold(work, signal)),
    mark,
    commit: () => end("COMMIT"),
    rollback: () => end("ROLLBACK"),
  };
}
