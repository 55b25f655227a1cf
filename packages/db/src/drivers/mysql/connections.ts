// The connections to one server: made when they are first needed, set up once, lent to one call at a time.

import type { Socket } from "node:net";
import { cancelledError } from "@bk/core";
import type * as Mysql from "mysql2";
import type { Connection, ConnectionOptions, Pool, PoolConnection } from "mysql2";
import type { Value } from "../../driver.js";
import { DbError, invalid } from "../../errors.js";
import type { SqlDialect } from "../../engines/sql/dialect.js";
import { connectTimeout } from "../../engines/sql/messages.js";
import { mariadbDialect, mysqlBytesDialect, mysqlDialect } from "./dialect.js";
import { classifyConnecting, errorNumber } from "./errors.js";
import type { MysqlLocation } from "./options.js";
import { type Answer, mostPrepared, runNative, runPrepared, runText } from "./statements.js";

/** How long the server may take for what ends something, in milliseconds. */
const patienceMs = 1_000;

type Client = Pick<typeof Mysql, "createPool" | "createConnection">;

/** A connection that is lent. */
export interface Lent {
  /** Runs a prepared statement. When the signal aborts it is ended on the server, and rejects unless it was done. */
  run(text: string, values: readonly Value[], signal?: AbortSignal): Promise<Answer>;
  /** Runs a text that cannot be prepared, such as a definition. */
  say(text: string): Promise<Answer>;
  /** Runs a text, with values written into it, and gives rows as objects. */
  native(text: string, values: readonly unknown[], signal?: AbortSignal): Promise<unknown>;
  /** Runs work on the client's own connection. When the signal aborts the statement is ended on the server. */
  hold<Result>(work: (client: PoolConnection) => Promise<Result>, signal?: AbortSignal): Promise<Result>;
  /** The dialect of the server's own version, for definitions. */
  readonly dialect: SqlDialect;
  /** Gives it back; a broken one is closed. */
  release(broken?: boolean): void;
}

/** What is asked of the server once for each connection. */
interface Server {
  readonly dialect: SqlDialect;
  /** `max_allowed_packet`. */
  readonly maxBytes: number;
}

export interface Connections {
  /** Whether the server was MariaDB when a connection was made last. */
  readonly isMariadb: boolean;
  /** @throws DbError with outcome `none` when no connection can be made */
  lend(signal?: AbortSignal): Promise<Lent>;
  close(): Promise<void>;
}

/**
 * Errors instead of silently changed values, on every table; a backslash escapes, as the client's own quoting expects.
 *
 * A sort compares no more of a text than `max_sort_length`, 1,024 bytes if nobody says otherwise, and needs room for
 * several of its longest keys.
 */
const setUp = (maxSortLength: number, sortBuffer: number): string =>
  `SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1, max_sort_length = ${maxSortLength}, sort_buffer_size = ${sortBuffer}`;
/** The buffer grows as needed. */
const setUpMysql = (sortBuffer: number): string => setUp(8_388_608, Math.max(sortBuffer, 33_554_432));
/**
 * Here keys of a sort with LIMIT have their full size: 262,144 bytes are 65,536 characters.
 * A long IN list would become a subquery, which no longer goes straight to the rows.
 */
const setUpMariadb = (sortBuffer: number): string =>
  `${setUp(262_144, Math.max(sortBuffer, 8_388_608))}, in_predicate_conversion_threshold = 0`;

/** Loads the client. */
export async function loadMysql(engine: string): Promise<Client> {
  try {
    const module = await import("mysql2");
    return module.default ?? module;
  } catch (cause) {
    throw new DbError("driver-missing", `${engine}: the client is not installed; run: npm install mysql2`, { driver: engine, cause });
  }
}

