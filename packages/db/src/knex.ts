// The way out, for SQL: a knex on the connections of a pool, for joins, window functions and reports.

import type { Knex } from "knex";

import type { DbCalls } from "./api/calls.js";
import { Verbs } from "./api/verbs.js";
import type { OpenTransaction } from "./calls/open-transaction.js";
import { DbError, invalid } from "./errors.js";
import type { Pool } from "./execute/pool.js";
import type { KnexAccess, Values } from "./driver.js";
import { compileArrayDecoder } from "./schema/encodings.js";
import type { TableDefinitions } from "./schema/definition.js";
import type { ColumnName, ColumnsOf, RowOf, TableName, TypeOf } from "./schema/infer.js";

/** What a client of knex may give for a column: see the guide for each engine. */
type StoredValueOf<Type> = Type extends "bool" | "boolean"
  ? boolean | number
  : Type extends "blob"
    ? Uint8Array
    : Type extends "json" | "obj" | "object" | "array" | "list" | "set" | "geopoint"
      ? unknown
      : Type extends "text" | "uuid" | "tuuid" | "email" | "decimal" | "numeric"
        ? string
        : Type extends "int64"
          ? string | number | bigint
          : string | number;

/** A row of a table as the engine stores it and knex gives it: {@link decodeRows} makes logical values of it. */
export type StoredRowOf<Tables, Name extends keyof Tables> = {
  [Column in keyof ColumnsOf<Tables, Name>]: StoredValueOf<TypeOf<ColumnsOf<Tables, Name>[Column]>> | null;
};

/** A knex whose tables are those of the database. */
export interface KnexOf<Tables> extends Knex {
  <Name extends TableName<Tables>>(table: Name): Knex.QueryBuilder<StoredRowOf<Tables, Name>, StoredRowOf<Tables, Name>[]>;
}

type Calls<Tables extends TableDefinitions> = DbCalls<Tables>;

/**
 * Gives a knex that runs on the connections of a pool: none are made for it, and it needs no `destroy`.
 *
 * - Called inside `db.transaction` its queries are in that transaction; `knexOf(tx)` is one whose queries are there wherever they are made.
 * - `knex.transaction` is a transaction of the pool, or inside of one a part of it, which can be undone by itself.
 * - Errors are `DbError`s that say why, without values. Streams, and cancelling a query, are `unsupported`.
 * - Values and rows are as the engine stores them: {@link decodeRows}.
 *
 * @param pool  its name; default: that of the calls, else the first
 * @throws DbError `unsupported` where the pool is no SQL database; `driver-missing` without the package `knex`; `closed`
 */
export async function knexOf<Tables extends TableDefinitions>(calls: Calls<Tables>, pool?: string): Promise<KnexOf<Tables>> {
  const place = placeOf(calls, pool);
  const { target, home, access } = place;
  if (home.closed && place.transaction?.over !== false) throw closed(target);
  await target.readyFor({ verb: "knex" });
  const knex = await loadKnex();
  // A client of knex makes no connections where it is given none: what it asks of one is asked of the pool.
  const Base = knex({ client: access.client, useNullAsDefault: true }).client.constructor as KnexClientClass;
  return knex({
    client: ownClient(Base, place) as never,
    useNullAsDefault: true,
    // The text of a failed statement without the values in it, where listeners of knex get it.
    compileSqlOnError: false,
  } as Knex.Config) as KnexOf<Tables>;
}

/**
 * Logical values of rows that knex gave: dates, decimals, booleans, JSON, sets as `db.get` gives them. Columns that the table
 * does not declare, sums and names of one's own, stay as they are.
 *
 * @param rows  with some or all columns of the table, under their own names
 * @param pool  the pool that they are from; default: that of the calls, else the table's own
 * @throws DbError `drift` where a stored value is none of its column's type
 */
export function decodeRows<Tables extends TableDefinitions, Name extends TableName<Tables>, Row extends object>(
  calls: Calls<Tables>,
  table: Name,
  rows: readonly Row[],
  pool?: string,
): (Omit<Row, ColumnName<Tables, Name>> & Pick<RowOf<Tables, Name>, keyof Row & keyof RowOf<Tables, Name>>)[] {
  const { home, pool: own } = callerOf(calls);
  const target = home.poolOf(table, pool ?? own);
  const access = accessOf(target);
  const { table: declared, codec } = home.bound(table, target);
  const decoders = new Map(
    declared.columns.map((column) => {
      const decode = compileArrayDecoder([column], codec);
      return [column.name, (value: unknown): unknown => decode([access.stored(value ?? null, column)] as Values)[0]];
    }),
  );
  const decoded = rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, decoders.get(name)?.(value) ?? (decoders.has(name) ? null : value)]),
    ),
  );
  return decoded as never;
}

interface Place {
  readonly home: ReturnType<typeof callerOf>["home"];
  readonly target: Pool;
  readonly access: KnexAccess;
  /** The transaction whose calls were used. */
  readonly transaction: OpenTransaction | undefined;
}

function callerOf(calls: unknown): ReturnType<typeof Verbs.callerOf> {
  if (!(calls instanceof Verbs)) throw invalid("knexOf and decodeRows take a database, one of its pools or a transaction", { op: "knex" });
  return Verbs.callerOf(calls);
}

