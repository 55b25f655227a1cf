// Messages in the order in which they were taken: each has the number after the one before, and the row's key is that number, so two
// servers never take the same one. A number is tried only when the one before is there, so whoever reads up to a number has missed none.

import type { Clock } from "@bk/core";

import { hasCode } from "../common/failures.js";
import type { ModuleDb, Row } from "../contract/database.js";

export interface MessageLog {
  /** @returns  the number of the message */
  add(message: { readonly app_id: string; readonly app_name: string; readonly data: object }): Promise<number>;
  /** The messages after a number, oldest first. */
  after(number: number, most: number): Promise<Row[]>;
}

const table = "bk_push_message";
const state = "bk_push_state";
const stateKey = { id: "messages" };
/** Messages of one part: a partition of the database holds so many. */
export const partSize = 10_000;
/** How often the next number may be another server's before the end is looked for again. */
const mostGuesses = 4;

export function messageLog(db: ModuleDb, clock: Clock, keepMs: number): MessageLog {
  let next: number | undefined;
  let isUsed = false;
  const partOf = (number: number): number => Math.floor(number / partSize);

  async function bounds(): Promise<{ first: number; last: number }> {
    const row = await db.get(state, stateKey, { consistent: true });
    return { first: Number(row?.["first"] ?? 0), last: Number(row?.["last"] ?? 0) };
  }

  /** Says that a part has begun, or that those before it are empty. Another server may have said more. */
  async function move(bound: "first" | "last", part: number): Promise<void> {
    const moved = await db.update(state, { ...stateKey, [bound]: part }, { where: { [bound]: { $lt: part } } });
    if (moved.affected > 0) return;
    await db.add(state, { ...stateKey, first: 0, last: 0, [bound]: part }).catch((error: unknown) => {
      if (!hasCode(error, "already-exists")) throw error;
    });
  }

  async function lastIn(part: number): Promise<number | undefined> {
    const { rows } = await db.select(table, { part }, { sort: "-number", count: 1, select: ["number"], consistent: true });
    return rows[0] === undefined ? undefined : Number(rows[0]["number"]);
  }

  /** The number after the last one. A part in which nothing is left is not gone on with: its numbers were used. */
  async function end(): Promise<number> {
    const row = await db.get(state, stateKey, { consistent: true });
    if (row === undefined) {
      await move("first", 0);
      return 1;
    }
    for (let part = Number(row["last"] ?? 0); ; part++) {
      const [last, later] = [await lastIn(part), await lastIn(part + 1)];
      if (later !== undefined) continue;
      if (last !== undefined) return last + 1;
      return part === 0 && row["is_used"] !== true ? 1 : (part + 1) * partSize;
    }
  }

  async function addNext(message: Row): Promise<number> {
    for (let guesses = 0; ; guesses++) {
      if (next === undefined || guesses % mostGuesses === mostGuesses - 1) next = await end();
      const number = next;
      try {
        await db.add(table, { ...message, part: partOf(number), number, gone: clock.now() + keepMs });
      } catch (error) {
        // Whether the number is taken now, the end says.
        next = hasCode(error, "already-exists") ? number + 1 : undefined;
        if (next === undefined) throw error;
        continue;
      }
      next = number + 1;
      if (!isUsed) {
        await db.update(state, { ...stateKey, is_used: true });
        isUsed = true;
      }
      if (number % partSize === 0) await move("last", partOf(number));
      return number;
    }
  }

  /** The calls of this server, one after the other: a number is taken only when all before it are there. */
  let last: Promise<unknown> = Promise.resolve();

  return {
    add(message) {
      const taken = last.then(() => addNext({ ...message }));
      last = taken.catch(() => undefined);
      return taken;
    },

    async after(number, most) {
      const { first, last } = await bounds();
      const rows: Row[] = [];
      for (let part = Math.max(first, partOf(number)); part <= last + 1 && rows.length < most; part++) {
        const filter = { part, ...(part === partOf(number) ? { number: { $gt: number } } : {}) };
        const page = await db.select(table, filter, { sort: "number", count: most - rows.length, consistent: true });
        rows.push(...page.rows);
        // Its messages have all expired.
        if (page.rows.length === 0 && part === first && part < last && number < part * partSize) await move("first", part + 1);
      }
      return rows;
    },
  };
}
