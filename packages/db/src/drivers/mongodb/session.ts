// Transactions: commands in a session of the server. Whatever the server refuses ends one.

import type { ClientSession, Db, Document } from "mongodb";

import type { Session } from "../../driver.js";
import { DbError } from "../../errors.js";
import type { Client } from "./client.js";
import type { MongoCommand } from "./command.js";
import { type Engine, firstBatch } from "./engine.js";
import type { Bson } from "./values.js";

/** The field that a transaction writes into a row which it reads to hold it. */
export const lockField = "_lock";

/** What every command is read back with: integers of 64 bits as they are. */
const readOptions = { useBigInt64: true } as const;

/** Sends commands, each by itself. */
export function engineOf(database: () => Db, bson: Bson): Engine {
  return {
    bson,
    isTransaction: false,
    send: (command, signal) => database().command(command, signal === undefined ? readOptions : { ...readOptions, signal }),
    async sample(find, limit, signal) {
      const options = { promoteValues: false, ...(signal === undefined ? {} : { signal }) };
      return firstBatch(await database().command({ find, limit, batchSize: limit + 1 }, options));
    },
  };
}

/**
 * Begins a transaction on a snapshot. Of two that write one row the later one is refused at once, and tried again by the core.
 *
 * @throws DbError `unsupported` for serializable ones: what a transaction has merely read may change before it ends
 */
export async function beginSession(
  client: Client,
  db: Db,
  bson: Bson,
  { isolation }: { readonly isolation?: "default" | "serializable" },
): Promise<Session<MongoCommand>> {
  if (isolation === "serializable")
    throw new DbError("unsupported", "MongoDB has no serializable transactions; it gives snapshots", { outcome: "none" });
  const session = client.startSession();
  session.startTransaction({ readConcern: { level: "snapshot" }, writeConcern: { w: "majority" }, readPreference: "primary" });
  return transaction(session, db, bson);
}

function transaction(session: ClientSession, db: Db, bson: Bson): Session<MongoCommand> {
  let isOver = false;
  let isRolledBack = false;
  // A session takes one command at a time.
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = last.then(work, work);
    last = result;
    return result;
  }

  const engine: Engine = {
    ...engineOf(() => db, bson),
    isTransaction: true,
    async send(command, signal): Promise<Document> {
      check();
      const reply = await db.command(command, { ...readOptions, session, ...(signal === undefined ? {} : { signal }) });
      // The rollback waits behind this command, and undoes it.
      if (isRolledBack) throw closedError();
      return reply;
    },
  };

  function check(): void {
    if (isOver) throw closedError();
  }

  async function end(work: () => Promise<void>): Promise<void> {
    check();
    isOver = true;
    await inTurn(async () => {
      try {
        await work();
      } finally {
        await session.endSession();
      }
    });
  }

  return {
    async execute(command, values, signal) {
      check();
      return inTurn(() => command.run(engine, values, signal));
    },
    async executeGroup(command, group, signal) {
      check();
      return inTurn(() => command.runGroup!(engine, group, signal));
    },
    commit: () => end(() => session.commitTransaction()),
    rollback: () => {
      isRolledBack = !isOver;
      return end(async () => {
        if (session.inTransaction()) await session.abortTransaction();
      });
    },
  };
}

function closedError(): DbError {
  return new DbError("closed", "the transaction has ended", { outcome: "none" });
}
