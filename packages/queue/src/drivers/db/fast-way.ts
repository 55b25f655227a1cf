// Which engines take many messages with one statement of their own.

import type { DbTaken, Place } from "./messages.js";
import { doneOnMysql, hasSkipLocked, takeOnMysql } from "./mysql.js";
import type { NewMessage } from "../../queue/driver.js";
import { doneOnPostgres, submitOnPostgres, takeOnPostgres } from "./postgres.js";

/** Steps of one engine in its own language, in place of those that every database can. */
export interface FastWay {
  /** Adds messages without a dedupeKey, all or none. Not in a transaction of the app, which native commands do not join. */
  submit?(place: Place, messages: readonly NewMessage[], now: number, signal: AbortSignal | undefined): Promise<void>;
  take(place: Place, count: number, visibilityMs: number, now: number, owner: string): Promise<DbTaken[]>;
  /** Removes messages that are done; gives whether each was still this consumer's. */
  done(place: Place, taken: readonly DbTaken[]): Promise<boolean[]>;
}

const onPostgres: FastWay = { submit: submitOnPostgres, take: takeOnPostgres, done: doneOnPostgres };
const onMysql: FastWay = { take: takeOnMysql, done: doneOnMysql };

/** The fast way of the database, when it has one. */
export async function fastWay({ db, pool }: Place): Promise<FastWay | undefined> {
  let reply: unknown;
  try {
    reply = await db.native(pool ?? "main", "SELECT version() AS version");
  } catch {
    // Another engine refuses the command: it is asked to find that out.
    return undefined;
  }
  const rows = Array.isArray(reply) ? reply : (reply as { rows?: unknown } | undefined)?.rows;
  const version = (rows as readonly { version?: unknown }[] | undefined)?.[0]?.version;
  if (typeof version !== "string") return undefined;
  if (version.startsWith("PostgreSQL")) return onPostgres;
  return hasSkipLocked(version) ? onMysql : undefined;
}
