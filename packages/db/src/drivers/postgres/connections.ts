// The connections to the server: lent to one call at a time, so that a slow statement, or one that waits for a lock,
// holds up no other; calls wait in turn when all are lent.

import { cancelledError, type Log } from "@bk/core";
import type * as Pg from "pg";
import { DbError } from "../../errors.js";
import { connectTimeout } from "../../engines/sql/messages.js";
import { classifyPostgres, isFatal, sqlState } from "./errors.js";
import { exchangeSender, type PreparedNames, type SendExchange, type Step, type StepResult } from "./exchange.js";
import type { PostgresLocation } from "./options.js";

/** Statements that a connection keeps prepared; beyond, it forgets all of them. */
const maxPrepared = 1_000;

export interface PostgresConnection {
  /** Carries steps out as one transaction, unless one is open. */
  run(steps: readonly Step[]): Promise<readonly StepResult[]>;
  /** Runs SQL with values and results as `pg` has them. */
  query(text: string, values: readonly unknown[]): Promise<Pg.QueryResult | readonly Pg.QueryResult[]>;
  /** Runs work of others on the client; what it loses the connection by is an error of the connection. */
  use<Result>(work: (client: Pg.Client) => Promise<Result>): Promise<Result>;
  readonly client: Pg.Client;
  readonly isInTransaction: boolean;
  /** It cannot be lent again. */
  broken: boolean;
}

export interface Connections {
  /**
   * Lends a connection; give it back.
   *
   * @throws BkError `cancelled` when the signal aborts first; native errors of the connection
   */
  lend(signal?: AbortSignal): Promise<PostgresConnection>;
  giveBack(connection: PostgresConnection): void;
  /** Lends one connection for several exchanges. Aborting ends the statement on the server; the connection is not used again. */
  hold<Result>(work: (connection: PostgresConnection) => Promise<Result>, signal?: AbortSignal): Promise<Result>;
  /** Ends a statement that a connection is running; the connection is not used afterwards. */
  cancel(connection: PostgresConnection): void;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (connection: PostgresConnection) => void;
  readonly reject: (error: unknown) => void;
}

/** Gives the pool. Nothing is connected before the first call. */
export function connections(pg: typeof Pg, location: PostgresLocation, log: Log): Connections {
  const send = exchangeSender(pg);
  const idle: PostgresConnection[] = [];
  const waiting: Waiting[] = [];
  let open = 0;
  let opening = 0;
  let closing: { readonly promise: Promise<void>; readonly done: () => void } | undefined;

  function lend(signal?: AbortSignal): Promise<PostgresConnection> {
    if (closing !== undefined) return Promise.reject(new DbError("closed", "the database is closed"));
    if (signal?.aborted) return Promise.reject(cancelledError(signal));
    const connection = idle.pop();
    if (connection !== undefined) return Promise.resolve(connection);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        waiting.splice(waiting.indexOf(entry), 1);
        reject(cancelledError(signal!));
      };
      const over = (): void => signal?.removeEventListener("abort", stop);
      const entry: Waiting = {
        resolve: (lent) => (over(), resolve(lent)),
        reject: (error) => (over(), reject(error)),
      };
      signal?.addEventListener("abort", stop, { once: true });
      waiting.push(entry);
      openMore();
    });
  }

  /** One connection is made for each call that waits, as far as there may be more. */
  function openMore(): void {
    while (opening < waiting.length && open < location.max) {
      open++;
      opening++;
      void openOne();
    }
  }

  async function openOne(): Promise<void> {
    try {
      const connection = await connect(pg, location, send, log, leave);
      opening--;
      giveBack(connection);
    } catch (error) {
      opening--;
      open--;
      // Those who wait for others that are open already go on waiting for them.
      if (open === opening) for (const { reject } of waiting.splice(0, open === 0 ? waiting.length : 1)) reject(error);
      endIfClosed();
    }
  }

  function leave(connection: PostgresConnection): void {
    if (connection.broken) return;
    connection.broken = true;
    const place = idle.indexOf(connection);
    if (place >= 0) idle.splice(place, 1);
    open--;
    openMore();
    endIfClosed();
  }

  function giveBack(connection: PostgresConnection): void {
    if (connection.broken) return;
    const next = waiting.shift();
    if (next !== undefined) next.resolve(connection);
    else if (closing !== undefined) end(connection.client);
    else idle.push(connection);
  }

  async function hold<Result>(work: (connection: PostgresConnection) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    const connection = idle.length > 0 && closing === undefined && !signal?.aborted ? idle.pop()! : await lend(signal);
    const stop = (): void => cancel(connection);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      return await work(connection);
    } finally {
      signal?.removeEventListener("abort", stop);
      giveBack(connection);
    }
  }

  function cancel(connection: PostgresConnection): void {
    if (connection.broken) return;
    // It is never lent again: the cancel request could arrive late and hit the next statement.
    leave(connection);
    cancelRunning(pg, location, connection.client, log);
  }

  function endIfClosed(): void {
    if (open === 0) closing?.done();
  }

  function close(): Promise<void> {
    if (closing === undefined) {
      let done = (): void => undefined;
      const promise = new Promise<void>((resolve) => (done = resolve));
      closing = { promise, done };
      for (const connection of idle.splice(0)) end(connection.client);
      endIfClosed();
    }
    return closing.promise;
  }

  return { lend, giveBack, hold, cancel, close };
}

