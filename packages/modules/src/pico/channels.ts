// Channels: packets that are kept until the client says that it has them.

import { randomBytes } from "node:crypto";

import { BkError, type Clock } from "@bk/core";

import { hasCode } from "../common/failures.js";
import { hashOf } from "../common/tokens.js";
import type { ModuleDb, Row } from "../contract/database.js";
import type { Call } from "../contract/endpoint.js";
import type { BusLike } from "../events/account-events.js";
import { eventStream, type StreamedEvent } from "../events/stream.js";

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
  stream(text: string, after: number, call: Pick<Call, "caller" | "signal" | "whenRefused">): Promise<Response>;
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
  const streams = new Set<() => void>();
  let isOver = false;
  const gone = (): number => clock.now() + keepMs;

  async function find(text: string, account: string): Promise<{ readonly id: string; readonly row: Row }> {
    const [id = "", pass = ""] = text.split(" ");
    const row = await db.get(table, { id: id === "" ? "none" : id }, { consistent: true });
    const hash = hashOf(pass);
    if (row === undefined || row["account"] !== account || (row["pass_hash"] !== hash && row["old_hash"] !== hash)) throw refused();
    return { id, row };
  }

  async function keep(id: string, packet: object): Promise<object & { readonly resId: number }> {
    const { row } = await db.incr(table, { id, counter: 1 }, { returning: "new", mustMatch: true });
    const res = Number(row!["counter"]);
    const kept = { ...packet, resId: res };
    await db.put(messages, { channel: id, res, packet: kept, gone: gone() });
    if (res > mostKept) await db.del(messages, { channel: id, res: res - mostKept });
    return kept;
  }

  async function after(id: string, number: number): Promise<StreamedEvent[]> {
    const { rows } = await db.select(messages, { channel: id, res: { $gt: number } }, { sort: "res", count: mostKept });
    return rows.map((row) => ({ id: String(row["res"]), data: row["packet"] as object }));
  }

  return {
    async open(account) {
      const [id, pass] = [random(), random()];
      await db.add(table, { id, account, pass_hash: hashOf(pass), gone: gone() });
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

    keep,

    async ack(id, numbers) {
      for (const res of numbers) await db.del(messages, { channel: id, res });
    },

    async left(id, upTo) {
      return (await after(id, 0)).filter(({ id: res }) => Number(res) <= upTo).map(({ data }) => data);
    },

    last: async (id) => Number((await db.get(table, { id }))?.["counter"] ?? 0),

    async send(id, packet) {
      const kept = await keep(id, packet);
      await bus.publish(`bk.pico.${id}`, kept);
      return kept;
    },

    async stream(text, number, call) {
      if (isOver) throw new BkError("closed", "the server stops");
      const { id } = await find(text, call.caller.id);
      return eventStream({
        call,
        async listen(take, end) {
          const subscription = await bus.subscribe(`bk.pico.${id}`, (packet) =>
            take({ id: String((packet as { readonly resId: number }).resId), data: packet as object }),
          );
          streams.add(end);
          return () => {
            streams.delete(end);
            // A bus that is away has no subscription any more.
            subscription.close().catch(() => undefined);
          };
        },
        missed: () => after(id, number),
      });
    },

    end() {
      isOver = true;
      for (const end of streams) end();
    },
  };
}
