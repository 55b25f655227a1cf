// Where messages lie: delivering them and moving them, wholly or not at all.

import type { Clock } from "@bk/core";

import { hasCode } from "../common/failures.js";
import type { CallerDb } from "../contract/caller-db.js";
import { type ModuleCalls, type ModuleDb, type Row, writesTogether } from "../contract/database.js";

export type Box = "inbox" | "archive";

/** A message to one recipient. */
export interface Delivery {
  readonly sender: string;
  readonly recipient: string;
  readonly senderName: string | null;
  readonly recipientName: string | null;
  readonly token: string;
  /** What it says: columns of both tables. */
  readonly content: Row;
  /** The image, as the recipient and the sender have it. */
  readonly images: { readonly received: Row; readonly copied: Row };
  /** Whether the sender keeps a copy. */
  readonly isKept: boolean;
  /** Counters to add one to, of whom. */
  readonly counts: readonly { readonly id: string; readonly counter: string }[];
}

export interface Boxes {
  /**
   * @param mine  the database as the sender may use it
   * @returns  when it was received, in milliseconds since 1970: no other message of the recipient's inbox has that time
   */
  deliver(mine: CallerDb, delivery: Delivery): Promise<number>;
  /**
   * Moves a message from the inbox to the archive.
   *
   * @param guard  what must hold for it
   * @returns  the row in the archive; undefined where the inbox does not have it
   */
  archive(id: string, mtime: number, guard: Row): Promise<Row | undefined>;
  /** Which rows of the inbox are there. */
  readonly present: Row;
  /** What was on its way to the archive is there. */
  arrive(id: string): Promise<void>;
  /** Of the sent messages those which are there: what was interrupted is found out. */
  settled(rows: readonly Row[]): Promise<Row[]>;
}

/** How many recipients' last times a process remembers, so that it seldom meets its own messages. */
const mostTimes = 10_000;
/** How long a delivery may take. */
const deliveryMs = 60_000;
/** Many may write to one account at once. */
const attempts = 30;