/** Gives the connections; none is made yet. */
export function openConnections(client: Client, location: MysqlLocation): Connections {
  const { engine } = location;
  const settings: ConnectionOptions = {
    host: location.host,
    port: location.port,
    ...(location.user === undefined ? {} : { user: location.user }),
    ...(location.password === undefined ? {} : { password: location.password }),
    database: location.database,
    connectTimeout: location.connectTimeoutMs,
    ...(location.ssl === undefined ? {} : { ssl: location.ssl }),
    charset: "utf8mb4_bin",
    // `affected` counts the rows that matched, changed or not.
    flags: ["FOUND_ROWS"],
    supportBigNumbers: true,
    // The server has room for 16,382 in all connections.
    maxPreparedStatements: mostPrepared,
    jsonStrings: true,
    dateStrings: true,
    enableKeepAlive: true,
  };
  const pool: Pool = client.createPool({ ...settings, connectionLimit: location.max });
  const known = new WeakMap<PoolConnection, Server>();
  const open = new Set<PoolConnection>();
  let isMariadb = engine === "mariadb";
  pool.on("connection", (connection) => {
    open.add(connection);
    connection.once("end", () => open.delete(connection));
    connection.once("error", () => open.delete(connection));
  });

  async function lend(signal?: AbortSignal): Promise<Lent> {
    if (signal?.aborted) throw cancelledError(signal);
    const connection = await acquire();
    try {
      const server = known.get(connection) ?? (await prepareConnection(connection));
      if (signal?.aborted) throw cancelledError(signal);
      return lent(connection, server);
    } catch (error) {
      if (known.has(connection)) connection.release();
      else connection.destroy();
      throw connectError(error);
    }
  }

  function acquire(): Promise<PoolConnection> {
    return new Promise((resolve, reject) => {
      pool.getConnection((error, connection) => (error ? reject(connectError(error)) : resolve(connection)));
    });
  }

  async function prepareConnection(connection: PoolConnection): Promise<Server> {
    const { rows } = await runText(connection, "SELECT VERSION(), @@sort_buffer_size, @@max_allowed_packet");
    const [version, sortBuffer, maxBytes] = [String(rows[0]![0]), Number(rows[0]![1]), Number(rows[0]![2])];
    isMariadb = /mariadb/i.test(version);
    if (engine === "mariadb" && !isMariadb)
      throw invalid("mariadb: the server is MySQL; use a URL that begins with mysql:", { driver: engine, detail: { field: "url" } });
    await runText(connection, isMariadb ? setUpMariadb(sortBuffer) : setUpMysql(sortBuffer));
    const dialect = isMariadb ? mariadbDialect : hasExactCollation(version) ? mysqlDialect : mysqlBytesDialect;
    const server = { dialect, maxBytes };
    known.set(connection, server);
    // An error between two calls, such as the server's farewell, concerns none; the pool drops the connection.
    connection.on("error", () => {});
    return server;
  }

  function connectError(error: unknown): unknown {
    if (error instanceof Error && error.name === "DbError") return error;
    if (error instanceof Error && error.message === "Pool is closed.")
      return new DbError("closed", "the database is closed", { driver: engine, outcome: "none", cause: error });
    const address = `${location.host}:${location.port}`;
    if ((error as { code?: unknown }).code === "ETIMEDOUT") return connectTimeout(address, location.connectTimeoutMs, error);
    const known = classifyConnecting(error);
    if (known === undefined) return error;
    const where = errorNumber(error) === undefined ? ` (${address})` : "";
    return new DbError(known.code, `${known.message ?? "a connection could not be made"}${where}`, { outcome: "none", cause: error });
  }

  function lent(connection: PoolConnection, { dialect, maxBytes }: Server): Lent {
    return {
      hold: (work, signal) => cancellable(connection, signal, () => work(connection)),
      dialect,
      run: async (text, values, signal) => {
        // The server would hang up, and nobody would know whether it has done anything.
        if (isOver(values, maxBytes))
          throw new DbError("too-large", "the command is over the server's max_allowed_packet", { outcome: "none" });
        return cancellable(connection, signal, () => runPrepared(connection, text, values));
      },
      say: (text) => runText(connection, text),
      native: (text, values, signal) => cancellable(connection, signal, () => runNative(connection, text, values)),
      release(broken = false) {
        if (broken) connection.destroy();
        else connection.release();
      },
    };
  }

  async function cancellable<Result>(
    connection: PoolConnection,
    signal: AbortSignal | undefined,
    work: () => Promise<Result>,
  ): Promise<Result> {
    if (signal === undefined) return work();
    if (signal.aborted) throw cancelledError(signal);
    let stopped: Promise<void> | undefined;
    const stop = (): void => void (stopped = kill(connection).then((done) => (done ? undefined : cut(connection))));
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await work();
    } finally {
      signal.removeEventListener("abort", stop);
      // Nobody else gets the connection before it is over, or the next statement would be the one to end.
      await stopped;
    }
  }

  /** Ends what a connection does, from another one; false when the server does not answer. */
  function kill(connection: PoolConnection): Promise<boolean> {
    return new Promise((resolve) => {
      const other = client.createConnection({ ...settings, connectTimeout: Math.min(location.connectTimeoutMs, patienceMs) });
      other.on("error", () => resolve(false));
      other.query({ sql: `KILL QUERY ${Number(connection.threadId)}`, timeout: patienceMs }, (error) => {
        // The statement may have ended, and its connection with it.
        resolve(error === null || errorNumber(error) !== undefined);
        cut(other);
      });
    });
  }

  /** Says goodbye on every connection, and cuts those on which the server does not take notice. */
  async function close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, patienceMs)));
    // A connection that is gone already needs no goodbye.
    const ended = new Promise<void>((resolve) => pool.end(() => resolve()));
    await Promise.race([ended, patience]);
    clearTimeout(timer);
    for (const connection of open) cut(connection);
  }

  return {
    lend,
    close,
    get isMariadb() {
      return isMariadb;
    },
  };
}

/** Ends a connection without the server; what waits on it rejects as lost. */
function cut(connection: Connection): void {
  const { stream } = connection as unknown as { readonly stream: Socket };
  stream.destroy(Object.assign(new Error("the connection was cut"), { code: "ECONNRESET" }));
}

/** Whether a version of MySQL has `utf8mb4_0900_bin`: since 8.0.17. */
function hasExactCollation(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  return major > 8 || (major === 8 && (minor > 0 || patch >= 17));
}

/** Whether values take more bytes than a command may have, with some for their lengths. */
function isOver(values: readonly Value[], maxBytes: number): boolean {
  const bytes = (size: (text: string) => number): number => {
    let sum = 64;
    for (const value of values) sum += 10 + (typeof value === "string" ? size(value) : value instanceof Uint8Array ? value.length : 0);
    return sum;
  };
  return bytes((text) => 3 * text.length) > maxBytes && bytes((text) => Buffer.byteLength(text)) > maxBytes;
}
