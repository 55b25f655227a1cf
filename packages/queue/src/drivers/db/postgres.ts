// The fast way on PostgreSQL: one statement takes many messages, past those that others are about to take.

import type { NewMessage } from "../../queue/driver.js";
import type { DbTaken, Place } from "./messages.js";

type NativeRow = Readonly<Record<string, unknown>>;

async function native({ db, pool }: Place, text: string, values: readonly unknown[], signal?: AbortSignal): Promise<readonly NativeRow[]> {
  const reply = await db.native(pool ?? "main", { text, values }, { signal });
  return (Array.isArray(reply) ? reply : ((reply as { rows?: readonly NativeRow[] }).rows ?? [])) as readonly NativeRow[];
}

const submitText = `INSERT INTO "bk_queue" ("queue", "id", "message", "body", "due", "attempts")
SELECT $1, m.id, m.id, m.body, m.due, 0 FROM unnest($2::text[], $3::text[], $4::bigint[]) AS m(id, body, due)`;

export async function submitOnPostgres(
  place: Place,
  messages: readonly NewMessage[],
  now: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const columns = [messages.map(({ id }) => id), messages.map(({ body }) => body), messages.map(({ delayMs }) => now + delayMs)];
  await native(place, submitText, [place.queue, ...columns], signal);
}

/** A message that was taken, and where its row lay then. A renewal moves it. */
interface PlacedTaken extends DbTaken {
  readonly ctid: string;
}

// The rows are found by the index and changed by where they lie, whatever the planner believes of a table that was filled since it was last
// analyzed: a condition on ranges, in the order of the index, keeps it from reading and sorting the whole queue.
const takeText = `UPDATE "bk_queue" AS q SET "due" = $4, "attempts" = q."attempts" + 1, "owner" = $5
WHERE q.ctid = ANY(ARRAY(
  SELECT ctid FROM "bk_queue" WHERE "queue" >= $1 AND ("queue", "due") <= ($1, $2) ORDER BY "queue", "due" LIMIT $3 FOR UPDATE SKIP LOCKED
))
RETURNING q."id", q."message", q."body", q."attempts", q.ctid::text AS place`;

export async function takeOnPostgres(place: Place, count: number, visibilityMs: number, now: number, owner: string): Promise<DbTaken[]> {
  const rows = await native(place, takeText, [place.queue, now, count, now + visibilityMs, owner]);
  return rows.map(({ id, message, body, attempts, place: ctid }): PlacedTaken => ({
    id: String(message),
    body: String(body),
    attempt: Number(attempts),
    rowId: String(id),
    owner,
    ctid: String(ctid),
  }));
}

const doneText = `DELETE FROM "bk_queue" AS q WHERE q.ctid = ANY($2::tid[]) AND q."queue" = $1
AND (q."id", q."owner") IN (SELECT * FROM unnest($3::text[], $4::text[])) RETURNING q."id"`;

const movedText = `DELETE FROM "bk_queue" AS q USING unnest($2::text[], $3::text[]) AS d(id, owner)
WHERE q."queue" = $1 AND q."id" = d.id AND q."owner" = d.owner RETURNING q."id"`;

/** Removes messages that are done; gives whether each was still this consumer's. */
export async function doneOnPostgres(place: Place, taken: readonly DbTaken[]): Promise<boolean[]> {
  const gone = new Set<unknown>();
  const remove = async (text: string, some: readonly DbTaken[], places: readonly (readonly string[])[]): Promise<void> => {
    const owned = [some.map(({ rowId }) => rowId), some.map(({ owner }) => owner)];
    for (const { id } of await native(place, text, [place.queue, ...places, ...owned])) gone.add(id);
  };
  await remove(doneText, taken, [taken.map((each) => (each as PlacedTaken).ctid)]);
  const moved = taken.filter(({ rowId }) => !gone.has(rowId));
  if (moved.length > 0) await remove(movedText, moved, []);
  return taken.map(({ rowId }) => gone.has(rowId));
}
