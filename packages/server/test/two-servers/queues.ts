// pushcart and pico: messages by their numbers, and channels that lose no reply.

import { expect } from "vitest";

import { type Actor, ask, type Part, type World } from "./actor.js";
import { Tally } from "./outcomes.js";
import type { Random } from "../../../db/test/model/random.js";

export interface PushcartTokens {
  readonly app: string;
  readonly client: string;
}

interface PushMessage {
  readonly _id: string;
  readonly text: string;
}

export interface Pushcart extends Part {
  /** Reads what comes while others write, until `end`; then to the last one. */
  read(random: Random): Promise<void>;
  end(): void;
}

export function pushcart(world: World, { app, client }: PushcartTokens): Pushcart {
  /** Whether each was replied to. */
  const sent = new Map<string, boolean>();
  const seen: PushMessage[] = [];
  let count = 0;
  let isOver = false;
  return {
    weight: 2,
    async act(actor) {
      const text = `push ${++count} of ${actor.login}`;
      const asked = { json: { text }, headers: { "x-app-token": app } };
      const reply = await world.servers.ask(actor.random, "/messages", asked);
      if (reply !== undefined) expect(reply.status).toBe(201);
      sent.set(text, reply !== undefined);
    },

    async read(random) {
      for (;;) {
        const isLast = isOver;
        const last = seen.at(-1)?._id ?? "0".repeat(24);
        const reply = await world.servers.ask(random, `/messages?since=${last}&limit=20`, { headers: { "x-client-token": client } });
        if (reply === undefined) continue;
        expect(reply.status).toBe(200);
        const page = reply.body as readonly PushMessage[];
        seen.push(...page);
        if (isLast && page.length === 0) return;
        // Nothing is waited for: it leaves a turn to the others.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    end: () => void (isOver = true),

    check: () => Promise.resolve(),
    checkAll() {
      // Whoever reads while two servers write, and one of them is killed, gets every number once, in order.
      expect(seen.map(({ _id }) => Number.parseInt(_id, 16))).toEqual(seen.map((_, i) => i + 1));
      const texts = seen.map(({ text }) => text);
      expect(new Set(texts).size).toBe(texts.length);
      expect(texts.filter((text) => !sent.has(text))).toEqual([]);
      expect([...sent].filter(([text, isKnown]) => isKnown && !texts.includes(text))).toEqual([]);
      return Promise.resolve();
    },
  };
}

interface Packet {
  readonly reqId: number;
  readonly resId: number;
  readonly status: number;
}

/** A channel as its account knows it. */
interface Channel {
  /** Id and pass; undefined before it was opened. */
  text: string | undefined;
  /** Packets that have arrived and were not acknowledged. */
  unacknowledged: number[];
  /** By the number of their order, what they were numbered as. */
  readonly packets: Map<number, Set<number>>;
  /** Orders, and whether they were replied to. */
  readonly orders: Map<number, boolean>;
}

export function pico(world: World): Part {
  const channels = new Map<Actor, Channel>();
  const channelOf = (actor: Actor): Channel => {
    let channel = channels.get(actor);
    if (channel === undefined)
      channels.set(actor, (channel = { text: undefined, unacknowledged: [], packets: new Map(), orders: new Map() }));
    return channel;
  };
  let count = 0;

  async function call(actor: Actor, orders: readonly { readonly reqId: number }[]): Promise<boolean> {
    const channel = channelOf(actor);
    const acks = channel.unacknowledged;
    const json = { orders, acks, ...(channel.text === undefined ? {} : { channel: channel.text }) };
    const { reply, isKnown } = await ask(world, actor, "/channel", { json });
    for (const { reqId } of orders) channel.orders.set(reqId, isKnown);
    if (reply === undefined) return false;
    const [[text], ...packets] = reply.body as [[string], ...Packet[]];
    channel.text = text;
    channel.unacknowledged = packets.map(({ resId }) => resId);
    for (const { reqId, resId, status } of packets) {
      expect(status).toBe(200);
      channel.packets.set(reqId, (channel.packets.get(reqId) ?? new Set()).add(resId));
    }
    return true;
  }

  return {
    weight: 2,
    async act(actor) {
      const orders = [1, 2].map(() => ({ api: "/counter/incr", reqId: ++count, data: { ping: 1 } }));
      const opened = channelOf(actor).text;
      const isKnown = await call(actor, orders);
      for (const _order of orders) actor.pings.add(isKnown);
      // Nobody knows the channel that was opened without a reply, nor what is in it.
      if (!isKnown && opened === undefined) for (const { reqId } of orders) channelOf(actor).orders.delete(reqId);
    },
    async check(actor) {
      const channel = channelOf(actor);
      if (channel.text === undefined) return;
      // What was lost with its reply comes with the next one; what was acknowledged does not come again.
      await call(actor, []);
      const last = [...channel.packets.values()].map((numbers) => [...numbers]);
      await call(actor, []);
      expect([...channel.packets.values()].map((numbers) => [...numbers])).toEqual(last);
      expect(channel.unacknowledged).toEqual([]);
      for (const [reqId, isKnown] of channel.orders) {
        const numbers = channel.packets.get(reqId) ?? new Set();
        const times = new Tally();
        times.add(isKnown);
        expect(times.admits(numbers.size), `packets of order ${reqId}`).toBe(true);
      }
    },
  };
}
