// Who makes the load, and what a module is asked for and must show afterwards.

import { expect } from "vitest";

import { Tally } from "./outcomes.js";
import type { Random } from "../../../db/test/model/random.js";
import type { Asked, Login, Reply, Servers } from "./servers.js";
import type { SeenEvent, Subscriber } from "./subscriber.js";

/** An account that does one thing after the other, on whichever server. */
export interface Actor extends Login {
  readonly id: string;
  readonly random: Random;
  readonly subscriber: Subscriber;
  /** Events that it must be told of, by `keyOf`. */
  readonly told: Map<string, Tally>;
  /** What was added to its counter `ping`. */
  readonly pings: Tally;
}

/** A module under load. */
export interface Part {
  /** How often it has its turn. */
  readonly weight: number;
  /** Asks for something. */
  act(actor: Actor): Promise<void>;
  /** Whether everything that was replied to is there, and nothing by halves. */
  check(actor: Actor): Promise<void>;
  /** The same for what is nobody's alone. */
  checkAll?(): Promise<void>;
}

export interface World {
  readonly servers: Servers;
  readonly actors: readonly Actor[];
}

/** What became of a request: `undefined` as a reply when its server was killed. */
export interface Outcome {
  readonly reply: Reply | undefined;
  readonly isKnown: boolean;
}

/** Asks as an account. Whoever is not killed replies what is expected. */
export async function ask(
  { servers }: World,
  by: Login & { readonly random: Random },
  path: string,
  asked: Omit<Asked, "by"> = {},
  statuses: readonly number[] = [200],
): Promise<Outcome> {
  const reply = await servers.ask(by.random, path, { by, ...asked });
  if (reply !== undefined && !statuses.includes(reply.status))
    throw new Error(`${path} was answered with ${reply.status}: ${reply.bytes.toString().slice(0, 500)}`);
  return { reply, isKnown: reply !== undefined };
}

/** Asks when the load is over. */
export async function read(world: World, by: Actor, path: string, asked: Omit<Asked, "by"> = {}): Promise<Reply> {
  const { reply } = await ask(world, by, path, asked);
  return reply!;
}

type Rows = readonly Readonly<Record<string, unknown>>[];

/** All rows of a list that comes in pages. */
export async function readAll(world: World, by: Actor, path: string, asked: Readonly<Record<string, unknown>> = {}): Promise<Rows> {
  const rows: Rows[number][] = [];
  for (let next = ""; ;) {
    const json = { ...asked, _count: 100, ...(next === "" ? {} : { _start: next }) };
    const page = (await read(world, by, path, { json })).body as { readonly data: Rows; readonly next_token: string };
    rows.push(...page.data);
    next = page.next_token;
    if (next === "") return rows;
  }
}

export function peerOf({ actors }: World, actor: Actor): Actor {
  return actor.random.pick(actors.filter((each) => each !== actor));
}

/** Notes that an account is told of something, if it was done. */
export function tells(actor: Actor, key: string, isKnown: boolean): void {
  let tally = actor.told.get(key);
  if (tally === undefined) actor.told.set(key, (tally = new Tally()));
  tally.add(isKnown);
}

/** What is the same of an event and of what has caused it; undefined where it depends on the moment whether somebody is told. */
export function keyOf({ path, type, id, msg }: SeenEvent): string | undefined {
  if (path === "/status/put") return undefined;
  return path === "/message/add" ? `${path} ${String(msg)}` : `${path} ${String(type)} ${String(id)}`;
}

/** Events by their key, as often as each was seen. */
function seenBy({ subscriber }: Actor): Map<string, number> {
  const counts = new Map<string, number>();
  for (const event of subscriber.seen.values()) {
    const key = keyOf(event);
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** Waits for the events of everything that was replied to, then compares: none is missing, none came twice, none was made up. */
export async function checkEvents(actor: Actor): Promise<void> {
  const missing = (): string[] => {
    const seen = seenBy(actor);
    return [...actor.told].filter(([key, tally]) => (seen.get(key) ?? 0) < tally.least).map(([key]) => key);
  };
  expect(actor.subscriber.failure).toBeUndefined();
  await expect.poll(missing, { timeout: 20_000, message: `events of ${actor.login}` }).toEqual([]);
  const wrong = [...seenBy(actor)].filter(([key, count]) => actor.told.get(key)?.admits(count) !== true);
  expect(wrong, `events of ${actor.login}`).toEqual([]);
  expect(actor.subscriber.doubled, `events that one connection of ${actor.login} gave twice`).toEqual([]);
}
