// Writes of pages. A version is added to the log of its page first, under the next number, and then carried out: of several writers
// one gets the number. Whoever finds a version that was not carried out, because its writer ended in the middle, carries it out
// first. So there is the same order on every database, with transactions or without.

import { BkError, type Clock } from "@bk/core";

import { hasCode } from "../common/failures.js";
import type { ModuleDb, Row } from "../contract/database.js";

export interface PageLogOptions {
  readonly db: ModuleDb;
  readonly clock: Clock;
  /** How many versions of a page are kept. */
  readonly keepVersions: number;
}

export interface PageLog {
  /**
   * Writes the next version of a page.
   *
   * @param next  what it says, of the page as it is, or undefined where there is none; called again when somebody else was quicker.
   *   It throws to refuse.
   * @returns  the page as this version made it
   * @throws BkError `limited` when others write it all the time
   */
  write(id: string, author: string, next: (page: Row | undefined) => Row | Promise<Row>): Promise<Row>;
  /** Deletes a page and its versions. @param check  throws to refuse; of a page that is not there too */
  del(id: string, check: (page: Row | undefined) => void): Promise<void>;
  /** Removes the versions of deleted pages that were left. @param signal  ends it between two pages */
  finish(signal: AbortSignal): Promise<void>;
}

export const versionColumns = ["title", "subtitle", "icon", "link", "content", "toc", "pub"] as const;

const pages = "bk_pages";
const versions = "bk_page_version";
const mostTries = 100;

export function pageLog({ db, clock, keepVersions }: PageLogOptions): PageLog {
  async function lastOf(id: string): Promise<Row | undefined> {
    const { rows } = await db.select(versions, { id }, { sort: "-version", count: 1, consistent: true });
    return rows[0];
  }

  /** The number of the page's last version; `left` where one had not been carried out to its end, which is done then. */
  async function lastNumber(id: string, page: Row | undefined): Promise<number | "left"> {
    if (page !== undefined) return page["version"] as number;
    const last = await lastOf(id);
    if (last === undefined) return 0;
    if (last["deleted"] === true && last["purge"] !== 1) return last["version"] as number;
    await carryOut(last);
    return "left";
  }

  /** Makes the page what a version in the log says. Nothing is done where that was done already. */
  async function carryOut(row: Row): Promise<void> {
    const { id, version } = row as { id: string; version: number };
    if (row["deleted"] === true) {
      await db.del(pages, { id }, { where: { version: version - 1 } });
      return purge(id, version);
    }
    const page: Row = { id, version, mtime: row["mtime"] };
    for (const name of versionColumns) page[name] = row[name] ?? null;
    const { affected } = await db.update(pages, page, { where: { version: version - 1 } });
    if (affected > 0) return;
    if ((await db.get(pages, { id }, { select: ["version"], consistent: true })) !== undefined) return;
    await create({ ...page, userid: row["author"] });
  }

  async function create(page: Row): Promise<void> {
    const { id, version } = page as { id: string; version: number };
    if (!(await isNext(id, version))) return;
    try {
      await db.add(pages, page);
    } catch (error) {
      if (!hasCode(error, "already-exists")) throw error;
    }
    // Whoever carried it out meanwhile may have deleted it since: then it goes again.
    const after = await db.get(versions, { id, version: version + 1 }, { consistent: true });
    if (after !== undefined) await carryOut(after);
  }

  /** Whether nothing came after a version, and the page before it was deleted, or never there. */
  async function isNext(id: string, version: number): Promise<boolean> {
    if ((await lastOf(id))?.["version"] !== version) return false;
    const before = await db.get(versions, { id, version: version - 1 }, { select: ["deleted"], consistent: true });
    return before === undefined || before["deleted"] === true;
  }

  /** Adds the next version. @returns false when there is one already, which is carried out then */
  async function claim(row: Row): Promise<boolean> {
    try {
      await db.add(versions, row);
      return true;
    } catch (error) {
      if (!hasCode(error, "already-exists")) throw error;
      const other = await db.get(versions, { id: row["id"], version: row["version"] }, { consistent: true });
      if (other !== undefined) await carryOut(other);
      return false;
    }
  }

  async function purge(id: string, version: number): Promise<void> {
    await db.delAll(versions, { id, version: { $lt: version } });
    await db.update(versions, { id, version, purge: null });
  }

  async function repeat(id: string, attempt: (page: Row | undefined, version: number) => Promise<Row | undefined>): Promise<Row> {
    for (let tries = 0; tries < mostTries; tries++) {
      const page = await db.get(pages, { id }, { consistent: true });
      const last = await lastNumber(id, page);
      const done = last === "left" ? undefined : await attempt(page, last + 1);
      if (done !== undefined) return done;
    }
    throw new BkError("limited", "others write this page all the time; try again", { detail: { retryAfterMs: 1000 } });
  }

  return {
    write: (id, author, next) =>
      repeat(id, async (page, version) => {
        const given = await next(page);
        const row: Row = { id, version, author, mtime: clock.now(), deleted: false };
        for (const name of versionColumns) row[name] = given[name] ?? null;
        if (!(await claim(row))) return undefined;
        await carryOut(row);
        if (version > keepVersions) await db.delAll(versions, { id, version: { $le: version - keepVersions } });
        const { author: _author, deleted: _deleted, ...written } = row;
        return { ...written, userid: page === undefined ? author : page["userid"] };
      }),

    async del(id, check) {
      await repeat(id, async (page, version) => {
        check(page);
        const row: Row = { id, version, mtime: clock.now(), deleted: true, purge: 1 };
        if (!(await claim(row))) return undefined;
        await carryOut(row);
        return row;
      });
    },

    async finish(signal) {
      for await (const row of db.scan(versions, { purge: 1 })) {
        if (signal.aborted) return;
        await carryOut(row);
      }
    },
  };
}
