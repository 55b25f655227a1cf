// One connection to the file: it carries commands out, at once, and keeps what it has prepared.

import type { Reply, Value, Values } from "../../driver.js";
import { wordsOf } from "../../reference/search-query.js";
import { gathered } from "../../engines/sql/aggregate.js";
import { quoteDouble } from "../../engines/sql/dialect.js";
import type { Table } from "../../schema/table.js";
import { bindValues, type SqlCommand, type SqlDefine, type SqlRead, type SqlStatement, type SqlWrite } from "../../engines/sql/command.js";
import { formerSearchName, goOnFunction, searchDefinition, searchTriggers, sqliteDialect, wordsFunction } from "./dialect.js";
import { sharedValues, uniqueConflict } from "../../engines/sql/unique-conflict.js";
import { isThereAlready, takenColumns } from "./errors.js";
import type { OpenHandle, SqliteHandle, SqliteStatement } from "./handle.js";
import type { SqliteLocation } from "./options.js";

/** How long a call may block for a lock; the rest of `busyTimeoutMs` is waited for without blocking. */
export const blockMs = 5;

/** How long a statement that may take long is tried where it holds the process up, before a thread carries it out. */
const attemptMs = 2;

export interface SqliteConnection {
  readonly handle: SqliteHandle;
  /** Carries a command out. What takes several statements is made one transaction, unless there is one already. */
  execute(command: SqlCommand, values: Values): Reply;
  /** Reads what takes no longer than `attemptMs`, by a statement that asks now and then whether to go on; undefined where it takes longer, or fails. */
  attempt(statement: SqlStatement, bound: Values): Reply | undefined;
  /** Carries a command out for each group of values, all or none. */
  executeGroup(command: SqlCommand, group: readonly Values[]): Reply[];
}

/** Opens the file, sets it up and gives a connection. May throw `SQLITE_BUSY` while others set it up. */
export function openConnection(open: OpenHandle, location: SqliteLocation): SqliteConnection {
  const handle = open(location.path, { readonly: location.readonly, blockMs });
  try {
    setUp(handle, location);
  } catch (error) {
    handle.close();
    throw error;
  }
  return connection(handle);
}

/** The settings of each connection, as SQL. */
export function settingsText({ path, synchronous, cacheMb, mmapMb }: SqliteLocation): string {
  const all = `PRAGMA synchronous = ${synchronous}; PRAGMA cache_size = -${cacheMb * 1000}; PRAGMA temp_store = MEMORY`;
  if (path === ":memory:") return all;
  // Ten times the usual length: pages that are written often are copied into the file once in many commits.
  return `${all}; PRAGMA mmap_size = ${mmapMb * 1_000_000}; PRAGMA wal_autocheckpoint = 10000`;
}

function setUp(handle: SqliteHandle, location: SqliteLocation): void {
  const { path, readonly } = location;
  const inFile = path !== ":memory:";
  // Writing ahead lets readers go on beside a writer; the mode is kept in the file, and only changing it needs a lock.
  if (inFile && !readonly && handle.prepare("PRAGMA journal_mode").get([])?.[0] !== "wal")
    handle.prepare("PRAGMA journal_mode = WAL").get([]);
  handle.exec(settingsText(location));
  handle.define(wordsFunction, (...texts) => texts.flatMap((text) => wordsOf(text ?? "")).join(" "), true);
}

