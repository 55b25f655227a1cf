// Work queues in a table of a database, over the calls of @bk/db: by conditional updates, and by SKIP LOCKED where there is such a thing.

import { errorCodes, type ErrorCode, integer, onAbort, type Outcome, readOptions, string } from "@bk/core";

import { atMost } from "../../common/at-most.js";
import { driverMissing, invalid, wrongOption } from "../../errors.js";
import type {
  NewMessage,
  QueueCapabilities,
  QueueDriver,
  QueueDriverOptions,
  Settlement,
  Submitted,
  Taken,
  TakeRequest,
} from "../../queue/driver.js";
import type { DbLike, QueueDb } from "./db-like.js";
import { type FastWay, fastWay } from "./fast-way.js";
import {
  countRows,
  type DbTaken,
  extendRows,
  listDead,
  type Place,
  purgeDead,
  removeRows,
  retryDead,
  settleRows,
  submitRows,
  takeRows,
} from "./messages.js";
import { queueTables } from "./tables.js";

const capabilities: QueueCapabilities = Object.freeze({
  durable: "broker",
  reach: "network",
  visibility: "timeout",
  delay: true,
  priorities: false,
  groups: false,
  dedupe: "pending",
  dead: true,
  stats: ["waiting", "delayed", "running", "dead"] as const,
  remove: true,
  purge: true,
  transactions: true,
  most: { submit: 1000, take: 500, settle: 500 },
});

const types = {
  pool: string(),
  pollMs: integer({ min: 1 }),
};

/** The shortest pause between two looks at an empty queue; each is twice as long as the one before, up to `pollMs`. */
const firstPollMs = 20;

/** How long a call of a database of our own may take, so that one that hangs keeps neither connections nor the process. */
const callMs = 30_000;
/** How long closing waits for such a call. */
const patienceMs = 2_000;

/** The driver on a database that the app has opened with `queueTables` among its tables. It stays open when the queue is closed. */
export function queueOnDb(db: DbLike, options: QueueDriverOptions): QueueDriver {
  const given = readOptions(options.options, types, wrongOption("db"));
  return driverOn(db as unknown as QueueDb, options, given.pool, given.pollMs ?? 1000, undefined);
}

/** `db:` before the URL of a database: it is opened with the table of queues alone, which is made. */
export async function dbQueue(options: QueueDriverOptions): Promise<QueueDriver> {
  const { pool, pollMs = 1000, ...rest } = options.options;
  const given = readOptions({ pollMs }, types, wrongOption("db"));
  if (pool !== undefined) throw wrongOption("db")("pool", 'option "pool" is for a database that was opened before');
  const url = options.url.slice("db:".length);
  if (url === "") throw invalid("db: needs the URL of a database behind it, such as db:postgres://127.0.0.1/app");
  const { openDb } = await import("@bk/db").catch((error: unknown) => {
    throw driverMissing("db", "@bk/db", error);
  });
  const db = await openDb({ url, options: rest, tables: queueTables, log: options.log, timeoutMs: callMs });
  return driverOn(db as unknown as QueueDb, options, undefined, given.pollMs!, db as unknown as QueueDb);
}

