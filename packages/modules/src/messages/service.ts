// Messages between accounts: each has an inbox, an archive, and copies of what it has sent.

import type { Clock, Log } from "@bk/core";
import type { ColumnDefinitions, TableDefinitions } from "@bk/db";

import { withDetails } from "../common/details.js";
import { codeOf, invalid, notFound } from "../common/failures.js";
import { listOptions, type ListValues } from "../common/lists.js";
import { keepPace } from "../common/pace.js";
import { visible } from "../common/visible.js";
import { afterCommit } from "../contract/after-commit.js";
import type { CacheLike } from "../contract/cache.js";
import { bothOf, type DbFor, unruled } from "../contract/caller-db.js";
import type { ModuleDb, Page, Row } from "../contract/database.js";
import type { Directory, Person } from "../contract/directory.js";
import type { Caller } from "../contract/endpoint.js";
import type { AccountEvents } from "../events/account-events.js";
import type { MadeImage } from "../icons/image-engine.js";
import { type Box, messageBoxes } from "./boxes.js";
import { type ImageName, imageUrl, type MessageImage, type MessageImages, type SentImage } from "./images.js";
import type { MessageTables } from "./tables.js";

export type { Box } from "./boxes.js";

export interface MessageServiceOptions {
  readonly db: ModuleDb;
  /** What callers may do with the tables. Default: what the service says. */
  readonly dbFor?: DbFor;
  readonly cache: CacheLike;
  readonly events: AccountEvents;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: Log;
  /** The tables, as `messageTables` gives them. */
  readonly own: MessageTables;
  /** Keeps images, as `messageImages` makes it. Absent: messages have none. */
  readonly pictures?: MessageImages | undefined;
  /** All tables that the database has of modules: messages are counted where `bk_counter` has `msg0` or `msg1`. */
  readonly tables: TableDefinitions;
  /** Whether a message may be delivered, such as: the recipient has not blocked the sender. Default: every one. */
  readonly accepts?: (message: { readonly sender: string; readonly recipient: string; readonly msg: string }) => boolean | Promise<boolean>;
  /** How many messages an account may send in a minute. Default: as many as it likes. */
  readonly perMinute?: number;
}

export interface NewMessage {
  readonly msg?: string;
  readonly icon?: SentImage;
  /** Columns of the app. */
  readonly columns?: Row;
}

export interface SendOptions {
  /** Whether the sender keeps a copy. Default true. */
  readonly keep?: boolean;
  /** Whether recipients are told. Default true. */
  readonly publish?: boolean;
  /** Whether it is counted. Default true. */
  readonly count?: boolean;
  /** Gives up a message whose image is not made yet. */
  readonly signal?: AbortSignal;
}

/** What became of a message to one recipient: when it was received, or why it was not. */
export type Sent =
  | { readonly id: string; readonly mtime: number; readonly sender: string }
  | { readonly id: string; readonly error: string };

/** What happens to messages that are read: they go to the archive, or for ever. */
export type Taking = "archive" | "trash";

export interface MessageService {
  /**
   * Sends a message to up to 50 accounts.
   *
   * @returns  what became of it, for each recipient in the order given
   * @throws BkError `invalid`; `not-found` for a recipient that does not exist, and then nobody gets it; `limited`
   */
  add(caller: Caller, recipients: readonly string[], message: NewMessage, options?: SendOptions): Promise<Sent[]>;
  /** A page of a box. With `take` the rows are those which this call has moved or removed. */
  list(
    caller: Caller,
    box: Box,
    filter: Row,
    list: ListValues,
    more?: { readonly take?: Taking; readonly details?: boolean },
  ): Promise<Page>;
  count(caller: Caller, box: Box, filter: Row): Promise<number>;
  /** Messages in the inbox that have not been read. It is kept in the cache, at most for an hour. */
  unread(caller: Caller): Promise<number>;
  /** Marks messages of the inbox as read. @returns  how many were not */
  read(caller: Caller, filter: Row): Promise<number>;
  /** Moves messages of the inbox to the archive. @returns  how many */
  archive(caller: Caller, filter: Row): Promise<number>;
  /** Sets `read`, `flags` and the app's columns. @returns  how many messages there were */
  update(caller: Caller, box: Box, filter: Row, columns: Row): Promise<number>;
  /** Removes messages. @returns  how many */
  del(caller: Caller, box: Box, filter: Row): Promise<number>;
  /** A page of what the caller has sent. */
  sent(caller: Caller, filter: Row, list: ListValues, details?: boolean): Promise<Page>;
  countSent(caller: Caller, filter: Row): Promise<number>;
  delSent(caller: Caller, filter: Row): Promise<number>;
  /** The image of a message that the caller has. @throws BkError `not-found` */
  image(caller: Caller, image: ImageName): Promise<MessageImage>;
  /** Removes what an account has received and sent, with what others have of it. */
  forget(id: string): Promise<void>;
}