async function connect(
  pg: typeof Pg,
  location: PostgresLocation,
  send: SendExchange,
  log: Log,
  leave: (connection: PostgresConnection) => void,
): Promise<PostgresConnection> {
  const client = new pg.Client(clientConfig(location));
  const prepared: PreparedNames = new Set();
  const connection: PostgresConnection = {
    client,
    broken: false,
    get isInTransaction() {
      return client.getTransactionStatus() !== "I";
    },
    run: async (steps) => {
      if (prepared.size > maxPrepared) await forgetStatements(connection, prepared);
      try {
        return await send(client, prepared, steps);
      } catch (error) {
        throw failed(error);
      }
    },
    query: (text, values) => connection.use(() => client.query(text, [...values])),
    use: async (work) => {
      try {
        return await work(client);
      } catch (error) {
        throw failed(error);
      }
    },
  };
  // By the time its calls hear of it, a connection that was lost has left the pool.
  function failed(error: unknown): unknown {
    // The server has ended it, or a value was too large to be sent and it was ended for that.
    if (isFatal(error) || error instanceof DbError) {
      leave(connection);
      // A server that refuses a message may keep its end open, which would keep the process alive.
      void client.end();
    }
    if (!connection.broken || sqlState(error) !== undefined || error instanceof DbError) return error;
    return new DbError("unavailable", "the connection was lost before the answer came", { outcome: "unknown", cause: error });
  }

  let encoding: unknown;
  client.on("error", (error) => {
    // Calls that were under way have got the error too; a connection that failed while idle is replaced when needed.
    log.debug("postgres: a connection was lost", { error });
    leave(connection);
  });
  client.on("end", () => leave(connection));
  client.connection.on("parameterStatus", (status: { parameterName: string; parameterValue: unknown }) => {
    if (status.parameterName === "server_encoding") encoding = status.parameterValue;
  });
  // A connection that never came to be is counted by its opener.
  connection.broken = true;
  try {
    await client.connect();
    if (encoding !== "UTF8") throw new DbError("unsupported", "the database's encoding must be UTF8; create it with ENCODING 'UTF8'");
    await client.query(settings(location));
  } catch (error) {
    void client.end();
    throw refused(error, location);
  }
  connection.broken = false;
  return connection;
}

function clientConfig({ host, port, user, password, database, ssl, applicationName, connectTimeoutMs }: PostgresLocation): Pg.ClientConfig {
  return {
    host,
    port,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
    ...(ssl === undefined ? {} : { ssl }),
    ...(applicationName === undefined ? {} : { application_name: applicationName }),
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    pipeline: true,
  } as Pg.ClientConfig;
}

/** What the server, the database or the user may have set otherwise and results depend on. */
function settings({ schema, statementTimeoutMs }: PostgresLocation): string {
  const lines = [
    `SET search_path = "${schema.replaceAll('"', '""')}"`,
    "SET extra_float_digits = 1",
    "SET bytea_output = hex",
    "SET standard_conforming_strings = on",
    ...(statementTimeoutMs === undefined ? [] : [`SET statement_timeout = ${statementTimeoutMs}`]),
  ];
  return lines.join("; ");
}

async function forgetStatements(connection: PostgresConnection, prepared: PreparedNames): Promise<void> {
  prepared.clear();
  await connection.client.query("DEALLOCATE ALL");
}

/** What it means that no connection came to be: nothing was done. The client's own errors have no code. */
function refused(error: unknown, { host, port, connectTimeoutMs }: PostgresLocation): unknown {
  if (error instanceof DbError) return error;
  const address = `${host}:${port}`;
  const message = error instanceof Error ? error.message : "";
  if (/^(timeout expired|Connection terminated due to connection timeout)$/.test(message))
    return connectTimeout(address, connectTimeoutMs, error);
  if (/password|SASL|SCRAM/i.test(message) && sqlState(error) === undefined)
    return new DbError("unauthenticated", "the login failed; check the URL's user and password", { cause: error });
  const known = classifyPostgres(error) ?? { code: "unavailable", message: "no connection could be made; see the cause" };
  const where = sqlState(error) === undefined ? ` (${address})` : "";
  return new DbError(known.code, `${known.message}${where}`, { outcome: "none", detail: known.detail, cause: error });
}

/** How long a server may take to cancel a statement, and to say goodbye. */
const patienceMs = 2_000;

/** Says goodbye, and closes the socket when the server does not. */
function end(client: Pg.Client): void {
  const impatient = setTimeout(() => destroy(client.connection), patienceMs);
  client.once("end", () => clearTimeout(impatient));
  void client.end();
}

function destroy(...connections: readonly Pg.Connection[]): void {
  for (const { stream } of connections) stream.destroy();
}

interface Cancellable {
  readonly processID?: number | null;
  readonly secretKey?: number | null;
}

/** Asks the server, over a connection made for it, to end what another is running, and ends that one when it has answered. */
function cancelRunning(pg: typeof Pg, location: PostgresLocation, client: Pg.Client, log: Log): void {
  const { processID, secretKey } = client as unknown as Cancellable;
  const { connection, port, host } = new pg.Client(clientConfig(location)) as unknown as {
    readonly connection: Pg.Connection & {
      connect(port: number, host: string): void;
      requestSsl(): void;
      cancel(id: number, key: number): void;
    };
    readonly port: number;
    readonly host: string;
  };
  // A server that hangs answers neither this nor the goodbye: then the socket is closed from here.
  const impatient = setTimeout(() => destroy(connection, client.connection), patienceMs);
  const over = (): void => {
    clearTimeout(impatient);
    end(client);
  };
  connection.on("error", (error: unknown) => {
    log.debug("postgres: cancelling a statement failed", { error });
    over();
  });
  connection.on("end", over);
  const ask = (): void => connection.cancel(processID ?? 0, secretKey ?? 0);
  const { ssl } = location;
  connection.on("connect", () => (ssl === undefined || ssl === false ? ask() : connection.requestSsl()));
  connection.on("sslconnect", ask);
  connection.connect(port, host);
}
