// Packets that several senders send at once: numbered one after the other, and taken in that order.
import { systemClock } from "@bk/core";
import { openDb } from "@bk/db";
import { describe, expect, it } from "vitest";

import { callsOf, type ModuleDb } from "../contract/database.js";
import type { BusLike } from "../events/account-events.js";
import { type Channels, picoChannels } from "./channels.js";
import { picoTables } from "./tables.js";

/** A bus that tells of what was published when it is told to. */
class HeldBus implements BusLike {
  readonly published: (() => void)[] = [];
  #handlers = new Set<(message: unknown) => void>();

  async publish(_channel: string, message: unknown): Promise<void> {
    this.published.push(() => {
      for (const handler of this.#handlers) handler(message);
    });
  }

  async subscribe(_channel: string, handler: (message: unknown) => void): Promise<{ close(): Promise<void> }> {
    this.#handlers.add(handler);
    return { close: async () => void this.#handlers.delete(handler) };
  }
}

const caller = { id: "", login: "", name: undefined, isAdmin: false, types: [] };

async function* events(channels: Channels, pass: string, after: number): AsyncGenerator<number> {
  const stream = await channels.stream(pass, after, { caller, whenRefused: () => () => undefined });
  const came: number[] = [];
  let isOver = false;
  let wake: () => void = () => undefined;
  stream.begin({
    event({ id }) {
      came.push(Number(id));
      wake();
    },
    beat: () => undefined,
    end() {
      isOver = true;
      wake();
    },
  });
  try {
    for (;;) {
      const next = came.shift();
      if (next !== undefined) yield next;
      else if (isOver) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    stream.cancel();
  }
}

async function take(from: AsyncGenerator<number>, count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) found.push((await from.next()).value as number);
  return found;
}

async function open(change: (db: ModuleDb) => ModuleDb = (db) => db) {
  const db = await openDb({ url: "memory:", tables: picoTables });
  await db.sync();
  const bus = new HeldBus();
  const calls = change(callsOf(db));
  const [one, other] = [picoChannels(calls, bus, systemClock, 60_000), picoChannels(calls, bus, systemClock, 60_000)];
  const { id, pass } = await one.open("");
  return { db: callsOf(db), bus, one, other, id, text: `${id} ${pass}`, [Symbol.asyncDispose]: () => db.close() };
}

describe("channels", () => {
  it("take packets in the order of their numbers, in whatever order they are told, and though one is not", async () => {
    await using on = await open();
    const stream = events(on.one, on.text, 0);
    await on.one.send(on.id, { n: 1 });
    expect(await take(stream, 1)).toEqual([1]);
    for (let n = 2; n <= 6; n++) await (n % 2 === 0 ? on.one : on.other).send(on.id, { n });
    const [one, two, three, four, five, six] = on.bus.published;
    for (const tell of [three!, one!, two!, four!, six!]) tell();
    expect(await take(stream, 5)).toEqual([2, 3, 4, 5, 6]);
    five!();
    await on.one.send(on.id, { n: 7 });
    on.bus.published.at(-1)!();
    expect(await take(stream, 1)).toEqual([7]);
    await stream.return(undefined);
  });

  it("let nobody read past a packet that is not there yet, so that who comes back misses none", async () => {
    let hold: Promise<void> | undefined;
    let reached!: () => void;
    const isHeld = new Promise<void>((resolve) => (reached = resolve));
    const holding = (db: ModuleDb): ModuleDb => {
      const updated = db.update.bind(db);
      const update: ModuleDb["update"] = async (table, row, options) => {
        const held = "counter" in row ? hold : undefined;
        hold = undefined;
        if (held !== undefined) reached();
        await held;
        return updated(table, row, options);
      };
      return Object.assign(db, { update });
    };
    await using on = await open(holding);
    let release!: () => void;
    hold = new Promise((resolve) => (release = resolve));
    const slow = on.one.send(on.id, { who: "slow" });
    await isHeld;
    // Its number is taken; the counter does not know of it.
    expect(await on.other.last(on.id)).toBe(0);
    expect(await on.other.send(on.id, { who: "quick" })).toEqual({ who: "quick", resId: 2 });
    expect(await take(events(on.other, on.text, 0), 2)).toEqual([1, 2]);
    release();
    expect(await slow).toEqual({ who: "slow", resId: 1 });
    expect(await on.one.last(on.id)).toBe(2);
    expect(await on.one.send(on.id, {})).toMatchObject({ resId: 3 });
  });

  it("give a number to each of many that are sent at once, which a client that comes back after each reads in turn", async () => {
    await using on = await open();
    const count = 40;
    const sending = Promise.all(
      Array.from({ length: count }, async (_, n) => {
        const sent = await (n % 2 === 0 ? on.one : on.other).send(on.id, { n });
        // Told in another order than they were numbered.
        for (const tell of on.bus.published.splice(0).reverse()) tell();
        return (sent as { readonly resId: number }).resId;
      }),
    );
    const read: number[] = [];
    while (read.length < count) {
      const stream = events(on.other, on.text, read.length);
      read.push(...(await take(stream, 1)));
      await stream.return(undefined);
    }
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    expect(read).toEqual(numbers);
    expect((await sending).toSorted((a, b) => a - b)).toEqual(numbers);
  });

  it("sends no packets to streams that went into replies, nor those that are acknowledged, and goes on with channels of older servers", async () => {
    await using on = await open();
    await on.db.update("bk_pico_channel", { id: on.id, counter: null });
    expect(await on.one.keep(on.id, { reply: 1 })).toMatchObject({ resId: 1 });
    await on.one.send(on.id, { n: 2 });
    const stream = events(on.one, on.text, 1);
    expect(await take(stream, 1)).toEqual([2]);
    await on.one.keep(on.id, { reply: 3 });
    for (const n of [4, 5]) await on.one.send(on.id, { n });
    await on.one.ack(on.id, [4]);
    on.bus.published.at(-1)!();
    expect(await take(stream, 1)).toEqual([5]);
    await stream.return(undefined);
    await expect(on.one.send("none", {})).rejects.toMatchObject({ code: "not-found" });
  });
});
