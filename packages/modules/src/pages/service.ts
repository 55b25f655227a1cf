// Pages of a wiki: Markdown with versions. Accounts read all of them, everybody the public ones; their owners, editors and admins write.

import { randomBytes } from "node:crypto";

import { BkError, type Clock, type Log } from "@bk/core";

import { codeOf, denied, hasCode, invalid, notFound } from "../common/failures.js";
import { keepPace } from "../common/pace.js";
import { type PageReply, pageReply } from "../common/pages.js";
import { visible } from "../common/visible.js";
import type { CacheLike } from "../contract/cache.js";
import { type CallerDb, type DbFor, unruled } from "../contract/caller-db.js";
import type { ModuleDb, Row } from "../contract/database.js";
import type { Caller } from "../contract/endpoint.js";
import { documentReply } from "./document.js";
import { readPageFile } from "./files.js";
import { pageLog, versionColumns } from "./page-log.js";
import { loadRenderer } from "./render.js";
import { pageTables } from "./tables.js";

export interface PageServiceOptions {
  readonly db: ModuleDb;
  /** What callers may do with `bk_pages`, and with the versions of its rows. Default: what the service says. */
  readonly dbFor?: DbFor;
  readonly cache: Pick<CacheLike, "limit">;
  readonly clock: Clock;
  readonly log: Log;
  /** What is shown where nobody has written the main page. Default: that there is nothing yet. */
  readonly main?: { readonly title?: string; readonly content?: string };
  /** The folder of `file`; without one there are no files. */
  readonly folder?: string;
  /** How many versions of a page are kept. Default 100; at least 2. */
  readonly keepVersions?: number;
  /** How many pages an account may write in a minute. Default 60. */
  readonly writesPerMinute?: number;
}

interface PageOptions {
  readonly count: number;
  readonly start?: string;
}

export interface PageService {
  /** @param render  gives HTML in place of Markdown. @throws BkError `not-found`, also for what the caller may not read */
  get(caller: Caller, id: string, render: boolean): Promise<Row>;
  /** The pages with these columns, the last that was written first; without their content. */
  select(caller: Caller, filter: Row, page: PageOptions): Promise<PageReply>;
  /** The pages with these words, by id, without their content. @throws BkError `unsupported` where the database has no full-text search */
  search(caller: Caller, words: string, page: PageOptions): Promise<PageReply>;
  /**
   * Writes a page: a new one, or the columns that are given of one that is there.
   *
   * @param id  undefined makes one
   * @param version  the version that is changed; another one meanwhile is refused. 0: there is none yet. Undefined: whichever there is
   * @throws BkError `invalid`; `denied` for a page of others; `condition-failed`; `limited`
   */
  put(caller: Caller, id: string | undefined, columns: Row, version: number | undefined): Promise<Row>;
  del(caller: Caller, id: string): Promise<void>;
  /** The versions of a page, the last one first, without their content. */
  history(caller: Caller, id: string, page: PageOptions): Promise<PageReply>;
  /** One version of a page. */
  version(caller: Caller, id: string, version: number, render: boolean): Promise<Row>;
  /** Writes what a version says again, as a new one. Who may read the page stays. */
  revert(caller: Caller, id: string, version: number): Promise<Row>;
  /** A page as a document. */
  show(caller: Caller, id: string): Promise<Response>;
  /** A file as a document, or as the text that it is. */
  file(path: string, raw: boolean): Promise<Response>;
  forget(id: string): Promise<void>;
  /** Ends what goes on in the background. */
  close(): Promise<void>;
}

export const mainPage = "1";
const table = "bk_pages";
const versions = "bk_page_version";
const listed = ["id", "title", "subtitle", "icon", "link", "toc", "pub", "userid", "version", "mtime"];
const listedVersions = ["id", "version", "title", "subtitle", "icon", "link", "toc", "pub", "author", "mtime"];
const missing = (): BkError => notFound("no page found");
const notWritten = (): BkError => denied("the page is not written so by this account");

