// What accounts do with each other: counters, connections, messages.

import { expect } from "vitest";

import { type Actor, ask, type Part, peerOf, read, readAll, tells, type World } from "./actor.js";
import { Written } from "./outcomes.js";

export function counters(world: World): Part {
  return {
    weight: 2,
    async act(actor) {
      const [peer, isOwn] = [peerOf(world, actor), actor.random.chance(0.5)];
      const json = isOwn ? { ping: 2 } : { id: peer.id, ping: 1 };
      // Who adds too often to others is told to wait.
      const { reply, isKnown } = await ask(world, actor, "/counter/incr", { json }, [200, 429]);
      if (reply?.status === 429) return;
      (isOwn ? actor : peer).pings.add(isKnown, isOwn ? 2 : 1);
      if (!isOwn) tells(peer, `/counter/incr ping ${actor.id}`, isKnown);
    },
    async check(actor) {
      const { ping = 0 } = (await read(world, actor, "/counter/get")).body as { readonly ping?: number };
      expect(actor.pings.admits(ping), `ping of ${actor.login}: ${ping}, ${actor.pings.least} to ${actor.pings.most}`).toBe(true);
    },
  };
}

const verbs = ["add", "put", "del"] as const;

export function connections(world: World): Part {
  /** Who has made which connection, and its column. */
  const made = new Map<string, Written<string | undefined>>();
  const types = ["like", "follow"] as const;
  let count = 0;
  const stateOf = (actor: Actor, peer: Actor, type: string): Written<string | undefined> => {
    const key = `${actor.id} ${type} ${peer.id}`;
    if (!made.has(key)) made.set(key, new Written<string | undefined>(undefined));
    return made.get(key)!;
  };
  return {
    weight: 3,
    async act(actor) {
      const [peer, type, verb] = [peerOf(world, actor), actor.random.pick(types), actor.random.pick(verbs)];
      const state = stateOf(actor, peer, type);
      const status = `s${++count}`;
      const { reply, isKnown } = await ask(
        world,
        actor,
        `/connection/${verb}`,
        { json: { peer: peer.id, type, ...(verb === "del" ? {} : { status }) } },
        verb === "add" ? [200, 409] : [200],
      );
      if (reply?.status === 409) {
        expect(
          state.possible.some((each) => each !== undefined),
          "a connection that exists already",
        ).toBe(true);
        return;
      }
      // What is added to what was there was refused.
      if (verb === "add" && isKnown) expect(state.possible).toContain(undefined);
      state.write(verb === "del" ? undefined : status, isKnown);
      if (verb !== "del") tells(peer, `/connection/${verb} ${type} ${actor.id}`, isKnown);
    },
    async check(actor) {
      const rows = await readAll(world, actor, "/connection/select");
      for (const peer of world.actors)
        for (const type of types) {
          const there = rows.filter((row) => row["peer"] === peer.id && row["type"] === type);
          const status = there[0]?.["status"] as string | undefined;
          expect(stateOf(actor, peer, type).possible, `${type} of ${actor.login}`).toContain(status);
          // What its maker has, its peer sees; both were written at once.
          const json = { peer: actor.id, type };
          const [mirror] = await readAll(world, peer, "/reference/select", json);
          expect(mirror?.["status"], `${type} of ${actor.login} as its peer sees it`).toEqual(status);
        }
    },
  };
}

type Box = "none" | "inbox" | "read" | "archive" | "read archive";

interface Message {
  readonly text: string;
  readonly mtime: number | undefined;
  readonly from: Actor;
  /** Whether it was replied to. */
  readonly isSent: boolean;
  readonly state: Written<Box>;
}

