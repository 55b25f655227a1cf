import { type Clock, silentLog, systemClock } from "@bk/core";
import { expect, it } from "vitest";

import { type CallerDb, unruled } from "../contract/caller-db.js";
import type { Row } from "../contract/database.js";
import type { Caller } from "../contract/endpoint.js";
import type { ToldEvent } from "./account-events.js";
import { Receiver, rightsMs } from "./rights.js";

const caller = (...types: string[]): Caller => ({ id: "u", login: "u", name: undefined, isAdmin: false, types });
const columns = { text: "text", type: ["one", "two"] };
const event = (event_id: string, key?: string): ToldEvent => ({
  event_id,
  path: "/x",
  mtime: 1,
  text: "t",
  type: "one,two",
  ...(key === undefined ? {} : { _row: { table: "note", key: { id: key }, columns } }),
});

/** A table with rules: only editors read `hidden`, others not the column `two`. */
function listening(again: () => Promise<Caller | undefined>) {
  let now = 1_000;
  const clock: Clock = { ...systemClock, now: () => now };
  const rows: Record<string, Row> = { a: { text: "x", one: 1, two: 2 }, hidden: { text: "x", one: 1, two: 2 } };
  const dbFor = ({ types }: Caller): CallerDb => ({
    ...unruled(undefined as never)(caller()),
    isRuled: (table) => table === "note",
    async get(_table, key) {
      const { id } = key as { id: string };
      const row = id === "hidden" && !types.includes("editor") ? undefined : rows[id];
      if (id === "broken") throw new Error("away");
      return row === undefined || types.includes("editor") ? row : { text: row["text"], one: row["one"] };
    },
  });
  const told: ToldEvent[] = [];
  let ends = 0;
  const own = new Receiver({ caller: caller(), again }, (each) => told.push(each), { end: () => ends++ }, { dbFor, clock, log: silentLog });
  return { take: (each: ToldEvent) => own.take(each), idle: () => own.idle(), told, ends: () => ends, pass: (ms: number) => (now += ms) };
}

it("tells what is read of a row, without what is hidden of it, in the order in which it came", async () => {
  const { take, idle, told } = listening(() => Promise.resolve(caller()));
  for (const each of [event("1"), event("2", "a"), event("3", "hidden"), event("4", "gone"), event("5")]) take(each);
  await idle();
  const { type: _type, ...without } = event("2");
  expect(told).toEqual([event("1"), without, event("5")]);
});

it("looks the account up again when it is no more as it was for so long, and ends with its rights", async () => {
  let now: Caller | undefined = caller("editor");
  const { take, idle, told, ends, pass } = listening(() => Promise.resolve(now));
  take(event("1", "hidden"));
  await idle();
  expect(told).toEqual([]);
  pass(rightsMs);
  take(event("2", "hidden"));
  await idle();
  expect(told.map(({ event_id }) => event_id)).toEqual(["2"]);
  now = undefined;
  take(event("3"));
  expect([told.length, ends()]).toEqual([2, 0]);
  pass(rightsMs);
  take(event("4"));
  await idle();
  take(event("5"));
  expect([told.length, ends()]).toEqual([2, 1]);
});

it("ends where it cannot be found out what may be told, and where too much waits for it", async () => {
  const broken = listening(() => Promise.resolve(caller()));
  for (const each of [event("1", "broken"), event("2")]) broken.take(each);
  await broken.idle();
  expect([broken.told, broken.ends()]).toEqual([[], 1]);
  const many = listening(() => Promise.resolve(caller()));
  for (let i = 0; i < 1_001; i++) many.take(event(String(i), "a"));
  await many.idle();
  expect(many.ends()).toBe(1);
});