export function pageService(options: PageServiceOptions): PageService {
  const { db, cache, log, main = {}, folder, keepVersions = 100, writesPerMinute = 60, dbFor = unruled(db) } = options;
  if (!Number.isSafeInteger(keepVersions) || keepVersions < 2)
    throw invalid("keepVersions must be an integer of at least 2", "keepVersions");
  const pages = pageLog({ db, clock: options.clock, keepVersions });
  const over = new AbortController();
  const finishing = pages.finish(over.signal).catch((error: unknown) => {
    log.warn("versions of deleted pages are not removed yet; it is tried again at the next start", {
      code: codeOf(error),
    });
  });
  const show = (row: Row): Row => visible(pageTables.bk_pages, row, "other");
  /** A whole row as the caller sees it. */
  const showTo = (caller: Caller, row: Row): Row => show(isMade(row) ? row : dbFor(caller).masked(table, row));

  const firstPage = (): Row => ({
    id: mainPage,
    title: main.title ?? "Welcome",
    content: main.content ?? "There are no pages yet.",
    toc: false,
    pub: true,
    version: 0,
  });

  /** The whole row. Nobody without an account learns of a page that is not public whether it is there. */
  async function readable(caller: Caller, id: string): Promise<Row> {
    const row = (await dbFor(caller).get(table, { id }, { whole: true })) ?? (id === mainPage ? firstPage() : undefined);
    if (row === undefined || (caller.id === "" && row["pub"] !== true)) throw missing();
    return row;
  }

  /** What rules say of writing a page, before and after; the log sees to it that it is still the page that is written. */
  function requireFit(mine: CallerDb, verb: "add" | "update" | "del", page: Row, columns: Row = {}): void {
    mine.guard(verb, table, columns);
    if (!mine.fits(verb, table, { book: "pages", ...page })) throw notWritten();
  }

  function requireWriter(caller: Caller, id: string, page: Row | undefined): void {
    const isEditor = caller.isAdmin || caller.types.includes("editor");
    if (page === undefined) {
      if (id === mainPage && !isEditor) throw denied("the main page is written by editors and admins");
    } else if (!isEditor && page["userid"] !== caller.id) throw denied("the page is written by its owner, editors and admins");
  }

  async function rendered(row: Row): Promise<Row> {
    const { render, renderLine } = await loadRenderer();
    const { html, toc } = render(textOf(row, "content"));
    return { ...row, content: html, subtitle: renderLine(textOf(row, "subtitle")), toc: row["toc"] === true ? toc : "" };
  }

  const within = ({ id }: Caller): Row => (id === "" ? { pub: true } : {});

  return {
    async get(caller, id, render) {
      const row = showTo(caller, await readable(caller, id));
      return render ? rendered(row) : row;
    },

    async select(caller, filter, page) {
      const given = { book: "pages", ...filter, ...within(caller) };
      // What is asked for beside that is not public is not there.
      if (caller.id === "" && filter["pub"] === false) return pageReply({ rows: [] });
      return pageReply(await dbFor(caller).select(table, given, { ...page, sort: "-mtime", select: listed }), show);
    },

    async search(caller, words, page) {
      try {
        return pageReply(await dbFor(caller).search(table, words, { ...page, filter: within(caller), select: listed }), show);
      } catch (error) {
        if (!hasCode(error, "unsupported")) throw error;
        throw new BkError("unsupported", "the database of this server has no full-text search; select pages by their columns");
      }
    },

    async put(caller, given, columns, version) {
      if (caller.id === "") throw denied("pages are written by accounts");
      await keepPace(cache, `pages/put:${caller.id}`, writesPerMinute);
      const id = given ?? randomBytes(12).toString("hex");
      const mine = dbFor(caller);
      const row = await pages.write(id, caller.id, async (found) => {
        // One that the caller does not read is none, as far as the caller is told.
        const page = found !== undefined && mine.fits("read", table, found) ? found : undefined;
        requireWriter(caller, id, page);
        const now = page === undefined ? 0 : (page["version"] as number);
        if (version !== undefined && version !== now)
          throw new BkError("condition-failed", `the page has another version: ${now}`, { detail: { field: "version" } });
        if (page !== undefined) requireFit(mine, "update", page, columns);
        const written = await checked({ ...page, ...columns });
        const key = page === undefined ? { id, userid: caller.id } : {};
        requireFit(mine, page === undefined ? "add" : "update", { ...written, ...key }, columns);
        if (found !== page) throw notWritten();
        return written;
      });
      return showTo(caller, { book: "pages", ...row });
    },

    async del(caller, id) {
      await pages.del(id, (page) => {
        if (page === undefined || !dbFor(caller).fits("read", table, page)) throw missing();
        requireWriter(caller, id, page);
        requireFit(dbFor(caller), "del", page);
      });
    },

    async history(caller, id, page) {
      const now = await readable(caller, id);
      const found = await db.select(
        versions,
        { id, version: { $le: now["version"] }, deleted: false },
        { ...page, sort: "-version", select: [...listedVersions, ...(dbFor(caller).isRuled(table) ? ["content"] : [])] },
      );
      const rows = found.rows.map((row) => versionFor(caller, now, row, listedVersions)).filter((row) => row !== undefined);
      return pageReply({ ...found, rows });
    },

    async version(caller, id, version, render) {
      const row = await versionOf(caller, id, version);
      return render ? rendered(row) : row;
    },

    async revert(caller, id, version) {
      await keepPace(cache, `pages/put:${caller.id}`, writesPerMinute);
      const row = await pages.write(id, caller.id, async (page) => {
        const mine = dbFor(caller);
        if (page === undefined || !mine.fits("read", table, page)) throw missing();
        requireWriter(caller, id, page);
        await versionOf(caller, id, version);
        const old = (await db.get(versions, { id, version })) ?? {};
        const columns = Object.fromEntries(versionColumns.map((name) => [name, old[name] ?? null]));
        requireFit(mine, "update", page, columns);
        const written = { ...columns, pub: page["pub"] };
        requireFit(mine, "update", { ...page, ...written });
        return written;
      });
      return showTo(caller, { book: "pages", ...row });
    },

    async show(caller, id) {
      const row = showTo(caller, await readable(caller, id));
      const { render, renderLine, escape } = await loadRenderer();
      const { html, toc } = render(textOf(row, "content"));
      const link = escape(textOf(row, "link"));
      return documentReply({
        title: escape(textOf(row, "title")),
        subtitle: renderLine(textOf(row, "subtitle")),
        toc: row["toc"] === true ? toc : "",
        body: link === "" ? html : `<p><a href="${link}" rel="noopener noreferrer nofollow">${link}</a></p>\n${html}`,
      });
    },

    async file(path, raw) {
      if (folder === undefined) throw missing();
      const text = await readPageFile(folder, path);
      if (raw) return new Response(text, { headers: { "content-type": "text/plain; charset=utf-8" } });
      const { render, escape } = await loadRenderer();
      const { html, title } = render(text);
      // The text has its heading; the tab has its name.
      return documentReply({ title: "", tab: escape(title ?? path), subtitle: "", toc: "", body: html });
    },

    async forget(id) {
      for await (const page of db.scan(table, { userid: id }, { select: ["id"] })) {
        await pages.del(page["id"] as string, (now) => {
          if (now !== undefined && now["userid"] !== id) throw missing();
        });
      }
      for await (const row of db.scan(versions, { author: id }, { select: ["id", "version"] }))
        await db.update(versions, { id: row["id"], version: row["version"], author: null });
    },

    async close() {
      over.abort();
      await finishing;
    },
  };

  async function versionOf(caller: Caller, id: string, version: number): Promise<Row> {
    const page = await readable(caller, id);
    const row = version > (page["version"] as number) ? undefined : await db.get(versions, { id, version });
    const shown = row === undefined || row["deleted"] === true ? undefined : versionFor(caller, page, row, [...listedVersions, "content"]);
    if (shown === undefined) throw notFound("the page has no such version");
    return shown;
  }

  /** A version as the caller would see the page if it were so still; undefined where the caller would not. */
  function versionFor(caller: Caller, page: Row, row: Row, names: readonly string[]): Row | undefined {
    const mine = dbFor(caller);
    const asPage = { ...page, ...Object.fromEntries(versionColumns.map((name) => [name, row[name] ?? null])) };
    if (!isMade(page) && !mine.fits("read", table, asPage)) return undefined;
    const seen = isMade(page) ? asPage : mine.masked(table, asPage);
    const isShown = (name: string): boolean => !(versionColumns as readonly string[]).includes(name) || name in seen;
    return Object.fromEntries(names.filter(isShown).map((name) => [name, row[name] ?? null]));
  }
}

/** A version that may be written: with a title of its own or of its first heading, and a content or a link. */
async function checked(version: Row): Promise<Row> {
  const [content, link] = [textOf(version, "content"), textOf(version, "link")];
  if (content === "" && link === "") throw invalid("link or content is required", "content");
  if (link !== "" && !isLink(link)) throw invalid("link must begin with https://, http:// or one /", "link");
  if (!/^[\w-]*( [\w-]+)*$/.test(textOf(version, "icon"))) throw invalid("icon must be the name of a class", "icon");
  const title = textOf(version, "title").trim();
  const found = title === "" ? (await loadRenderer()).render(content).title?.slice(0, 200).toWellFormed() : title;
  if (found === undefined) throw invalid("title is required", "title");
  return { ...version, title: found };
}

/** Whether it stands for a page that nobody has written. */
const isMade = ({ version }: Row): boolean => version === 0;

function isLink(link: string): boolean {
  if (/[\s\\\p{Cc}]/u.test(link)) return false;
  return /^\/(?!\/)/.test(link) || (/^https?:\/\//i.test(link) && URL.canParse(link));
}

function textOf(row: Row, name: string): string {
  const value = row[name];
  return typeof value === "string" ? value : "";
}