export function messages(world: World): Part {
  const mail = new Map<Actor, Message[]>();
  const mailOf = (actor: Actor): Message[] => mail.get(actor) ?? mail.set(actor, []).get(actor)!;
  /** What accounts have sent, once the load is over. */
  const sent = new Map<Actor, readonly Readonly<Record<string, unknown>>[]>();
  /** Messages that two orders of one transaction have sent. */
  const pairs: (readonly [Actor, string])[][] = [];
  let count = 0;

  async function sendOne(actor: Actor): Promise<void> {
    const peers = [...new Set([peerOf(world, actor), peerOf(world, actor)])];
    const text = `message ${++count}`;
    const { reply, isKnown } = await ask(world, actor, "/message/add", { json: { id: peers.map(({ id }) => id), msg: text } });
    const results = (reply?.body ?? []) as { readonly id: string; readonly mtime?: number; readonly error?: string }[];
    expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
    for (const peer of peers) note(actor, peer, text, isKnown, results.find(({ id }) => id === peer.id)?.mtime);
  }

  /** Two messages by two orders of one transaction. */
  async function sendTwo(actor: Actor): Promise<void> {
    const [one, other] = [peerOf(world, actor), peerOf(world, actor)];
    const texts = [`message ${++count}`, `message ${++count}`] as const;
    const orders = [one, other].map(({ id }, i) => ({ api: "/message/add", reqId: i, data: { id, msg: texts[i] } }));
    const { reply, isKnown } = await ask(world, actor, "/pull", { json: { tx: true, orders } });
    const packets = (reply?.body ?? []) as { readonly status: number; readonly data: readonly { readonly mtime: number }[] }[];
    expect(packets.filter(({ status }) => status !== 200)).toEqual([]);
    [one, other].forEach((peer, i) => note(actor, peer, texts[i]!, isKnown, packets[i]?.data[0]?.mtime));
    pairs.push([
      [one, texts[0]],
      [other, texts[1]],
    ]);
  }

  function note(from: Actor, to: Actor, text: string, isKnown: boolean, mtime: number | undefined): void {
    const state = new Written<Box>("none");
    state.write("inbox", isKnown);
    mailOf(to).push({ text, mtime, from, isSent: isKnown, state });
    tells(to, `/message/add ${text}`, isKnown);
  }

  const moves: Readonly<Record<string, (from: Box) => Box>> = {
    "/message/read": () => "read",
    "/message/archive": (from) => (from === "read" ? "read archive" : "archive"),
    "/message/del": () => "none",
  };

  /** Does something to a message of which it is known where it is. */
  async function move(actor: Actor): Promise<void> {
    const inbox = mailOf(actor).filter(
      ({ mtime, state }) => mtime !== undefined && state.isKnown && ["inbox", "read"].includes(state.possible[0]!),
    );
    if (inbox.length === 0) return;
    const message = actor.random.pick(inbox);
    const path = actor.random.pick(Object.keys(moves));
    const { isKnown } = await ask(world, actor, path, { json: { sender: message.from.id, mtime: message.mtime } });
    message.state.write(moves[path]!(message.state.possible[0]!), isKnown);
  }

  return {
    weight: 6,
    async act(actor) {
      const what = actor.random.weighted({ one: 4, two: 1, move: 5 });
      await { one: sendOne, two: sendTwo, move }[what](actor);
    },

    async check(actor) {
      const boxes = {
        inbox: await readAll(world, actor, "/message/get"),
        archive: await readAll(world, actor, "/message/get/archive"),
      };
      const told = new Set([...actor.subscriber.seen.values()].map(({ msg }) => msg));
      for (const { text, from, isSent, state } of mailOf(actor)) {
        const found = (["inbox", "archive"] as const).flatMap((box) =>
          boxes[box]
            .filter(({ msg }) => msg === text)
            .map(({ read: mark }): Box => (box === "inbox" ? (mark === 1 ? "read" : "inbox") : mark === 1 ? "read archive" : "archive")),
        );
        expect(found.length, `${text} is in one place`).toBeLessThan(2);
        expect(state.possible, text).toContain(found[0] ?? "none");
        const copies = (await sentBy(from)).filter((row) => row["msg"] === text && row["recipient"] === actor.id).length;
        // Both were written at once; one that was removed since leaves its copy to whoever has sent it.
        expect(copies, `copies of ${text}`).toBe(isSent ? 1 : found.length);
        // Nobody is told of what is not there.
        if (told.has(text)) expect(copies, `${text}, which was told`).toBe(1);
      }
      const unread = boxes.inbox.filter((row) => row["read"] !== 1).length;
      // The number is kept in the cache until the next change, which was not told to it by whoever was killed.
      await read(world, actor, "/message/read", { json: { mtime: 1 } });
      expect((await read(world, actor, "/message/get/unread")).body).toEqual({ count: unread });
    },

    async checkAll() {
      for (const pair of pairs) {
        const arrived = await Promise.all(pair.map(async ([to, text]) => (await copiesOf(text, to)) > 0));
        expect(arrived[0], "two orders of one transaction").toBe(arrived[1]);
      }
    },
  };

  async function sentBy(actor: Actor): Promise<readonly Readonly<Record<string, unknown>>[]> {
    let rows = sent.get(actor);
    if (rows === undefined) sent.set(actor, (rows = await readAll(world, actor, "/message/get/sent")));
    return rows;
  }
  async function copiesOf(text: string, to: Actor): Promise<number> {
    const from = mailOf(to).find((message) => message.text === text)!.from;
    return (await sentBy(from)).filter((row) => row["msg"] === text && row["recipient"] === to.id).length;
  }
}