/** @param dropped  told of a copy that was removed, since its message has not arrived */
export function messageBoxes(db: ModuleDb, clock: Clock, dropped: (row: Row) => Promise<void>): Boxes {
  const nextTime = timeGiver(clock);
  const isTogether = writesTogether(db);
  // A message moves within one partition, which takes less of an engine.
  const movesTogether = db.capabilities().transactions !== "none";

  const inboxRow = ({ recipient, sender, senderName, token, content, images }: Delivery, mtime: number): Row => ({
    ...content,
    ...images.received,
    id: recipient,
    box: "inbox",
    mtime,
    sender,
    name: senderName,
    token,
  });
  const sentRow = ({ sender, recipient, recipientName, token, content, images }: Delivery, mtime: number): Row => ({
    ...content,
    ...images.copied,
    id: sender,
    mtime,
    recipient,
    name: recipientName,
    token,
  });

  /** Tries times, from one on, until there is none of it yet. */
  async function atFreeTime<T>(first: number, work: (mtime: number) => Promise<T>): Promise<T> {
    for (let [mtime, tries] = [first, 0]; ; tries++) {
      try {
        return await work(mtime);
      } catch (error) {
        if (!hasCode(error, "already-exists")) throw error;
      }
      // Many that were there first are passed in longer steps.
      mtime += tries < 4 ? 1 : 1 + Math.floor(clock.random() * 50);
    }
  }

  async function deliverTogether(mine: CallerDb, delivery: Delivery): Promise<number> {
    return atFreeTime(nextTime(delivery.recipient), (mtime) =>
      db.transaction(
        async (tx: ModuleCalls) => {
          await mine.add("bk_message", inboxRow(delivery, mtime));
          if (delivery.isKept) await tx.add("bk_sent", sentRow(delivery, mtime));
          for (const { id, counter } of delivery.counts) await tx.incr("bk_counter", { id, [counter]: 1 });
          return mtime;
        },
        { attempts },
      ),
    );
  }

  /** The copy comes first and is not shown until the message has arrived. */
  async function deliverAlone(mine: CallerDb, delivery: Delivery): Promise<number> {
    const key = (mtime: number): Row => ({ id: delivery.sender, mtime, recipient: delivery.recipient });
    const mtime = await atFreeTime(nextTime(delivery.recipient), async (time) => {
      if (delivery.isKept) await db.add("bk_sent", { ...sentRow(delivery, time), pending: clock.now() + deliveryMs });
      try {
        await mine.add("bk_message", inboxRow(delivery, time));
      } catch (error) {
        if (delivery.isKept && (hasCode(error, "already-exists") || hasCode(error, "denied"))) await db.del("bk_sent", key(time));
        throw error;
      }
      return time;
    });
    if (delivery.isKept) await db.update("bk_sent", { ...key(mtime), pending: null });
    // Once and never again: a number that may be short of one after an interruption, and never too great.
    for (const { id, counter } of delivery.counts) await db.incr("bk_counter", { id, [counter]: 1 });
    return mtime;
  }

  function archiveTogether(id: string, mtime: number, guard: Row): Promise<Row | undefined> {
    return atFreeTime(mtime, (time) =>
      db.transaction(
        async (tx) => {
          const where = Object.keys(guard).length === 0 ? {} : { where: guard };
          const { affected, row } = await tx.del("bk_message", { id, box: "inbox", mtime }, { ...where, returning: "old" });
          if (affected === 0 || row === undefined) return undefined;
          const moved = { ...row, box: "archive", mtime: time };
          await tx.add("bk_message", moved, { keepNow: true });
          return moved;
        },
        { attempts },
      ),
    );
  }

  /** From the mark on the message is not in the inbox; whoever reads the archive next brings it there, if nobody else does. */
  async function archiveAlone(id: string, mtime: number, guard: Row): Promise<Row | undefined> {
    const marked = { id, box: "inbox", mtime, moved: true };
    const { affected, row } = await db.update("bk_message", marked, { where: { ...guard, moved: null }, returning: "new" });
    return affected === 0 || row === undefined ? undefined : finishMove(row);
  }

  async function finishMove(row: Row): Promise<Row> {
    const { id, mtime, token } = row;
    const arrived = await atFreeTime(mtime as number, async (time) => {
      const moved = { ...row, box: "archive", mtime: time, moved: null };
      try {
        await db.add("bk_message", moved, { keepNow: true });
      } catch (error) {
        const there = hasCode(error, "already-exists") ? await db.get("bk_message", { id, box: "archive", mtime: time }) : undefined;
        // Somebody else has brought it.
        if (there?.["token"] !== token) throw error;
      }
      return moved;
    });
    await db.del("bk_message", { id, box: "inbox", mtime }, { where: { token, moved: true } });
    return arrived;
  }

  /** Whether the recipient has a message that was sent. */
  async function hasArrived({ recipient, mtime, token }: Row): Promise<boolean> {
    for (const box of ["inbox", "archive"])
      if ((await db.get("bk_message", { id: recipient, box, mtime }))?.["token"] === token) return true;
    return false;
  }

  async function settle(row: Row): Promise<boolean> {
    const { id, mtime, recipient, pending } = row;
    if (pending === null) return true;
    if ((pending as number) >= clock.now()) return false;
    const isThere = await hasArrived(row);
    if (isThere) await db.update("bk_sent", { id, mtime, recipient, pending: null });
    else {
      await db.del("bk_sent", { id, mtime, recipient });
      await dropped(row);
    }
    return isThere;
  }

  return {
    deliver: isTogether ? deliverTogether : deliverAlone,
    archive: movesTogether ? archiveTogether : archiveAlone,
    present: movesTogether ? {} : { moved: null },
    async arrive(id) {
      if (movesTogether) return;
      for await (const row of db.scan("bk_message", { id, box: "inbox", moved: true })) await finishMove(row);
    },
    async settled(rows) {
      if (isTogether) return [...rows];
      const found: Row[] = [];
      for (const row of rows) if (await settle(row)) found.push(row);
      return found;
    },
  };
}

/** Times that grow for each recipient, as far as this process knows. */
function timeGiver(clock: Clock): (recipient: string) => number {
  const last = new Map<string, number>();
  return (recipient) => {
    const time = Math.max(clock.now(), (last.get(recipient) ?? 0) + 1);
    // The one that was used last is the last to go.
    last.delete(recipient);
    last.set(recipient, time);
    if (last.size > mostTimes) last.delete(last.keys().next().value!);
    return time;
  };
}
