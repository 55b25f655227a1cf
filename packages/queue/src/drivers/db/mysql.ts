// The fast way on MySQL 8 and MariaDB 10.6: one statement takes many messages, past those that others are about to take.

import type { DbTaken, Place } from "./messages.js";

/** Whether a server of this version has SKIP LOCKED. TiDB, which speaks the protocol, has not. */
export function hasSkipLocked(version: string): boolean {
  const [, major, minor, patch] = /(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || /tidb/i.test(version)) return false;
  const number = Number(major) * 1_000_000 + Number(minor) * 1_000 + Number(patch);
  return number >= (/mariadb/i.test(version) ? 10_006_000 : 8_000_001);
}

/** Tries of one statement that others are in the way of: each has a gap between rows that the other would write to. */
const tries = 10;

async function native({ db, pool }: Place, text: string, values: readonly unknown[]): Promise<unknown> {
  for (let left = tries; ; left--) {
    try {
      return await db.native(pool ?? "main", { text, values });
    } catch (error) {
      // The server has undone it.
      const { code, outcome } = (error ?? {}) as { code?: unknown; outcome?: unknown };
      if (code !== "limited" || outcome !== "none" || left === 1) throw error;
    }
  }
}

// An insert that finds every one of its rows there: what changes rows by a join has keys in a temporary table, too long for MySQL, or goes over the
// whole queue; and an update alone cannot skip.
const takeText = `INSERT INTO \`bk_queue\` (\`queue\`, \`id\`, \`attempts\`)
SELECT w.\`queue\`, w.\`id\`, w.\`attempts\` + 1 FROM \`bk_queue\` AS w IGNORE INDEX (PRIMARY)
WHERE w.\`queue\` = ? AND w.\`due\` <= ? ORDER BY w.\`due\` LIMIT ? FOR UPDATE SKIP LOCKED
ON DUPLICATE KEY UPDATE \`due\` = ?, \`attempts\` = VALUES(\`attempts\`), \`owner\` = ?`;

// By the time, which has an index: the other one has the whole queue.
const takenText =
  "SELECT `id`, `message`, `body`, `attempts` FROM `bk_queue` IGNORE INDEX (PRIMARY) WHERE `queue` = ? AND `due` = ? AND `owner` = ?";

export async function takeOnMysql(place: Place, count: number, visibilityMs: number, now: number, owner: string): Promise<DbTaken[]> {
  const { queue } = place;
  const due = now + visibilityMs;
  const { affected } = (await native(place, takeText, [queue, now, count, due, owner])) as { affected: number };
  if (affected === 0) return [];
  const rows = (await native(place, takenText, [queue, due, owner])) as readonly Readonly<Record<string, unknown>>[];
  const taken = rows.map(({ id, message, body, attempts }) => ({
    id: String(message),
    body: String(body),
    attempt: Number(attempts),
    rowId: String(id),
    owner,
  }));
  // Ids of one process grow.
  return taken.sort((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1));
}

// The pairs alone would not be looked up by the key.
const doneText = "DELETE q FROM `bk_queue` AS q FORCE INDEX (PRIMARY) WHERE `queue` = ? AND `id` IN (?) AND (`id`, `owner`) IN (?)";

/**
 * Removes messages that are done; gives whether each was still this consumer's. Where some were not and those are gone too, it cannot be told which:
 * then it was none.
 */
export async function doneOnMysql(place: Place, taken: readonly DbTaken[]): Promise<boolean[]> {
  const { queue, db, pool } = place;
  const ids = taken.map(({ rowId }) => rowId);
  const { affected } = (await native(place, doneText, [queue, ids, taken.map(({ rowId, owner }) => [rowId, owner])])) as {
    affected: number;
  };
  if (affected === taken.length || affected === 0) return taken.map(() => affected > 0);
  const left = await Promise.all(ids.map((id) => db.get("bk_queue", { queue, id }, { pool, consistent: true })));
  const isGone = left.map((row) => row === undefined);
  return isGone.filter(Boolean).length === affected ? isGone : isGone.map(() => false);
}
