// An outbox: messages are kept in a database, inside the transaction of the change that they belong to, and relayed to a broker afterwards.

import type { DbLike, QueueDb } from "../drivers/db/db-like.js";
import { checkName } from "../common/names.js";
import { invalid, QueueError } from "../errors.js";
import type { HandlerContext } from "./listen-options.js";
import type { Listener } from "./listener.js";
import { openQueue } from "./open-queue.js";
import type { Item, Queue, Receipt } from "./queue.js";
import type { MessageOptions } from "./submit-options.js";
import { TryLater } from "./verdict.js";

export interface OutboxOptions {
  /** Of a `Db` with several pools: the one that has the table of queues. */
  readonly pool?: string;
  /** Name of the outbox, of which one process at a time relays; default: that of the queue. */
  readonly name?: string;
  /** The longest pause between two looks at an empty outbox, in milliseconds; default 1,000. */
  readonly pollMs?: number;
}

/** A message in the outbox. */
interface Envelope {
  readonly message: unknown;
  readonly options: MessageOptions;
}

interface OutboxRow {
  readonly id: string;
  readonly body: string;
}

const part = 100;
/** How long a relay that is gone keeps its turn, in milliseconds. */
const turnMs = 10_000;

/**
 * Messages of one queue that go through a database. `submit` inside a transaction of it is kept or undone with the transaction.
 * What is kept is submitted to the queue at least once, in the order in which it was added; where order matters to consumers, by `groupKey`.
 */
export class Outbox<Message = unknown> implements AsyncDisposable {
  readonly #target: Queue<Message>;
  readonly #db: QueueDb;
  readonly #kept: Queue<Envelope>;
  /** Has one message for ever: who handles it relays. */
  readonly #turns: Queue<"relay">;
  readonly #options: OutboxOptions;
  readonly #name: string;
  readonly #relays = new Set<Listener>();

  /** @internal */
  constructor(target: Queue<Message>, db: QueueDb, kept: Queue<Envelope>, turns: Queue<"relay">, name: string, options: OutboxOptions) {
    this.#target = target;
    this.#db = db;
    this.#kept = kept;
    this.#turns = turns;
    this.#name = name;
    this.#options = options;
  }

  /** Adds a message, as a part of the caller's transaction where there is one. Its options are those of the queue's `submit`. */
  async submit(message: Message, options: MessageOptions = {}): Promise<Receipt> {
    const { delayMs, ...rest } = options;
    // A delay counts from now, however long the relay takes.
    const startTime = delayMs === undefined ? {} : { startTime: Date.now() + delayMs };
    return this.#kept.submit({ message, options: { ...rest, ...startTime } });
  }

  /**
   * Relays, until the outbox is closed. Any number of processes may call it: one of them relays, and another one takes over
   * when that is gone.
   */
  async relay(): Promise<void> {
    await this.#turns.submit("relay", { dedupeKey: "relay" });
    const listener = await this.#turns.listen((_message, context) => this.#relayUntil(context), {
      visibilityTimeoutMs: turnMs,
      maxAttempts: 0,
      closeTimeoutMs: 0,
      backoff: { delayMs: 1000, maxDelayMs: 1000 },
    });
    this.#relays.add(listener);
  }

  async #relayUntil({ signal }: HandlerContext): Promise<never> {
    const { pollMs = 1000 } = this.#options;
    for (let pauseMs = 20; !signal.aborted;) {
      const count = await this.#relayPart();
      pauseMs = count === 0 ? Math.min(2 * pauseMs, pollMs) : 20;
      if (count === 0) await pause(pauseMs, signal);
    }
    throw new TryLater(0);
  }

  /** Submits the oldest messages in their order, and removes them. What is between the two when the process ends is submitted again. */
  async #relayPart(): Promise<number> {
    const { pool } = this.#options;
    const queue = this.#name;
    const filter = { queue, due: { $ge: 0 } };
    const { rows } = (await this.#db.select("bk_queue", filter, { sort: "due", count: part, pool, consistent: true })) as {
      rows: readonly OutboxRow[];
    };
    if (rows.length === 0) return 0;
    const items = rows.map(({ body }): Item<Message> => {
      const { message, options } = JSON.parse(body) as { message: Message; options: MessageOptions };
      return { message, ...options };
    });
    await this.#target.submitMany(items);
    const results = await this.#db.bulk(
      rows.map(({ id }) => ({ op: "del", table: "bk_queue", key: { queue, id }, options: { where: { due: { $ge: 0 } } } })),
      { pool },
    );
    for (const result of results) if ("error" in result) throw result.error;
    return rows.length;
  }

  /** How many messages wait to be relayed. */
  async waiting(): Promise<number> {
    const { waiting = 0 } = await this.#kept.stats();
    return waiting;
  }

  /** Ends the relay, after what it is about. The queue and the database stay open. */
  async close(): Promise<void> {
    await Promise.all([...this.#relays].map((listener) => listener.close()));
    await Promise.all([this.#turns.close(), this.#kept.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}

/**
 * Opens the outbox of a queue in a database that was opened with `queueTables` among its tables.
 *
 * @throws QueueError `invalid` for a wrong option
 */
export async function openOutbox<Message>(queue: Queue<Message>, db: DbLike, options: OutboxOptions = {}): Promise<Outbox<Message>> {
  const { name = queue.name, pool, pollMs } = options;
  checkName(name, "the name of an outbox");
  if (pollMs !== undefined && (!Number.isSafeInteger(pollMs) || pollMs < 1)) throw invalid("openOutbox: pollMs must be an integer from 1");
  if (typeof (db as Partial<QueueDb> | undefined)?.bulk !== "function")
    throw new QueueError("invalid", "openOutbox needs a database of @bk/db");
  const settings = { ...(pool === undefined ? {} : { pool }), ...(pollMs === undefined ? {} : { pollMs }) };
  // What no queue is called: names begin with a letter or digit and have no "-outbox" by accident.
  const own = `${name}-outbox`;
  const kept = await openQueue<Envelope>({ db, name: own, options: settings });
  const turns = await openQueue<"relay">({ db, name: `${own}-turn`, options: settings });
  return new Outbox(queue, db as unknown as QueueDb, kept, turns, own, options);
}