const mostRecipients = 50;
const mostBytes = 65_536;
const unreadTtlMs = 3_600_000;
/** How many rows are written side by side. */
const width = 10;
const unread: Row = Object.freeze({ read: { $ne: 1 } });
/** What an event tells of the row of a message. */
const messageOf = { mtime: "mtime", sender: "sender", name: "name", msg: "msg", icon: "icon" } as const;

export function messageService(options: MessageServiceOptions): MessageService {
  const { db, cache, events, directory, clock, log, own, tables, accepts, perMinute, pictures, dbFor = unruled(db) } = options;
  const dropImage = async (row: Row): Promise<void> => pictures?.drop(row);
  const boxes = messageBoxes(db, clock, dropImage);
  const counter = (tables["bk_counter"] ?? {}) as ColumnDefinitions;
  const isCounted = (name: string): boolean => Object.hasOwn(counter, name) && counter[name]!.type === "counter";

  const unreadKey = (id: string): string => `messages:unread:${id}`;
  const changed = (id: string): Promise<void> =>
    afterCommit(async () => {
      try {
        await cache.del(unreadKey(id));
      } catch (error) {
        // The messages are as they should be; their number is wrong for an hour at most.
        log.warn("a number of unread messages could not be dropped", { code: codeOf(error) });
      }
    });

  async function people(caller: Caller, recipients: readonly string[]): Promise<ReadonlyMap<string, Person>> {
    if (recipients.length === 0) throw invalid("recipient id is required", "id");
    if (recipients.length > mostRecipients) throw invalid(`a message has at most ${mostRecipients} recipients`, "id");
    if (new Set(recipients).size < recipients.length) throw invalid("a recipient is given twice", "id");
    const found = await directory.find(recipients, caller);
    if (recipients.some((id) => !found.has(id))) throw notFound("account not found");
    return found;
  }

  /** The image as one account has it. */
  const keepFor = async (account: string, token: string, made: MadeImage | undefined): Promise<Row> =>
    made === undefined ? {} : pictures!.keep(account, token, made);

  async function deliver(
    caller: Caller,
    to: Person,
    { msg = "", columns = {}, made }: Omit<NewMessage, "icon"> & { readonly made: MadeImage | undefined },
    how: SendOptions,
  ): Promise<Sent> {
    const { id } = to;
    if (accepts !== undefined && !(await accepts({ sender: caller.id, recipient: id, msg })))
      return { id, error: "the recipient does not take this message" };
    const counts = [
      { id: caller.id, counter: "msg0" },
      { id, counter: "msg1" },
    ].filter((count) => how.count !== false && isCounted(count.counter));
    const [token, isKept] = [tokenOf(clock), how.keep !== false];
    let [received, copied, mtime]: [Row, Row, number] = [{}, {}, 0];
    try {
      received = await keepFor(id, token, made);
      if (isKept) copied = await keepFor(caller.id, `${token} sent`, made);
      mtime = await boxes.deliver(dbFor(caller), {
        sender: caller.id,
        recipient: id,
        senderName: caller.name ?? null,
        recipientName: to.name ?? null,
        token,
        content: { ...columns, ...(msg === "" ? {} : { msg }) },
        images: { received, copied },
        isKept,
        // Always in the same order: who changes two counters waits for nobody who waits for it.
        counts: counts.sort((a, b) => (a.id < b.id ? -1 : 1)),
      });
    } catch (error) {
      for (const row of [received, copied]) await pictures?.dropUnwritten(row, error);
      throw error;
    }
    await changed(id);
    if (how.publish !== false && id !== caller.id) {
      const start = Array.from(msg.slice(0, 256)).slice(0, 128).join("");
      const name = caller.name === undefined ? {} : { name: caller.name };
      await events.publish(
        id,
        {
          path: "/message/add",
          mtime,
          sender: caller.id,
          ...name,
          msg: start,
          ...(made === undefined ? {} : { icon: 1 }),
        },
        { table: "bk_message", key: { id, box: "inbox", mtime }, columns: messageOf },
      );
    }
    return { id, mtime, sender: caller.id };
  }

  const where = (caller: Caller, box: Box, filter: Row): Row => ({
    ...filter,
    ...(box === "inbox" ? boxes.present : {}),
    id: caller.id,
    box,
  });

  /** Does something to every message that a filter matches. @returns  for how many it was done */
  async function each(caller: Caller, box: Box, filter: Row, work: (row: Row) => Promise<boolean>): Promise<number> {
    if (box === "archive") await boxes.arrive(caller.id);
    let done = 0;
    let batch: Row[] = [];
    const flush = async (): Promise<void> => {
      done += (await Promise.all(batch.map(work))).filter(Boolean).length;
      batch = [];
    };
    try {
      for await (const row of dbFor(caller).scan("bk_message", filter, { whole: true })) {
        batch.push(row);
        if (batch.length === width) await flush();
      }
      await flush();
    } finally {
      if (box === "inbox") await changed(caller.id);
    }
    return done;
  }

  /** Still there, and still from whom it was read. */
  const still = ({ box, token }: Row): Row => ({ token, ...(box === "inbox" ? boxes.present : {}) });
  const keyOf = ({ id, box, mtime }: Row): Row => ({ id, box, mtime });
  async function remove(caller: Caller, row: Row): Promise<boolean> {
    const { affected } = await dbFor(caller).del("bk_message", keyOf(row), { where: still(row) });
    if (affected > 0) await dropImage(row);
    return affected > 0;
  }
  /** @returns  false for what is not there any more, and what the caller may not move */
  async function toArchive(caller: Caller, row: Row): Promise<boolean> {
    const mine = dbFor(caller);
    const guard = bothOf({ token: row["token"] }, mine.guard("update", "bk_message"));
    if (!mine.fits("update", "bk_message", { ...row, box: "archive" })) return false;
    return (await boxes.archive(row["id"] as string, row["mtime"] as number, guard)) !== undefined;
  }

  /** Of the rows those which this call has taken: somebody else may be faster. */
  async function taken(caller: Caller, rows: readonly Row[], take: Taking): Promise<Row[]> {
    const mine: Row[] = [];
    try {
      for (let i = 0; i < rows.length; i += width) {
        const some = rows.slice(i, i + width);
        const isTaken = await Promise.all(some.map((row) => (take === "archive" ? toArchive : remove)(caller, row)));
        mine.push(...some.filter((_row, at) => isTaken[at]));
      }
    } finally {
      await changed(caller.id);
    }
    return mine;
  }

  const shown = (table: keyof MessageTables, row: Row): Row => {
    const { box: _box, icon, icon_type: _type, ...columns } = visible(own[table], row, "owner");
    return icon === 1 && pictures !== undefined ? { ...columns, icon: imageUrl(table, row) } : columns;
  };

  return {
    async add(caller, recipients, message, how = {}) {
      const { msg = "" } = message;
      const { icon, ...others } = message;
      if (msg === "" && icon === undefined) throw invalid("msg or icon is required", "msg");
      if (icon !== undefined && pictures === undefined) throw invalid("messages have no images here", "icon");
      if (new TextEncoder().encode(msg).length > mostBytes) throw invalid(`msg has more than ${mostBytes} bytes`, "msg");
      // What callers hand over is theirs to change.
      const content = { ...others, columns: { ...others.columns } };
      const ids = [...recipients];
      const found = await people(caller, ids);
      if (perMinute !== undefined) for (const _id of ids) await keepPace(cache, `message/add:${caller.id}`, perMinute);
      const made = icon === undefined ? undefined : await pictures!.make(icon, how.signal);
      const sent: Sent[] = [];
      const failed: unknown[] = [];
      for (let i = 0; i < ids.length; i += width) {
        const some = ids.slice(i, i + width);
        const results = await Promise.allSettled(some.map((id) => deliver(caller, found.get(id)!, { ...content, made }, how)));
        results.forEach((result, at) => {
          if (result.status === "fulfilled") return sent.push(result.value);
          failed.push(result.reason);
          log.warn("a message could not be delivered", { code: codeOf(result.reason) });
          return sent.push({ id: some[at]!, error: "the message could not be delivered" });
        });
      }
      if (failed.length === ids.length) throw failed[0];
      return sent;
    },

    async list(caller, box, filter, list, { take, details = false } = {}) {
      if (box === "archive") await boxes.arrive(caller.id);
      const always = ["id", "box", "mtime", "sender", "token", "object"];
      const mine = dbFor(caller);
      const { rows, next } = await mine.select("bk_message", where(caller, box, filter), {
        ...listOptions(list, own.bk_message, always),
        whole: take !== undefined,
      });
      const given = take === undefined ? rows : await taken(caller, rows, take);
      // What was removed has no image any more.
      const seen = given.map((row) => {
        const own = take === undefined ? row : mine.masked("bk_message", row);
        return shown("bk_message", take === "trash" ? { ...own, icon: 0 } : own);
      });
      return { rows: details ? await withDetails(mine, tables, seen, "sender") : seen, ...(next === undefined ? {} : { next }) };
    },

    async count(caller, box, filter) {
      if (box === "archive") await boxes.arrive(caller.id);
      return dbFor(caller).count("bk_message", where(caller, box, filter));
    },

    async unread(caller) {
      const mine = dbFor(caller);
      const load = (): Promise<number> => mine.count("bk_message", where(caller, "inbox", unread));
      // What the account may read can change without a message.
      if (mine.isRuled("bk_message")) return load();
      return (await cache.remember(unreadKey(caller.id), load, { ttlMs: unreadTtlMs })) as number;
    },

    read: (caller, filter) =>
      each(caller, "inbox", { ...where(caller, "inbox", filter), ...unread }, async (row) => {
        const { affected } = await dbFor(caller).update("bk_message", { ...keyOf(row), read: 1 }, { where: { ...still(row), ...unread } });
        return affected > 0;
      }),

    archive: (caller, filter) => each(caller, "inbox", where(caller, "inbox", filter), (row) => toArchive(caller, row)),

    async update(caller, box, filter, columns) {
      const changes = { ...columns };
      if (Object.keys(changes).length === 0) throw invalid("name at least one column", "read");
      return each(caller, box, where(caller, box, filter), async (row) => {
        return (await dbFor(caller).update("bk_message", { ...changes, ...keyOf(row) }, { where: still(row) })).affected > 0;
      });
    },

    del: (caller, box, filter) => each(caller, box, where(caller, box, filter), (row) => remove(caller, row)),

    async sent(caller, filter, list, details = false) {
      const always = ["id", "mtime", "recipient", "token", "pending"];
      const mine = dbFor(caller);
      const { rows, next } = await mine.select("bk_sent", { ...filter, id: caller.id }, listOptions(list, own.bk_sent, always));
      const seen = (await boxes.settled(rows)).map((row) => shown("bk_sent", row));
      return { rows: details ? await withDetails(mine, tables, seen, "recipient") : seen, ...(next === undefined ? {} : { next }) };
    },

    countSent: (caller, filter) => dbFor(caller).count("bk_sent", { ...filter, id: caller.id, pending: null }),

    async delSent(caller, filter) {
      let done = 0;
      const mine = dbFor(caller);
      for await (const row of mine.scan("bk_sent", { ...filter, id: caller.id, pending: null })) {
        const { id, mtime, recipient, token } = row;
        const { affected } = await mine.del("bk_sent", { id, mtime, recipient }, { where: { token } });
        if (affected > 0) await dropImage(row);
        done += affected;
      }
      return done;
    },

    async image(caller, name) {
      if (pictures === undefined) throw notFound("not found");
      return pictures.open(caller, name);
    },

    async forget(id) {
      for (const filter of [{ id }, { sender: id }])
        for await (const row of db.scan("bk_message", filter)) {
          await db.del("bk_message", keyOf(row));
          await dropImage(row);
          await changed(row["id"] as string);
        }
      for (const filter of [{ id }, { recipient: id }])
        for await (const row of db.scan("bk_sent", filter)) {
          const { id: sender, mtime, recipient } = row;
          await db.del("bk_sent", { id: sender, mtime, recipient });
          await dropImage(row);
        }
      await pictures?.forget(id);
      await changed(id);
    },
  };
}

const tokenOf = (clock: Clock): string => [...clock.randomBytes(16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
