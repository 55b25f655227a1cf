// The steps on rows, by conditional updates alone: what every database of @bk/db can.

import type { DeadMessage, NewMessage, Settlement, Submitted, Taken, Which } from "../../queue/driver.js";
import type { QueueDb, DbWrite } from "./db-like.js";
import type { QueueRow } from "./tables.js";

/** A message that was taken, and the row that it is. */
export interface DbTaken extends Taken {
  readonly rowId: string;
  /** The take that has it. */
  readonly owner: string;
}

export interface Place {
  readonly db: QueueDb;
  readonly queue: string;
  readonly pool: string | undefined;
  /** Whether reads of indexes can be asked to see every write; where they cannot, they miss some for a while, and what they say is tried anyway. */
  readonly seesAll: boolean;
}

const table = "bk_queue";
/** Rows of one step on many. */
const part = 200;

const codeOf = (error: unknown): unknown => (typeof error === "object" && error !== null && "code" in error ? error.code : undefined);
const rowIdOf = ({ id, dedupeKey }: Pick<NewMessage, "id" | "dedupeKey">): string => (dedupeKey === undefined ? id : `=${dedupeKey}`);

export async function submitRows(
  place: Place,
  messages: readonly NewMessage[],
  now: number,
  signal: AbortSignal | undefined,
): Promise<Submitted[]> {
  const { db, queue, pool } = place;
  const rows = messages.map((message) => ({
    queue,
    id: rowIdOf(message),
    message: message.id,
    body: message.body,
    due: now + message.delayMs,
    attempts: 0,
  }));
  if (rows.length === 1) return [await submitOne(place, messages[0]!, () => db.add(table, rows[0]!, { pool, signal }))];
  const results = await db.bulk(
    rows.map((row) => ({ op: "add", table, row })),
    { pool, signal },
  );
  return Promise.all(
    results.map((result, at) =>
      submitOne(place, messages[at]!, () => ("error" in result ? Promise.reject(result.error) : Promise.resolve())),
    ),
  );
}

async function submitOne({ db, queue, pool }: Place, message: NewMessage, work: () => Promise<unknown>): Promise<Submitted> {
  try {
    await work();
    return { id: message.id, duplicate: false };
  } catch (error) {
    if (message.dedupeKey === undefined || codeOf(error) !== "already-exists") return { error };
    const equal = (await db.get(table, { queue, id: rowIdOf(message) }, { pool, consistent: true })) as QueueRow | undefined;
    // When it is gone by now, it was there when this one was refused.
    return { id: equal?.message ?? message.id, duplicate: true };
  }
}

export async function takeRows(place: Place, count: number, visibilityMs: number, now: number, owner: string): Promise<DbTaken[]> {
  const { db, queue, pool, seesAll } = place;
  // More than are wanted: some will be another's by then.
  const options = { sort: "due", count: Math.min(1000, 2 * count + 4), pool, consistent: seesAll } as const;
  const found = (await db.select(table, { queue, due: { $le: now } }, options)) as { rows: readonly QueueRow[] };
  // A server may find a row as it was and give it as it is by now: then it is another's, and the condition below would hold for it.
  const rows = found.rows.filter(({ due }) => due !== null && due <= now);
  const taken: DbTaken[] = [];
  for (let from = 0; from < rows.length && taken.length < count;) {
    const wanted = rows.slice(from, from + count - taken.length);
    from += wanted.length;
    const results = await db.bulk(
      wanted.map(({ id, due, attempts }) => ({
        op: "update",
        table,
        row: { queue, id, due: now + visibilityMs, attempts: attempts + 1, owner },
        options: { where: { due, attempts } },
      })),
      { pool },
    );
    results.forEach((result, at) => {
      const { id, message, body, attempts } = wanted[at]!;
      if ("affected" in result && result.affected === 1) taken.push({ id: message, body, attempt: attempts + 1, rowId: id, owner });
    });
    const failed = results.find((result) => "error" in result);
    // What was taken is a reply; without any, the error is.
    if (failed !== undefined && "error" in failed && taken.length === 0) throw failed.error;
  }
  return taken;
}

/** How many rows were changed by each item. @throws the first error, when there is one */
async function affectedBy({ db, pool }: Place, items: readonly DbWrite[]): Promise<boolean[]> {
  const results = await db.bulk(items, { pool });
  return results.map((result) => {
    if ("error" in result) throw result.error;
    return result.affected === 1;
  });
}

export function extendRows(place: Place, taken: readonly DbTaken[], visibilityMs: number, now: number): Promise<boolean[]> {
  const { queue } = place;
  return affectedBy(
    place,
    taken.map(({ rowId: id, owner }) => ({
      op: "update",
      table,
      row: { queue, id, due: now + visibilityMs },
      options: { where: { owner } },
    })),
  );
}

