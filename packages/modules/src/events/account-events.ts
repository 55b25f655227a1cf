// Events of accounts: what one account does that concerns another, told to whoever listens for that account, on any server.

import { type Clock, type Log, systemClock } from "@bk/core";

import { codeOf, invalid } from "../common/failures.js";
import { afterCommit } from "../contract/after-commit.js";
import type { ModuleDb, Row } from "../contract/database.js";

/** What happened: where, when, and what the receiver should know of it. */
export interface AccountEvent {
  /** The endpoint that caused it, such as `/message/add`. */
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  readonly [property: string]: unknown;
}

/** The row that an event tells of. Where its table has rules, the event is for those who read the row. */
export interface EventRow {
  readonly table: string;
  readonly key: Row;
  /** Properties of the event by the columns that they tell of; one is left out where a column of it is hidden. */
  readonly columns: Readonly<Record<string, string | readonly string[]>>;
}

/** An event as it is told: with an id that grows with time. */
export interface ToldEvent extends AccountEvent {
  readonly event_id: string;
  /** Not for whoever it is told to. */
  readonly _row?: EventRow;
}

/** What is used of a bus: a `PubSub` of @bk/queue has it. */
export interface BusLike {
  publish(channel: string, message: unknown): Promise<void>;
  /** `onMissed` is called when messages may have been missed: the connection was lost, and is back, or too many came at once. */
  subscribe(
    channel: string,
    handler: (message: unknown) => void,
    options: { readonly onMissed: () => void },
  ): Promise<{ close(): Promise<void> }>;
}

export interface AccountEvents {
  /**
   * Tells an account of an event, within `committed` when that has ended. It never fails: what was done is done, whether or not
   * somebody can be told of it; a bus or a database that is away is logged.
   *
   * @param row  the row that it tells of, if it tells of one
   */
  publish(id: string, event: AccountEvent, row?: EventRow): Promise<void>;
  /** Hands over every event of an account from now on; `onMissed` is called when some may have been missed, which `since` tells. */
  subscribe(id: string, handler: (event: ToldEvent) => void, onMissed?: () => void): Promise<{ close(): Promise<void> }>;
  /**
   * The events of an account that are kept and came after one, oldest first, at most `most`. Servers' clocks differ: those of the
   * two seconds before it come again.
   */
  since(id: string, eventId: string, most: number): Promise<readonly ToldEvent[]>;
  /** Removes what is kept for an account. */
  forget(id: string): Promise<void>;
}

export interface AccountEventsOptions {
  readonly bus: BusLike;
  readonly log: Log;
  readonly clock?: Clock;
  /** Keeps events in `bk_event`, for listeners that come back. Default: they are not kept. */
  readonly keep?: { readonly db: ModuleDb; readonly ms: number } | undefined;
}

/** How far clocks of servers may be apart. */
const skewMs = 2_000;
/** An account's old events are removed with every so many new ones of this server. */
const sweepEvery = 50;
const timeDigits = 9;

/** The channel of an account. Ids hold letters, digits, `_` and `-`; another one would name another channel. */
function channelOf(id: string): string {
  if (!/^[\w-]{1,100}$/.test(id)) throw invalid("an account's id holds letters, digits, _ and - alone", "id");
  return `bk.account.${id}`;
}

const timeText = (ms: number): string => Math.max(0, Math.floor(ms)).toString(36).padStart(timeDigits, "0");

/** Events over a bus. */
export function accountEvents({ bus, log, clock = systemClock, keep }: AccountEventsOptions): AccountEvents {
  const maker = [...clock.randomBytes(8)].map((byte) => byte.toString(36).padStart(2, "0")).join("");
  let count = 0;
  let isSweeping = false;

  async function store(id: string, { event_id, ...event }: ToldEvent): Promise<void> {
    if (keep !== undefined) await keep.db.put("bk_event", { account: id, id: event_id, event, gone: clock.now() + keep.ms });
  }

  /** One at a time: of many events in a moment none waits for more. */
  async function sweep(id: string): Promise<void> {
    if (keep === undefined || isSweeping) return;
    isSweeping = true;
    try {
      await keep.db.delAll("bk_event", { account: id, id: { $lt: timeText(clock.now() - keep.ms) } });
    } finally {
      isSweeping = false;
    }
  }

  async function tell(id: string, channel: string, event: AccountEvent, row: EventRow | undefined): Promise<void> {
    const failed = (what: string) => (error: unknown) => log.warn(what, { path: event.path, code: codeOf(error) });
    // The count keeps the order of events of one moment.
    const event_id = `${timeText(clock.now())}${(++count).toString(36).padStart(6, "0")}${maker}`;
    const told: ToldEvent = { ...event, event_id, ...(row === undefined ? {} : { _row: row }) };
    const sweeps = count % sweepEvery === 0;
    // Kept first: who begins to listen in between finds it there.
    await store(id, told).catch(failed("an event could not be kept"));
    await bus.publish(channel, told).catch(failed("an event could not be told"));
    if (sweeps) await sweep(id).catch(failed("old events could not be removed"));
  }

  return {
    async publish(id, event, row) {
      const channel = channelOf(id);
      await afterCommit(() => tell(id, channel, event, row));
    },

    subscribe: async (id, handler, onMissed = () => undefined) =>
      bus.subscribe(channelOf(id), (message) => handler(message as ToldEvent), { onMissed }),

    async since(id, eventId, most) {
      if (keep === undefined) return [];
      const from = Number.parseInt(eventId.slice(0, timeDigits), 36);
      if (!/^[0-9a-z]{15,60}$/.test(eventId) || Number.isNaN(from)) throw invalid("is no id of an event", "_since");
      const filter = { account: id, id: { $gt: timeText(from - skewMs) } };
      const { rows } = await keep.db.select("bk_event", filter, { sort: "id", count: most });
      return rows
        .filter((row) => row["id"] !== eventId)
        .map((row) => ({ ...(row["event"] as AccountEvent), event_id: row["id"] as string }));
    },

    async forget(id) {
      if (keep !== undefined) await keep.db.delAll("bk_event", { account: id });
    },
  };
}
