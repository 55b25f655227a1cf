// Counters of accounts. Those that count connections are kept by connections alone; the others belong to their account, and
// everybody may add one to a public one.

import type { Clock } from "@bk/core";
import type { ColumnDefinitions } from "@bk/db";

import { denied, hasCode, invalid, notFound } from "../common/failures.js";
import { keepPace } from "../common/pace.js";
import { type Look, visible } from "../common/visible.js";
import type { CacheLike } from "../contract/cache.js";
import { type CallerDb, type DbFor, unruled } from "../contract/caller-db.js";
import type { ModuleDb, Row } from "../contract/database.js";
import type { Directory } from "../contract/directory.js";
import type { Caller } from "../contract/endpoint.js";
import type { AccountEvents } from "../events/account-events.js";

export interface CounterServiceOptions {
  readonly db: ModuleDb;
  /** What callers may do with the table. Default: what the service says. */
  readonly dbFor?: DbFor;
  readonly cache: CacheLike;
  readonly events: AccountEvents;
  readonly directory: Directory;
  readonly clock: Clock;
  /** The columns of the table, as `counterTables` gives them. */
  readonly columns: ColumnDefinitions;
  /** How often an account may add to counters of others, in a minute. Default 60. */
  readonly pingsPerMinute?: number;
}

/** Numbers by the name of their counter. */
export type Counts = Readonly<Record<string, number>>;

export interface CounterService {
  /** The counters of an account as the caller sees them; `undefined` when there are none. */
  get(caller: Caller, id?: string): Promise<Row | undefined>;
  /** Replaces the caller's own counters; those that are left out become 0. Those of connections stay. */
  put(caller: Caller, counts: Counts): Promise<void>;
  /** Sets some of the caller's own counters. */
  update(caller: Caller, counts: Counts): Promise<void>;
  /**
   * Adds to counters; of another account one to public ones, which it is told of.
   *
   * @returns  the new values
   * @throws BkError `invalid`; `denied` for a counter that others do not change; `not-found` for an account that does not exist; `limited`
   */
  incr(caller: Caller, id: string, counts: Counts): Promise<Row>;
  forget(id: string): Promise<void>;
}

const most = 1_000_000;

export function counterService(options: CounterServiceOptions): CounterService {
  const { db, cache, events, directory, clock, columns, pingsPerMinute = 60, dbFor = unruled(db) } = options;
  const table = "bk_counter";
  const names = Object.keys(columns).filter((name) => columns[name]!.type === "counter");
  const isKept = (name: string): boolean => names.includes(name) && /^\w*[01]$/.test(name);

  function check(counts: Counts, isWhole: boolean): void {
    if (Object.keys(counts).length === 0) throw invalid("name at least one counter", "ping");
    for (const [name, value] of Object.entries(counts)) {
      if (!names.includes(name)) throw invalid(`there is no counter ${name.slice(0, 50)}`, name);
      if (isKept(name)) throw denied(`${name} counts connections, which keep it`, name);
      if (!Number.isInteger(value) || Math.abs(value) > (isWhole ? Number.MAX_SAFE_INTEGER : most))
        throw invalid(`${name} must be an integer${isWhole ? "" : ` from ${-most} to ${most}`}`, name);
    }
  }

  async function incrOwn(caller: Caller, id: string, counts: Counts, look: Look): Promise<Row> {
    // Counters that were set are kept as they are; a row that is not there begins with the defaults.
    const { row = {} } = await dbFor(caller).incr(table, { id, ...counts }, { returning: "new" });
    const touched = Object.fromEntries(Object.keys(counts).flatMap((name) => (name in row ? [[name, row[name]]] : [])));
    return visible(columns, { id, ...touched }, look);
  }

  return {
    async get(caller, id = caller.id) {
      const row = await dbFor(caller).get(table, { id });
      return row === undefined ? undefined : visible(columns, row, caller.isAdmin ? "admin" : id === caller.id ? "owner" : "other");
    },

    async put(caller, counts) {
      check(counts, true);
      const zero = Object.fromEntries(names.filter((name) => !isKept(name)).map((name) => [name, 0]));
      await setOrAdd(db, dbFor(caller), { id: caller.id, ...zero, ...counts });
    },

    async update(caller, counts) {
      check(counts, true);
      await setOrAdd(db, dbFor(caller), { id: caller.id, ...counts });
    },

    async incr(caller, id, counts) {
      check(counts, false);
      if (id === caller.id) return incrOwn(caller, id, counts, "owner");
      for (const [name, value] of Object.entries(counts)) {
        if (columns[name]!.pub !== true) throw denied(`${name} is changed by its own account alone`, name);
        if (value !== 1) throw invalid(`${name} of another account can be increased by 1 only`, name);
      }
      await keepPace(cache, `counter/incr:${caller.id}`, pingsPerMinute);
      if (!(await directory.find([id], caller)).has(id)) throw notFound("account not found");
      const row = await incrOwn(caller, id, counts, "other");
      const names = Object.keys(counts);
      const name = caller.name === undefined ? {} : { name: caller.name };
      const event = { path: "/counter/incr", mtime: clock.now(), type: names.join(","), id: caller.id, ...name };
      await events.publish(id, event, { table, key: { id }, columns: { type: names } });
      return row;
    },

    async forget(id) {
      await db.del(table, { id });
    },
  };
}

/** Changes a row, or makes it with its defaults where it is not there. */
async function setOrAdd(db: ModuleDb, mine: CallerDb, row: Row): Promise<void> {
  for (;;) {
    if ((await mine.update("bk_counter", row)).affected > 0) return;
    try {
      await mine.add("bk_counter", row);
      return;
    } catch (error) {
      // Somebody was quicker: then there is one to change.
      if (!hasCode(error, "already-exists")) throw error;
      const there = await db.get("bk_counter", { id: row["id"] });
      if (there !== undefined && !mine.fits("update", "bk_counter", there)) throw denied("these counters are not changed by this account");
    }
  }
}