export async function settleRows(place: Place, settlements: readonly Settlement[], now: number): Promise<boolean[]> {
  const { queue, db, pool } = place;
  const items = settlements.map(({ taken: given, verdict }): DbWrite => {
    const { rowId: id, owner, attempt } = given as DbTaken;
    const options = { where: { owner } };
    if (verdict.kind === "done") return { op: "del", table, key: { queue, id }, options };
    if (verdict.kind === "retry") {
      const attempts = verdict.counts ? attempt : attempt - 1;
      return { op: "update", table, row: { queue, id, due: now + verdict.delayMs, attempts, owner: null }, options };
    }
    return { op: "update", table, row: { queue, id, due: null, owner: null, dead: now, error: verdict.error, attempts: attempt }, options };
  });
  const had = await affectedBy(place, items);
  // A dead message gives its dedupeKey free: it gets a row by its own id. After a crash in between it holds the key until it is retried or purged.
  for (const [at, { taken, verdict }] of settlements.entries()) {
    const { rowId, id } = taken as DbTaken;
    if (verdict.kind !== "dead" || rowId === id || !had[at]) continue;
    const row = (await db.get(table, { queue, id: rowId }, { pool, consistent: true })) as QueueRow | undefined;
    if (row === undefined || row.dead === null) continue;
    // Its key is kept, behind what no id has.
    await db.bulk([{ op: "put", table, row: { ...row, id: `${id}${rowId}` } }], { pool });
    await affectedBy(place, [{ op: "del", table, key: { queue, id: rowId }, options: { where: { dead: row.dead } } }]);
  }
  return had;
}

export async function countRows(
  { db, queue, pool, seesAll }: Place,
  now: number,
): Promise<{ waiting: number; delayed: number; running: number; dead: number }> {
  const count = (filter: Record<string, unknown>): Promise<number> => db.count(table, { queue, ...filter }, { pool, consistent: seesAll });
  // All that is pending by one look: what becomes another kind of it between two would be in none.
  const [all, delayed, running, dead] = await Promise.all([
    count({ due: { $gt: 0 } }),
    count({ due: { $gt: now }, owner: null }),
    count({ due: { $gt: now }, owner: { $not_null: true } }),
    count({ dead: { $gt: 0 } }),
  ]);
  return { waiting: Math.max(0, all - delayed - running), delayed, running, dead };
}

/** Rows of a filter, all of them, in parts. */
async function* rowsOf({ db, pool, seesAll }: Place, filter: Record<string, unknown>): AsyncGenerator<readonly QueueRow[]> {
  let start: string | undefined;
  do {
    const page = await db.select(table, filter, {
      count: part,
      pool,
      consistent: seesAll,
      scan: true,
      ...(start === undefined ? {} : { start }),
    });
    start = page.next;
    yield page.rows as readonly QueueRow[];
  } while (start !== undefined);
}

/** Removes messages that nobody has: of those that are meant, or all. */
export async function removeRows(place: Place, meant: (row: QueueRow) => boolean): Promise<number> {
  const { queue } = place;
  let count = 0;
  for await (const rows of rowsOf(place, { queue, due: { $ge: 0 } })) {
    const items = rows
      .filter(({ owner }) => owner === null)
      .filter(meant)
      .map(({ id, due }): DbWrite => ({ op: "del", table, key: { queue, id }, options: { where: { due, owner: null } } }));
    if (items.length > 0) count += (await affectedBy(place, items)).filter(Boolean).length;
  }
  return count;
}

export async function listDead(
  { db, queue, pool, seesAll }: Place,
  count: number,
  start: string | undefined,
): Promise<{ rows: DeadMessage[]; next?: string }> {
  const filter = { queue, dead: { $gt: 0 } };
  const page = await db.select(table, filter, {
    sort: "dead",
    count,
    pool,
    consistent: seesAll,
    ...(start === undefined ? {} : { start }),
  });
  const rows = (page.rows as readonly QueueRow[]).map(({ message, body, error, attempts, dead }) => {
    return { id: message, body, error: error ?? "", attempts, lastTime: dead! };
  });
  return { rows, ...(page.next === undefined ? {} : { next: page.next }) };
}

async function deadRows(place: Place, which: Which, work: (row: QueueRow) => Promise<boolean>): Promise<number> {
  let count = 0;
  for await (const rows of rowsOf(place, { queue: place.queue, dead: { $gt: 0 } })) {
    const meant = which === "all" ? rows : rows.filter(({ message }) => which.includes(message));
    const done = await Promise.all(meant.map(work));
    count += done.filter(Boolean).length;
  }
  return count;
}

export function retryDead(place: Place, which: Which, now: number): Promise<number> {
  const { queue, db, pool } = place;
  return deadRows(place, which, async ({ id, message, body, dead }) => {
    const where = { dead };
    const at = id.indexOf("=");
    if (at <= 0) {
      const row = { queue, id, due: now, dead: null, error: null, attempts: 0 };
      return (await affectedBy(place, [{ op: "update", table, row, options: { where } }]))[0]!;
    }
    const again = { queue, id: id.slice(at), message, body, due: now, attempts: 0 };
    const [added] = await db.bulk([{ op: "add", table, row: again }], { pool });
    if (added !== undefined && "error" in added) {
      if (codeOf(added.error) === "already-exists") return false;
      throw added.error;
    }
    return (await affectedBy(place, [{ op: "del", table, key: { queue, id }, options: { where } }]))[0]!;
  });
}

export function purgeDead(place: Place, which: Which): Promise<number> {
  const { queue } = place;
  return deadRows(place, which, async ({ id, dead }) => {
    return (await affectedBy(place, [{ op: "del", table, key: { queue, id }, options: { where: { dead } } }]))[0]!;
  });
}
