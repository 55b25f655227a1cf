// What accounts are doing, and whether they are there: presence that ends by itself.

import type { Clock } from "@bk/core";
import type { ColumnDefinitions, TableDefinitions } from "@bk/db";

import { invalid } from "../common/failures.js";
import { visible } from "../common/visible.js";
import type { CacheLike } from "../contract/cache.js";
import { type DbFor, unruled } from "../contract/caller-db.js";
import type { ModuleDb, Row } from "../contract/database.js";
import type { Caller } from "../contract/endpoint.js";
import type { AccountEvents } from "../events/account-events.js";

export interface StatusServiceOptions {
  readonly db: ModuleDb;
  /** What callers may do with the table. Default: what the service says. */
  readonly dbFor?: DbFor;
  readonly cache: CacheLike;
  readonly events: AccountEvents;
  readonly clock: Clock;
  /** The columns of the table, as `statusTables` gives them. */
  readonly columns: ColumnDefinitions;
  /** All tables that the database has of modules: who has connected to an account is told where there is `bk_reference`. */
  readonly tables: TableDefinitions;
  /** How long an account is online after it was last there, in milliseconds. Default 15 minutes. */
  readonly intervalMs?: number;
}

/** Accounts whose last touch is remembered. */
const mostTouched = 10_000;

export interface PutOptions {
  /** Only says that the account is there: the row is not written again while it is younger than one and a half intervals. */
  readonly isCheck?: boolean;
  /** Tells those who have connected to the account. Default false. */
  readonly publish?: boolean;
}

export interface StatusService {
  /**
   * Sets the caller's status, and that it is there now.
   *
   * @returns  the row, with `online`, and `saved` where it was written to the database
   */
  put(caller: Caller, status: string, columns?: Row, options?: PutOptions): Promise<Row>;
  /** Notes in the cache that an account is there, a few times an interval at most; what it said itself stays. */
  touch(id: string): Promise<void>;
  /** Statuses in the order asked. Who has none is offline since ever. */
  list(caller: Caller, ids: readonly string[]): Promise<Row[]>;
  del(caller: Caller): Promise<void>;
  forget(id: string): Promise<void>;
}

const mostIds = 100;
/** How many of those who have connected to an account are told. */
const mostTold = 1000;
const maxStatus = 32;

export function statusService(options: StatusServiceOptions): StatusService {
  const { db, cache, events, clock, columns, tables, intervalMs = 15 * 60_000, dbFor = unruled(db) } = options;
  const table = "bk_status";
  /** When an account that only says so was last there. */
  const seenKey = (id: string): string => `status:seen:${id}`;

  function shown(caller: Caller, id: string, row: Row | undefined, seen: number): Row {
    if (row === undefined) return { id, status: "", online: clock.now() - seen < intervalMs, mtime: 0 };
    const atime = Math.max(row["atime"] as number, seen);
    const online = clock.now() - atime < intervalMs && row["status"] !== "offline";
    return { ...visible(columns, row, caller.id === id ? "owner" : "other"), atime, online };
  }

  /** When this process touched accounts. */
  const touched = new Map<string, number>();
  function noteTouch(id: string, now: number): void {
    if (touched.size >= mostTouched) touched.clear();
    touched.set(id, now);
  }

  async function lastSeen(id: string): Promise<number> {
    const seen = await cache.get(seenKey(id));
    return typeof seen === "number" ? seen : 0;
  }

  async function write(caller: Caller, status: string, given: Row): Promise<Row> {
    const changes = { ...given, id: caller.id, name: caller.name ?? null, status, atime: clock.now() };
    const { row = changes } = await dbFor(caller).update(table, changes, { upsert: true, returning: "new" });
    await cache.del(seenKey(caller.id));
    return row;
  }

  async function tell({ id }: Caller, status: string): Promise<void> {
    if (tables["bk_reference"] === undefined) return;
    const { rows } = await db.select("bk_reference", { id, silent: false }, { select: ["peer"], count: mostTold });
    const event = { path: "/status/put", mtime: clock.now(), id, status };
    await Promise.all(
      [...new Set(rows.map(({ peer }) => peer as string))].map((peer) =>
        events.publish(peer, event, { table, key: { id }, columns: { id: "id", status: "status" } }),
      ),
    );
  }

  return {
    async put(caller, status, given = {}, { isCheck = false, publish = false } = {}) {
      const own = { ...given };
      if (status === "") throw invalid("status is required", "status");
      if (Array.from(status).length > maxStatus) throw invalid(`status is longer than ${maxStatus} characters`, "status");
      const now = clock.now();
      const row = isCheck ? await dbFor(caller).get(table, { id: caller.id }) : undefined;
      const isFresh = row !== undefined && row["status"] === status && now - (row["mtime"] as number) < 1.5 * intervalMs;
      if (isFresh && Object.keys(own).length === 0) {
        await cache.put(seenKey(caller.id), now, { ttlMs: intervalMs });
        return shown(caller, caller.id, row, now);
      }
      const written = await write(caller, status, own);
      if (publish) await tell(caller, status);
      return { ...shown(caller, caller.id, written, now), saved: true };
    },

    async touch(id) {
      const now = clock.now();
      if (now - (touched.get(id) ?? -Infinity) < intervalMs / 15) return;
      noteTouch(id, now);
      await cache.put(seenKey(id), now, { ttlMs: intervalMs });
    },

    async list(caller, ids) {
      if (ids.length > mostIds) throw invalid(`id has more than ${mostIds} items`, "id");
      const wanted = [...new Set(ids)];
      const mine = dbFor(caller);
      const rows = await mine.list(
        table,
        wanted.map((id) => ({ id })),
      );
      const byId = new Map(rows.map((row) => [row["id"] as string, row]));
      // Where rules say whose status is seen, an account without a row is not there.
      const isHidden = (id: string): boolean => mine.isRuled(table) && !byId.has(id);
      const seen = await Promise.all(wanted.map(async (id) => (isHidden(id) ? 0 : lastSeen(id))));
      return wanted.map((id, i) => shown(caller, id, byId.get(id), seen[i]!));
    },

    async del(caller) {
      const { id } = caller;
      await dbFor(caller).del(table, { id });
      await cache.del(seenKey(id));
    },

    async forget(id) {
      // The request that removes an account is one of its own too.
      noteTouch(id, clock.now());
      await db.del(table, { id });
      await cache.del(seenKey(id));
    },
  };
}
