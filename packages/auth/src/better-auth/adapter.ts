// A database adapter for better-auth. Its own factory changes names and values; the operations are calls of @bk/db.

import type { BetterAuthOptions } from "better-auth";
import { createAdapterFactory, type DBAdapter, type DBAdapterDebugLogOption } from "better-auth/adapters";

import type { BetterAuthDb, Calls } from "./calls.js";
import { operationsOn } from "./operations.js";

export interface BkAdapterOptions {
  /** The pool of the database that has the tables; default: the first. */
  readonly pool?: string | undefined;
  /** Names of tables get an `s`, as `tablesOf(options, { usePlural: true })` declares them. Default false. */
  readonly usePlural?: boolean | undefined;
  /** Logs of better-auth for what the adapter is asked; values are in them. Default false. */
  readonly debugLogs?: DBAdapterDebugLogOption | undefined;
}

/**
 * Makes better-auth keep its rows in a database of @bk/db: `betterAuth({ ...options, database: bkAdapter(db) })`.
 *
 * The database has the tables of `tablesOf(options)`, and `db.sync()` was run. Transactions of better-auth are those of the database where it has
 * interactive ones (SQL, memory, a MongoDB replica set); elsewhere its steps are made one by one, as better-auth does with any such database. `consumeOne`
 * and `incrementOne` are atomic on every database.
 *
 * Errors are those of the database (`DbError`); a unique value that is taken is an `AuthError` `already-exists`, and so is `unsupported` the change of an id.
 */
export function bkAdapter(db: BetterAuthDb, settings: BkAdapterOptions = {}): (options: BetterAuthOptions) => DBAdapter {
  const { pool } = settings;
  const isInteractive = db.capabilities(pool as never).transactions === "interactive";
  const calls = db as unknown as Calls;
  return (options) => adapterOn(calls, { ...settings }, options, isInteractive);
}

function adapterOn(calls: Calls, settings: BkAdapterOptions, options: BetterAuthOptions, hasTransactions: boolean): DBAdapter {
  const { pool, usePlural = false, debugLogs = false } = settings;
  return createAdapterFactory({
    config: {
      adapterId: "bk",
      adapterName: "@bk/db",
      usePlural,
      debugLogs,
      supportsJSON: true,
      supportsArrays: true,
      // In one that is open, further ones are a part of it.
      transaction: hasTransactions && ((run) => calls.transaction((tx) => run(adapterOn(tx, settings, options, false)), { pool })),
      customTransformInput({ data, fieldAttributes: { type } }) {
        // What JSON cannot hold, such as a date, is written as it would be in a text.
        return type === "json" && typeof data === "object" && data !== null ? (JSON.parse(JSON.stringify(data)) as unknown) : data;
      },
    },
    adapter: (schema) => operationsOn(calls, pool, schema),
  })(options);
}
