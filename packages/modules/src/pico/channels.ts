// Channels: packets that are kept until the client says that it has them. Each has the number after the one before: its row is added before the
// channel's counter moves on to it, so whoever reads up to the counter has missed none.

import { randomBytes } from "node:crypto";

import { BkError, type Clock } from "@bk/core";

import { hasCode } from "../common/failures.js";
import { afterCommit } from "../contract/after-commit.js";
import { hashOf } from "../common/tokens.js";
import type { ModuleDb, Row } from "../contract/database.js";
import type { Call } from "../contract/endpoint.js";
import { EventStream, type EventTaker, type StreamedEvent } from "../contract/event-stream.js";
import type { BusLike } from "../events/account-events.js";

/** A channel as its client knows it. */
export interface Channel {
  readonly id: string;
  /** The next call, or the one after it, shows it. */
  readonly pass: string;
}

export interface Channels {
  open(account: string): Promise<Channel>;
  /**
   * Checks `ID PASS`, and makes a new pass; the one that was shown counts once more.
   *
   * @throws BkError `denied`
   */
  enter(text: string, account: string): Promise<Channel>;
  /** Keeps a packet. @returns  it, with its number as `resId` */
  keep(id: string, packet: object): Promise<object>;
  ack(id: string, numbers: readonly number[]): Promise<void>;
  /** Packets that were not acknowledged, up to a number. */
  left(id: string, upTo: number): Promise<object[]>;
  /** The number of the last packet. */
  last(id: string): Promise<number>;
  /** Keeps a packet, and sends it to whoever streams the channel, on any server. */
  send(id: string, packet: object): Promise<object>;
  /** The packets of a channel as they come, after the number of the last one that was seen. */
  stream(text: string, after: number, call: Pick<Call, "caller" | "whenRefused">): Promise<EventStream>;
  /** Ends all streams. */
  end(): void;
}

const table = "bk_pico_channel";
const messages = "bk_pico_message";
/** Packets that a channel keeps; older ones are dropped. */
const mostKept = 1_000;

const random = (): string => randomBytes(16).toString("base64url");
const refused = (): BkError => new BkError("denied", "the channel is not known, or the pass is wrong");

export function picoChannels(db: ModuleDb, bus: BusLike, clock: Clock, keepMs: number): Channels {
  const streams = new Set<EventTaker>();
  let isOver = false;
  const gone = (): number => clock.now() + keepMs;

  async function find(text: string, account: string): Promise<{ readonly id: string; readonly row: Row }> {
    const [id = "", pass = ""] = text.split(" ");
    const row = await db.get(table, { id: id === "" ? "none" : id }, { consistent: true });
    const hash = hashOf(pass);
    if (row === undefined || row["account"] !== account || (row["pass_hash"] !== hash && row["old_hash"] !== hash)) throw refused();
    return { id, row };
  }

  /** The number up to which packets are there. */
  async function counterOf(id: string): Promise<number> {
    const row = await db.get(table, { id }, { consistent: true });
    if (row === undefined) throw new BkError("not-found", "there is no such channel");
    return Number(row["counter"]);
  }

  /** @param isSent  whether it goes to streams, and not into the reply of a request */
  async function keep(id: string, packet: object, isSent: boolean): Promise<object & { readonly resId: number }> {
    let resId = (await counterOf(id)) + 1;
    // A number that another packet has is one before the next.
    while (!(await added({ channel: id, res: resId, packet: { ...packet, resId }, sent: isSent, gone: gone() }))) resId++;
    // Whoever has an earlier number may not have come so far, or never will. A channel that was opened by an older server has no counter yet.
    const isBehind = { $or: [{ counter: { $lt: resId } }, { counter: null }] };
    await db.update(table, { id, counter: resId }, { where: isBehind });
    if (resId > mostKept) await db.del(messages, { channel: id, res: resId - mostKept });
    return { ...packet, resId };
  }

  async function added(row: Row): Promise<boolean> {
    try {
      await db.add(messages, row);
      return true;
    } catch (error) {
      if (!hasCode(error, "already-exists")) throw error;
      return false;
    }
  }

  /** The packets after a number that are not acknowledged, up to another one. */
  async function between(id: string, first: number, last: number, more: Row = {}): Promise<StreamedEvent[]> {
    const filter = { channel: id, res: { $gt: first, $le: last }, ...more };
    const { rows } = await db.select(messages, filter, { sort: "res", count: mostKept, consistent: true });
    return rows.map((row) => ({ id: String(row["res"]), data: row["packet"] as object }));
  }

  return {
    async open(account) {
      const [id, pass] = [random(), random()];
      await db.add(table, { id, account, pass_hash: hashOf(pass), counter: 0, gone: gone() });
      return { id, pass };
    },

    async enter(text, account) {
      const { id, row } = await find(text, account);
      const pass = random();
      const shown = hashOf(text.split(" ")[1]!);
      try {
        await db.update(
          table,
          { id, pass_hash: hashOf(pass), old_hash: shown, gone: gone() },
          { where: { pass_hash: row["pass_hash"] }, mustMatch: true },
        );
      } catch (error) {
        // Another call made a pass meanwhile; the one that was shown counts once more for this one.
        if (!hasCode(error, "condition-failed") && !hasCode(error, "not-found")) throw error;
        return { id, pass: text.split(" ")[1]! };
      }
      return { id, pass };
    },

    keep: (id, packet) => keep(id, packet, false),

    async ack(id, numbers) {
      for (const res of numbers) await db.del(messages, { channel: id, res });
    },

    left: async (id, upTo) => (await between(id, 0, upTo)).map(({ data }) => data),

    last: counterOf,

    async send(id, packet) {
      const kept = await keep(id, packet, true);
      await afterCommit(() => bus.publish(`bk.pico.${id}`, kept));
      return kept;
    },

    async stream(text, number, { caller, whenRefused }) {
      const { id } = await find(text, caller.id);
      /** The number of the last packet that was taken. */
      let seen = number;
      let begin!: () => void;
      /** Packets are told in any order, those that several servers send at once, or not at all; they are taken one after the other. */
      let taken = new Promise<void>((resolve) => (begin = resolve));
      async function takeUpTo(packet: { readonly resId: number }, taker: EventTaker): Promise<void> {
        const { resId } = packet;
        if (resId <= seen) return;
        if (resId > seen + 1) for (const event of await between(id, seen, resId - 1, { sent: true })) taker.take(event);
        seen = resId;
        taker.take({ id: String(resId), data: packet });
      }
      return EventStream.of({
        whenRefused,
        async listen(taker) {
          // The server stops: the client comes back, as those do that were there before.
          if (isOver) {
            taker.end();
            return () => undefined;
          }
          // It ends where something may be missing: the client comes back, and goes on where it was.
          const onMissed = (): void => taker.end();
          const subscription = await bus.subscribe(
            `bk.pico.${id}`,
            (packet) => void (taken = taken.then(() => takeUpTo(packet as { readonly resId: number }, taker)).catch(onMissed)),
            { onMissed },
          );
          streams.add(taker);
          return () => {
            streams.delete(taker);
            // A bus that is away has no subscription any more.
            subscription.close().catch(() => undefined);
          };
        },
        async missed() {
          const last = await counterOf(id);
          const events = await between(id, number, last);
          seen = Math.max(number, last);
          begin();
          return events;
        },
      });
    },

    end() {
      isOver = true;
      for (const taker of streams) taker.end();
    },
  };
}