function placeOf(calls: unknown, name: string | undefined): Place {
  const { home, pool: own, transaction, scope } = callerOf(calls);
  if (scope !== undefined) throw new DbError("denied", "knex would go past the scope; make it of the database itself", { op: "knex" });
  const target = home.findPool(undefined, name ?? own ?? transaction?.pool.name);
  if (target === undefined) throw invalid(`unknown pool ${JSON.stringify(name)}`, { op: "knex" });
  if (transaction !== undefined && transaction.pool !== target)
    throw invalid(`the transaction is in the pool ${transaction.pool.name}`, { op: "knex" });
  return { home, target, access: accessOf(target), transaction };
}

function accessOf({ driver, name }: Pool): KnexAccess {
  if (driver.knex !== undefined) return driver.knex;
  throw new DbError("unsupported", `${driver.name} knex: the pool ${name} is no SQL database; use the calls of the database`, {
    driver: driver.name,
    op: "knex",
  });
}

function closed({ driver }: Pool): DbError {
  return new DbError("closed", `${driver.name} knex: the database is closed`, { driver: driver.name, op: "knex" });
}

async function loadKnex(): Promise<(config: Knex.Config) => Knex> {
  try {
    return (await import("knex")).default.knex;
  } catch (cause) {
    throw new DbError("driver-missing", 'the package "knex" is not installed; run: npm install knex', { op: "knex", cause });
  }
}

/** What knex's clients have, as far as it is replaced here. */
interface KnexClient {
  query(connection: object, query: unknown): Promise<unknown>;
  _query(connection: object, query: KnexQuery): Promise<unknown>;
}
type KnexClientClass = new (config: object) => KnexClient;

interface KnexQuery {
  readonly sql: string;
  readonly bindings?: readonly unknown[];
}

/** A connection as knex holds it. */
interface Held {
  /** @param query  what is run, so that what it leaves behind can be known */
  run(query: KnexQuery, work: (connection: object) => Promise<unknown>): Promise<unknown>;
  release(): Promise<void>;
}

/** Statements that mark a place in a transaction: they must outlive themselves. */
const marks = /^\s*(savepoint|release|rollback\s+to)\b/i;
const begins = /^\s*(begin|start\s+transaction|set\s+autocommit)\b/i;

/** Knex gives errors the text of the statement: it gets one of its own to do so with. */
class Failed extends Error {
  readonly reason: DbError;
  constructor(reason: DbError) {
    super(reason.message);
    this.reason = reason;
  }
}

/** A client of knex that asks the pool for its connections. Transactions of knex copy its prototype: it has no fields of its own. */
function ownClient(Base: KnexClientClass, place: Place): KnexClientClass {
  const { home, target, access } = place;
  const current = (): OpenTransaction | undefined => {
    const found = place.transaction ?? home.currentTransaction();
    return found?.pool === target ? found : undefined;
  };

  class OwnClient extends Base {
    /** Whether a transaction of knex is a part of another one. */
    get transacting(): boolean {
      return current() !== undefined;
    }
    set transacting(is: boolean) {
      Object.defineProperty(this, "transacting", { value: is, writable: true });
    }

    get canCancelQuery(): boolean {
      return false;
    }

    async acquireConnection(): Promise<Held> {
      const transaction = current();
      return transaction === undefined ? borrow(place) : inTransaction(place, transaction);
    }

    releaseConnection(held: Held): Promise<void> {
      return held.release();
    }

    override query(held: object, query: unknown): Promise<unknown> {
      return super.query(held, query).catch((error: unknown) => {
        throw error instanceof Failed ? error.reason : error;
      });
    }

    override async _query(held: object, query: KnexQuery): Promise<unknown> {
      const run = (connection: object): Promise<unknown> => super._query(connection, query);
      const trace = current()?.trace;
      try {
        return await target.request({ verb: "knex" }, { trace }, () => (held as Held).run(query, run));
      } catch (error) {
        throw new Failed(target.error(access.errorOf(error), { verb: "knex" }));
      }
    }

    async _stream(_held: object, _query: KnexQuery, stream: { destroy(error: Error): void }): Promise<void> {
      stream.destroy(streamsError(target));
    }
  }
  return OwnClient as unknown as KnexClientClass;
}

function streamsError({ driver: { name } }: Pool): DbError {
  const message = `${name} knex: streams are not supported; read in parts, by limit and a condition on the key`;
  return new DbError("unsupported", message, { driver: name, op: "knex" });
}

/** A connection of the pool, until it is given back; the end of the database waits for that. */
async function borrow({ home, target, access }: Place): Promise<Held> {
  if (home.closed) throw closed(target);
  const { running } = home;
  running.begin();
  try {
    const lent = await access.lend();
    let mayBeOpen = false;
    let released: Promise<void> | undefined;
    const release = async (): Promise<void> => {
      try {
        await lent.release(mayBeOpen);
      } finally {
        running.end();
      }
    };
    return {
      run(query, work) {
        mayBeOpen ||= begins.test(query.sql);
        return lent.run(work);
      },
      // Knex may give a connection back twice, by when it may have been lent to somebody else.
      release: () => (released ??= release()),
    };
  } catch (error) {
    running.end();
    throw target.error(error, { verb: "knex" });
  }
}

/** The connection of an open transaction, whose end waits for what is run on it. */
function inTransaction({ target }: Place, transaction: OpenTransaction): Held {
  return {
    run(query, work) {
      if (transaction.over) throw new DbError("closed", "the transaction is over");
      if (begins.test(query.sql))
        throw invalid("a transaction is open; use knex.transaction for a part of it that can be undone by itself");
      const { session } = transaction;
      if (session?.knex === undefined) throw new DbError("unsupported", `${target.driver.name} has no SQL in transactions`);
      return transaction.running.track(session.knex(work, marks.test(query.sql), transaction.signal));
    },
    release: async () => undefined,
  };
}