function driverOn(
  db: QueueDb,
  { queue, clock }: QueueDriverOptions,
  pool: string | undefined,
  pollMs: number,
  own: QueueDb | undefined,
): QueueDriver {
  const place: Place = {
    db,
    queue,
    pool,
    // Some databases know when they are connected.
    get seesAll() {
      return db.capabilities(pool).sees.index !== "late";
    },
  };
  const maker = [...clock.randomBytes(10)].map((byte) => byte.toString(36)).join("");
  const wakers = new Set<() => void>();
  let takes = 0;
  let fast: FastWay | "none" | undefined;
  let isMade = own === undefined;
  let preparing: Promise<void> | undefined;

  async function prepare(database: QueueDb): Promise<void> {
    await database.sync();
    // No transaction of an app is on a database of our own.
    fast = (await fastWay(place)) ?? "none";
    isMade = true;
  }

  async function submitNow(messages: readonly NewMessage[], signal: AbortSignal | undefined): Promise<readonly Submitted[]> {
    // One alone is sent by the database with others of its tick.
    const isFast = own !== undefined && messages.length > 1 && messages.every(({ dedupeKey }) => dedupeKey === undefined);
    if (!isFast || fast === undefined || fast === "none" || fast.submit === undefined)
      return submitRows(place, messages, clock.now(), signal);
    await fast.submit(place, messages, clock.now(), signal);
    return messages.map(({ id }) => ({ id, duplicate: false }));
  }

  async function takeNow({ count, visibilityMs }: TakeRequest): Promise<readonly Taken[]> {
    const owner = `${maker}-${(takes++).toString(36)}`;
    // Asked here and not before, since a submit may be in a transaction that the question would wait for.
    fast ??= (await fastWay(place)) ?? "none";
    const take = fast === "none" ? takeRows : fast.take;
    return take(place, count, visibilityMs, clock.now(), owner);
  }

  async function take(request: TakeRequest): Promise<readonly Taken[]> {
    const until = clock.now() + request.waitMs;
    for (let pauseMs = Math.min(firstPollMs, pollMs); ; pauseMs = Math.min(2 * pauseMs, pollMs)) {
      const taken = await takeNow(request);
      const leftMs = until - clock.now();
      if (taken.length > 0 || leftMs <= 0 || request.signal.aborted) return taken;
      await pause(Math.min(pauseMs, leftMs), request.signal);
      if (request.signal.aborted) return [];
    }
  }

  /** Waits; ends early when this process submits something, or the signal aborts. */
  function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const over = new AbortController();
      const end = (): void => {
        wakers.delete(end);
        stopListening();
        over.abort();
        resolve();
      };
      wakers.add(end);
      const stopListening = onAbort(signal, end);
      // It ends early when it is woken before.
      clock.sleep(ms, over.signal).then(end, () => undefined);
    });
  }

  async function settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    const now = clock.now();
    if (fast === undefined || fast === "none") return settleRows(place, settlements, now);
    const isDone = settlements.map(({ verdict }) => verdict.kind === "done");
    const done = settlements.filter((_each, at) => isDone[at]).map(({ taken }) => taken as DbTaken);
    const others = settlements.filter((_each, at) => !isDone[at]);
    const [gone, changed] = await Promise.all([
      done.length === 0 ? [] : fast.done(place, done),
      others.length === 0 ? [] : settleRows(place, others, now),
    ]);
    let nextDone = 0;
    let nextOther = 0;
    return isDone.map((each) => (each ? gone[nextDone++]! : changed[nextOther++]!));
  }

  return {
    name: "db",
    capabilities,
    ready: () => (isMade ? undefined : (preparing ??= prepare(db).finally(() => (preparing = undefined)))),
    async submit(messages, signal) {
      // What was given up ends here, so that it is not done long after.
      const replies = await submitNow(messages, signal);
      for (const wake of [...wakers].slice(0, messages.length)) wake();
      return replies;
    },
    take,
    extend: (taken, visibilityMs) => extendRows(place, taken as readonly DbTaken[], visibilityMs, clock.now()),
    settle,
    stats: () => countRows(place, clock.now()),
    purge: () => removeRows(place, () => true),
    remove: (ids) => removeRows(place, ({ message }) => ids.includes(message)),
    dead: {
      list: (count, start) => listDead(place, count, start),
      retry: (which) => retryDead(place, which, clock.now()),
      purge: (which) => purgeDead(place, which),
    },
    classify(error) {
      // An error of another copy of @bk/db: its code says what it means.
      const { code, outcome, message } = (error ?? {}) as { code?: unknown; outcome?: unknown; message?: unknown };
      if (typeof code !== "string" || !Object.hasOwn(errorCodes, code)) return undefined;
      return { code: code as ErrorCode, outcome: outcome as Outcome, message: String(message) };
    },
    async close() {
      for (const wake of wakers) wake();
      if (own !== undefined) await atMost(patienceMs, own.close());
    },
  };
}
