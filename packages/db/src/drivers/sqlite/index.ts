// The SQLite driver. Reads and writes outside transactions run at once on one connection; each interactive transaction
// has a connection of its own, so that reads beside it go on. README.md says how values are stored.

import { nodeModule } from "@bk/core";
import type { Capabilities, Codec, Driver, DriverOptions, KindOps, KnexConnection, Reply, Session, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { gathered } from "../../engines/sql/aggregate.js";
import { describeCommand, type SqlCommand } from "../../engines/sql/command.js";
import { compileSql } from "../../engines/sql/compile.js";
import { blockMs, openConnection, settingsText, type SqliteConnection, withGroup } from "./connection.js";
import { goOnFunction, searchName, servesColumn, sqliteDialect, wordsFunction } from "./dialect.js";
import { classifySqlite, isBusy, openError } from "./errors.js";
import { loadSqlite } from "./handle.js";
import { knexAccess, statementsOf } from "./knex.js";
import { longStatements, type SqliteLongStatement } from "./long-statements.js";
import { mayBeLong } from "./may-be-long.js";
import { runNative } from "./native.js";
import { sqliteOptions } from "./options.js";
import { type LongStatement, Threads } from "./threads.js";
import { turns } from "../../engines/turns.js";
import { sqlChanges, sqlCommon, sqlFilters, sqlSorts } from "../../engines/sql/exact-filters.js";

const filters: KindOps = { ...sqlFilters, list: [...sqlFilters.list, "contains", "not_contains"] };

const capabilities: Capabilities = Object.freeze({
  ...sqlCommon,
  filters,
  guards: filters,
  sorts: sqlSorts,
  changes: sqlChanges,
  upsert: true,
  returning: { put: "old", update: ["old", "new"], delete: "old" },
  group: { put: { most: 5_000, outcome: "whole" }, update: { most: 5_000, outcome: "whole" }, delete: { most: 5_000, outcome: "whole" } },
  limits: { values: 32_766, tests: 400 },
} satisfies Capabilities);

const codec: Codec = Object.freeze({
  text: "text",
  int: "number",
  int64: "text",
  real: "number",
  decimal: "sortable",
  bool: "number",
  time: "number",
  json: "text",
  list: "text",
  blob: "bytes",
});

/** `mayBeLong`: a thread carries it out where the table is large. */
type SqliteCommand = SqlCommand & { readonly mayBeLong?: true };

/** After attempts that took too long, at most so many calls of that command go to a thread at once. */
const mostPassed = 50;

/** Connections of ended transactions that are kept for the next ones. */
const spareConnections = 2;

/**
 * Opens a SQLite file, made with its folder when it is missing, or a database in memory.
 *
 * @throws DbError `driver-missing` without a client; `invalid` for a bad URL or setting, or a folder; what is wrong with the file, with its path
 */
export async function sqliteDriver(options: DriverOptions): Promise<Driver<SqliteCommand>> {
  const given = sqliteOptions(options);
  // Connections are opened later too, when the process may have moved to another folder.
  const location = given.path === ":memory:" ? given : { ...given, path: nodeModule("node:path").resolve(given.path) };
  const { clock } = options;
  const inMemory = location.path === ":memory:";
  const { open, place } = await loadSqlite();
  try {
    if (!inMemory && !location.readonly) makeFolder(location.path);
  } catch (error) {
    throw openError(error, location.path);
  }

  const connect = (signal?: AbortSignal): Promise<SqliteConnection> => untilFree(() => openConnection(open, location), signal);
  const main = await connect().catch((error: unknown) => {
    throw openError(error, location.path);
  });
  const spare: SqliteConnection[] = [];
  // The one write lock of the file, as far as this process is concerned; in memory, the connection itself.
  const writers = turns();
  let closing: Promise<void> | undefined;

  /** Repeats what another process's lock refused, nothing done, without blocking this process. */
  async function untilFree<Result>(
    work: () => Result | Promise<Result>,
    signal: AbortSignal | undefined,
    started = clock.now(),
  ): Promise<Result> {
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 50)) {
      try {
        return await work();
      } catch (error) {
        if (!isBusy(error) || clock.now() - started >= location.busyTimeoutMs) throw error;
      }
      await clock.sleep(waitMs * (0.5 + clock.random() / 2), signal);
    }
  }

  /** Runs at once where nothing is in the way, else when it is out of the way. */
  function whenFree<Result>(waits: boolean, work: () => Result, signal: AbortSignal | undefined): Result | Promise<Result> {
    if (closing !== undefined) throw closedError();
    if (!waits) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error)) throw error;
        // Others queue behind it, so that calls on one row keep their order.
      }
    }
    return inTurn(work, signal);
  }

  async function inTurn<Result>(work: () => Result | Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
    const done = await writers.take(signal);
    try {
      return await untilFree(work, signal);
    } finally {
      done();
    }
  }

  const statementFor = longStatements(main.handle, location.threadsFromMb * 1_000_000);
  const threads = new Threads({
    settings: () => ({
      path: location.path,
      readonly: location.readonly,
      blockMs,
      setUp: settingsText(location),
      client: place(),
      wordsFunction,
      goOnFunction,
    }),
    most: inMemory ? 0 : location.threads,
    log: options.log,
  });

  function execute(command: SqliteCommand, values: Values, signal?: AbortSignal): Reply | Promise<Reply> {
    if (command.mayBeLong === true && threads.usable) {
      if (closing !== undefined) throw closedError();
      const statement = statementFor(command, values);
      if (statement !== undefined) return attempt(command, statement) ?? inThread(statement, command, values, signal);
    }
    const reads = command.kind === "read" || command.kind === "inspect";
    return whenFree(writers.taken && (inMemory || !reads), () => main.execute(command, values), signal);
  }

  /** Of commands whose last attempt took too long: calls for which none is made, and how many of them are left. */
  const passed = new WeakMap<SqlCommand, { calls: number; left: number }>();

  /** Most statements that might take long do not: a hop to a thread and back would be most of their time. */
  function attempt(command: SqliteCommand, { tried, values }: SqliteLongStatement): Reply | undefined {
    if (tried === undefined || location.threadsFromMb === 0) return undefined;
    const last = passed.get(command);
    if (last !== undefined && last.left > 0) {
      last.left--;
      return undefined;
    }
    const reply = main.attempt(tried, values);
    if (reply !== undefined) passed.delete(command);
    else {
      // The first time it may have been the machine that was slow.
      const calls = Math.min((last?.calls ?? 0.5) * 2, mostPassed);
      passed.set(command, { calls, left: calls });
    }
    return reply === undefined ? undefined : whole(command, reply);
  }

  /** The reply to a command out of that to its statement. */
  function whole(command: SqliteCommand, reply: Reply): Reply {
    return command.kind === "read" ? { ...reply, rows: gathered(command, reply.rows) } : reply;
  }

  async function inThread(statement: LongStatement, command: SqliteCommand, values: Values, signal?: AbortSignal): Promise<Reply> {
    const run = (): Promise<Reply | undefined> => threads.run(statement, signal);
    try {
      const reply = await (statement.writes ? inTurn(run, signal) : untilFree(run, signal));
      if (reply === undefined) return await execute(command, values, signal);
      return whole(command, reply);
    } catch (error) {
      throw withGroup(command.shape.table, error);
    }
  }

  async function begin(settings: { readonly signal?: AbortSignal | undefined }): Promise<Session<SqlCommand>> {
    if (closing !== undefined) throw closedError();
    const { signal } = settings;
    const done = await writers.take(signal);
    let connection: SqliteConnection | undefined;
    try {
      connection = inMemory ? main : (spare.pop() ?? (await connect(signal)));
      const { handle } = connection;
      // Holding the write lock from the start, a transaction never fails half-way for want of it.
      await untilFree(() => handle.exec("BEGIN IMMEDIATE"), signal);
      return session(connection, done);
    } catch (error) {
      if (connection !== undefined) putBack(connection);
      done();
      throw error;
    }
  }

  function session(connection: SqliteConnection, done: () => void): Session<SqlCommand> {
    let ended = false;
    let marks = 0;
    const active = (): void => {
      if (ended) throw new DbError("closed", "sqlite: the transaction has ended", { driver: "sqlite" });
    };
    const end = (text: "COMMIT" | "ROLLBACK"): void => {
      active();
      ended = true;
      try {
        if (text === "COMMIT" || connection.handle.inTransaction) connection.handle.exec(text);
      } finally {
        if (connection.handle.inTransaction) connection.handle.exec("ROLLBACK");
        putBack(connection);
        done();
      }
    };
    return {
      execute(command, values) {
        active();
        return connection.execute(command, values);
      },
      async knex(work) {
        active();
        return work(statementsOf(connection.handle, async (statement) => (active(), statement())));
      },
      async mark() {
        active();
        const name = `bk_mark_${++marks}`;
        connection.handle.exec(`SAVEPOINT ${name}`);
        const run = (text: string): void => {
          active();
          connection.handle.exec(text);
        };
        return {
          keep: async () => run(`RELEASE ${name}`),
          undo: async () => run(`ROLLBACK TO ${name}; RELEASE ${name}`),
        };
      },
      commit: async () => end("COMMIT"),
      rollback: async () => end("ROLLBACK"),
    };
  }

  /** In memory there is one connection: whoever has it keeps the others waiting. In a file it is one of its own. */
  async function lendToKnex(): Promise<KnexConnection> {
    if (closing !== undefined) throw closedError();
    const done = inMemory ? await writers.take() : undefined;
    const connection = inMemory ? main : (spare.pop() ?? (await connect()));
    const statements = statementsOf(connection.handle, (statement) => untilFree(statement, undefined));
    return {
      run: (work) => work(statements),
      async release() {
        if (connection.handle.inTransaction) connection.handle.exec("ROLLBACK");
        putBack(connection);
        done?.();
      },
    };
  }

  function putBack(connection: SqliteConnection): void {
    if (connection === main) return;
    if (spare.length < spareConnections && closing === undefined) spare.push(connection);
    else connection.handle.close();
  }

  async function close(): Promise<void> {
    const done = await writers.take();
    await threads.close();
    for (const connection of spare.splice(0)) connection.handle.close();
    // Lets the planner learn about tables that have grown; cheap when there is nothing to learn.
    if (!location.readonly && !inMemory) await untilFree(() => main.handle.exec("PRAGMA optimize"), undefined).catch(reportOptimize);
    main.handle.close();
    done();
  }

  function reportOptimize(error: unknown): void {
    // What the planner would have learned it learns another time: closing goes on.
    options.log.warn("sqlite: optimizing at close failed", { error });
  }

  return {
    name: "sqlite",
    capabilities,
    codec,
    compile: (shape) => {
      const command = compileSql(shape, sqliteDialect);
      return mayBeLong(shape) ? { ...command, mayBeLong: true } : command;
    },
    describe: describeCommand,
    classify: classifySqlite,
    execute,
    executeGroup(command, group, signal) {
      return whenFree(writers.taken, () => main.executeGroup(command, group), signal);
    },
    begin,
    serves: servesColumn,
    knex: knexAccess(lendToKnex),
    native: async (command, signal) => whenFree(writers.taken, () => runNative(main.handle, command), signal),
    async drop(table, signal) {
      // Triggers and indexes go with the first one.
      const statements = [table.name, searchName(table)].map((name) => `DROP TABLE IF EXISTS ${sqliteDialect.quote(name)}`);
      await whenFree(writers.taken, () => statements.forEach((text) => runNative(main.handle, text)), signal);
    },
    close: () => (closing ??= close()),
  };
}

function closedError(): DbError {
  return new DbError("closed", "sqlite: the database is closed", { driver: "sqlite" });
}

function makeFolder(path: string): void {
  const { dirname, resolve } = nodeModule("node:path");
  nodeModule("node:fs").mkdirSync(dirname(resolve(path)), { recursive: true });
}
