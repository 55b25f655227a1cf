// The fast way on PostgreSQL: one statement takes many messages, past those that others are about to take.

import type { DbTaken, Place } from "./messages.js";

/** Whether the database is PostgreSQL, or speaks enough of it. */
export async function isPostgres(place: Place): Promise<boolean> {
  try {
    const rows = await native(place, "SELECT version() AS version", []);
    return typeof rows[0]?.["version"] === "string" && rows[0]["version"].startsWith("PostgreSQL");
  } catch {
    // Another engine refuses the command: it is asked to find that out.
    return false;
  }
}

type NativeRow = Readonly<Record<string, unknown>>;

async function native({ db, pool }: Place, text: string, values: readonly unknown[]): Promise<readonly NativeRow[]> {
  const reply = await db.native(pool ?? "main", values.length === 0 ? text : { text, values });
  return (Array.isArray(reply) ? reply : ((reply as { rows?: readonly NativeRow[] }).rows ?? [])) as readonly NativeRow[];
}

const takeText = `WITH picked AS (
  SELECT "id" FROM "bk_queue" WHERE "queue" = $1 AND "due" <= $2 ORDER BY "due" LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE "bk_queue" AS q SET "due" = $4, "attempts" = q."attempts" + 1, "owner" = $5
FROM picked WHERE q."queue" = $1 AND q."id" = picked."id"
RETURNING q."id", q."message", q."body", q."attempts"`;

export async function takeOnPostgres(place: Place, count: number, visibilityMs: number, now: number, owner: string): Promise<DbTaken[]> {
  const rows = await native(place, takeText, [place.queue, now, count, now + visibilityMs, owner]);
  return rows.map(({ id, message, body, attempts }) => ({
    id: String(message),
    body: String(body),
    attempt: Number(attempts),
    rowId: String(id),
    owner,
  }));
}

const doneText = `DELETE FROM "bk_queue" AS q USING unnest($2::text[], $3::text[]) AS d(id, owner)
WHERE q."queue" = $1 AND q."id" = d.id AND q."owner" = d.owner RETURNING q."id"`;

/** Removes messages that are done; gives whether each was still this consumer's. */
export async function doneOnPostgres(place: Place, taken: readonly DbTaken[]): Promise<boolean[]> {
  const rows = await native(place, doneText, [place.queue, taken.map(({ rowId }) => rowId), taken.map(({ owner }) => owner)]);
  const gone = new Set(rows.map(({ id }) => id));
  return taken.map(({ rowId }) => gone.has(rowId));
}