function connection(handle: SqliteHandle): SqliteConnection {
  const prepared = new WeakMap<SqlStatement, SqliteStatement>();

  function prepare(statement: SqlStatement): SqliteStatement {
    let found = prepared.get(statement);
    if (found === undefined) prepared.set(statement, (found = handle.prepare(statement.text)));
    return found;
  }

  function read(command: SqlRead, values: Values): Reply {
    const { statement, choose, shape } = command;
    const chosen = choose === undefined ? statement : choose(values);
    const bound = bindValues(chosen, values, sqliteDialect.search);
    if (shape.verb !== "get") return { rows: gathered(command, prepare(chosen).all(bound)), affected: 0 };
    const row = prepare(chosen).get(bound);
    return { rows: row === undefined ? [] : [row], affected: 0 };
  }

  function write(command: SqlWrite, values: Values): Reply {
    if (command.before === undefined) return writeOne(command, values);
    return atomically(() => {
      const rows = prepare(command.before!).all(bindValues(command.before!, values));
      const { affected } = writeOne(command, values);
      return { rows: affected === 0 ? [] : rows, affected };
    });
  }

  function writeOne({ statement, givesRows }: SqlWrite, values: Values): Reply {
    const bound = bindValues(statement, values);
    if (!givesRows) return affectedReply(prepare(statement).run(bound));
    const rows = prepare(statement).all(bound);
    return { rows, affected: rows.length };
  }

  function define({ shape, texts }: SqlDefine): Reply {
    if (shape.step.kind === "search")
      return atomically(() => {
        dropFormerSearch(shape.table);
        return defineSearch(texts, searchTriggers(shape.table));
      });
    for (const text of texts) {
      try {
        handle.exec(text);
      } catch (error) {
        if (takenColumns(error) !== undefined && shape.step.kind === "index") throw sharedValues(shape.table, shape.step.index, error);
        // Another process was quicker.
        if (!isThereAlready(error)) throw error;
      }
    }
    return { rows: [], affected: 0 };
  }

  /** The index is derived data: it is made anew when the triggers that keep it are not those of the declared columns. */
  function defineSearch(texts: readonly string[], triggers: ReadonlyMap<string, string>): Reply {
    const stored = handle.prepare("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?");
    if ([...triggers].every(([name, text]) => stored.get([name])?.[0] === text)) return { rows: [], affected: 0 };
    for (const text of texts) handle.exec(text);
    return { rows: [], affected: 1 };
  }

  /** An index that was made under the name of before would be kept for nobody. */
  function dropFormerSearch(table: Table): void {
    const name = formerSearchName(table);
    const definitionOf = handle.prepare("SELECT sql FROM sqlite_master WHERE name = ?");
    if (definitionOf.get([name])?.[0] !== `CREATE VIRTUAL TABLE ${quoteDouble(name)} ${searchDefinition}`) return;
    for (const event of ["insert", "update", "delete"]) handle.exec(`DROP TRIGGER IF EXISTS ${quoteDouble(`${name}_${event}`)}`);
    handle.exec(`DROP TABLE ${quoteDouble(name)}`);
  }

  function atomically<Result>(work: () => Result): Result {
    if (handle.inTransaction) return work();
    handle.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      handle.exec("COMMIT");
      return result;
    } catch (error) {
      // Some errors, such as a full disk, have rolled back already.
      if (handle.inTransaction) handle.exec("ROLLBACK");
      throw error;
    }
  }

  function execute(command: SqlCommand, values: Values): Reply {
    switch (command.kind) {
      case "read":
        return read(command, values);
      case "write":
        return namingGroup(command.shape.table, () => write(command, values));
      case "define":
        return define(command);
      case "inspect": {
        const results = command.statements.map((text): readonly (readonly Value[])[] => handle.prepare(text).all([]));
        return { rows: [], affected: 0, stored: command.read(results) };
      }
    }
  }

  function executeGroup(command: SqlCommand, group: readonly Values[]): Reply[] {
    if (command.kind !== "write" || command.before !== undefined || command.givesRows)
      return atomically(() => group.map((values) => execute(command, values)));
    const statement = prepare(command.statement);
    return namingGroup(command.shape.table, () =>
      atomically(() => group.map((values) => affectedReply(statement.run(bindValues(command.statement, values))))),
    );
  }

  let attemptEnds = 0;
  handle.define(goOnFunction, () => (performance.now() < attemptEnds ? "1" : "given up"), false);

  function attempt(statement: SqlStatement, bound: Values): Reply | undefined {
    attemptEnds = performance.now() + attemptMs;
    try {
      return { rows: prepare(statement).all(bound), affected: 0 };
    } catch {
      // Whoever carries it out instead finds the same error, if it was one.
      return undefined;
    }
  }

  return { handle, execute, attempt, executeGroup };
}

/** An error about a taken value says which group's it is. */
function namingGroup<Result>(table: Table, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw withGroup(table, error);
  }
}

/** The error about a taken value that says which group's it is; others as they are. */
export function withGroup(table: Table, error: unknown): unknown {
  const columns = takenColumns(error);
  return columns === undefined ? error : uniqueConflict(table, { columns }, error);
}

const one: Reply = Object.freeze({ rows: [], affected: 1 });

function affectedReply(affected: number): Reply {
  return affected === 1 ? one : { rows: [], affected };
}
