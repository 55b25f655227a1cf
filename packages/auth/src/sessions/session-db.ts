// Sessions and access tokens in the table `bk_session` of any database that has these calls, such as a `Db` of `@bk/db`.
import { type Clock, systemClock } from "@bk/core";
import type { SessionRow, SessionStore } from "./session-store.js";

/** What sessions need of a database. */
export interface SessionDb {
  get(table: "bk_session", key: { id: string }): Promise<object | undefined>;
  add(
    table: "bk_session",
    row: Omit<SessionRow, "scopes"> & { readonly scopes: string | null; readonly gone: number | null },
  ): Promise<unknown>;
  update(
    table: "bk_session",
    row: { id: string; used: number; expires: number; gone: number | null },
    options: { where: { expires: number } },
  ): Promise<{ affected: number }>;
  del(table: "bk_session", key: { id: string }): Promise<{ affected: number }>;
  delAll(table: "bk_session", filter: { expires: { $lt: number } }, options: { scan: true }): Promise<unknown>;
  select(
    table: "bk_session",
    filter: { account: string },
    options: { count: number; start?: string },
  ): Promise<{ rows: object[]; next?: string }>;
  capabilities(): { readonly ttl: boolean };
}

export interface DbSessionsOptions {
  readonly clock?: Clock | undefined;
  /** Told when ended rows could not be removed. That is tried again; meanwhile they take room and nothing else. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

const sweepEveryMs = 3_600_000;

/** Sessions in a database: servers that share it share them, and a restart ends none. */
export function dbSessions(db: SessionDb, { clock = systemClock, onFault }: DbSessionsOptions = {}): SessionStore {
  const removesExpired = db.capabilities().ttl;
  let sweptMs = clock.now();
  let sweeping = false;

  async function sweep(now: number): Promise<void> {
    sweeping = true;
    sweptMs = now;
    try {
      await db.delAll("bk_session", { expires: { $lt: now } }, { scan: true });
    } catch (error) {
      onFault?.(error);
    } finally {
      sweeping = false;
    }
  }

  const goneAt = (expires: number): number | null => (removesExpired ? expires : null);

  return {
    async add(row) {
      const now = clock.now();
      // Not waited for: nobody's login should take the time.
      if (!removesExpired && !sweeping && now - sweptMs >= sweepEveryMs) void sweep(now);
      const { scopes, ...others } = row;
      await db.add("bk_session", { ...others, scopes: scopes === null ? null : JSON.stringify(scopes), gone: goneAt(row.expires) });
    },
    async get(id) {
      const row = await db.get("bk_session", { id });
      return row === undefined ? undefined : rowOf(row);
    },
    async update(id, { used, expires }, endsAt) {
      const { affected } = await db.update("bk_session", { id, used, expires, gone: goneAt(expires) }, { where: { expires: endsAt } });
      return affected > 0;
    },
    async remove(id) {
      return (await db.del("bk_session", { id })).affected > 0;
    },
    async listOf(account) {
      const rows: SessionRow[] = [];
      let start: string | undefined;
      do {
        const page = await db.select("bk_session", { account }, { count: 100, ...(start === undefined ? {} : { start }) });
        for (const row of page.rows) rows.push(rowOf(row));
        start = page.next;
      } while (start !== undefined);
      return rows;
    },
  };
}

function rowOf(stored: object): SessionRow {
  const { gone: _gone, scopes, ...row } = stored as Omit<SessionRow, "scopes"> & { scopes: string | null; gone: unknown };
  // A text, so that a list without scopes, which allows nothing, stays one on engines that keep no empty lists.
  return { ...row, scopes: typeof scopes === "string" ? (JSON.parse(scopes) as string[]) : null };
}
