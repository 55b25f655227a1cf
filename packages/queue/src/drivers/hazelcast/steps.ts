// Submitting, counting and taking back: what is not one message's way through the queue.

import type { NewMessage, Submitted } from "../../queue/driver.js";
import type { HazelcastPlace } from "./place.js";
import { hintOf, type Json, keyOf, newRecord, partsOf, type Record, recordOf } from "./record.js";

/** Messages of one step on many. */
const part = 500;

interface New {
  readonly key: string;
  readonly json: Json;
  readonly record: Record;
}

export async function submitRecords(place: HazelcastPlace, messages: readonly NewMessage[], now: number): Promise<Submitted[]> {
  const all = messages.map((message): New => {
    const record = newRecord(message, now);
    return { key: keyOf(message), json: place.jsonOf(record), record };
  });
  // Requests of one connection for one key are carried out in their order.
  const single = all.filter(({ record }) => record.m === undefined);
  const [, ...replies] = await Promise.all([
    addAll(place, single),
    ...all.map((each) => (each.record.m === undefined ? undefined : addOne(place, each))),
  ]);
  const hints = all.flatMap(({ key, record }, at) => (record.s === "w" && replies[at] === undefined ? [hintOf(key, now)] : []));
  // The message lies there by now: a hint that is lost is made up for by whoever looks.
  if (hints.length === 1) await place.hints.offer(hints[0]!);
  else if (hints.length > 1) await place.hints.addAll(hints);
  return all.map(({ record }, at): Submitted => ({ id: replies[at] ?? record.id, duplicate: replies[at] !== undefined }));
}

async function addAll({ messages }: HazelcastPlace, all: readonly New[]): Promise<undefined> {
  if (all.length === 1) await messages.set(all[0]!.key, all[0]!.json);
  else if (all.length > 1) await messages.setAll(all.map(({ key, json }) => [key, json]));
}

/** @returns the id of the equal one that is pending */
async function addOne(place: HazelcastPlace, { key, json }: New): Promise<string | undefined> {
  for (;;) {
    const there = (await place.messages.putIfAbsent(key, json)) as Json | null;
    if (there === null) return undefined;
    const equal = recordOf(there);
    if (equal.s !== "x") return equal.id;
    // It has ended, and its key is free when it has been moved.
    await place.bury(key, there, equal);
  }
}

export async function countRecords(
  { messages, dead, module }: HazelcastPlace,
  now: number,
): Promise<{ waiting: number; delayed: number; running: number; dead: number }> {
  const { Aggregators, Predicates } = module;
  const count = async (isDue: boolean, ...states: Record["s"][]): Promise<number> => {
    const when = isDue ? Predicates.lessEqual("due", now) : Predicates.greaterThan("due", now);
    return Number(await messages.aggregateWithPredicate(Aggregators.count(), Predicates.and(Predicates.inPredicate("s", ...states), when)));
  };
  // What is pending is in the map all the time, whatever it becomes between two of these: it is never in none of them. One that dies runs until
  // it is with the dead, unless its consumer has ended in the middle.
  const [all, delayed, running, left, buried] = await Promise.all([
    messages.size(),
    count(false, "d"),
    count(false, "r", "x"),
    count(true, "x"),
    dead.size(),
  ]);
  return { waiting: Math.max(0, all - delayed - running - left), delayed, running, dead: buried + left };
}

/** Removes those of these messages that wait or are delayed. */
async function removeAll(
  { messages }: HazelcastPlace,
  keys: readonly string[],
): Promise<{ readonly key: string; readonly hint: number | undefined }[]> {
  const there = await messages.getAll([...keys]);
  const removed = await Promise.all(
    there.map(async ([key, json]) => {
      const record = recordOf(json);
      const isMeant = record.s === "w" || record.s === "d";
      return isMeant && (await messages.remove(key, json)) === true ? [{ key, hint: record.hint }] : [];
    }),
  );
  return removed.flat();
}

export async function purgeWaiting(place: HazelcastPlace): Promise<number> {
  const { Predicates } = place.module;
  let count = 0;
  // The hints go too, or they would pile up where nobody consumes. What comes in meanwhile does not keep it going.
  for (let left = await place.hints.size(); left > 0; left -= part) {
    const hints: string[] = [];
    if ((await place.hints.drainTo(hints, Math.min(part, left))) === 0) break;
    count += (await removeAll(place, [...new Set(hints.map((hint) => partsOf(hint).key))])).length;
  }
  const keys = await place.messages.keySetWithPredicate(Predicates.inPredicate("s", "w", "d"));
  for (let from = 0; from < keys.length; from += part) count += (await removeAll(place, keys.slice(from, from + part))).length;
  return count;
}

export async function removeWaiting(place: HazelcastPlace, ids: readonly string[]): Promise<number> {
  const { Predicates } = place.module;
  const others = await place.messages.keySetWithPredicate(Predicates.inPredicate("m", ...ids));
  const removed = await removeAll(place, [...new Set([...ids, ...others])]);
  const hints = removed.flatMap(({ key, hint }) => (hint === undefined ? [] : [hintOf(key, hint)]));
  await Promise.all(hints.map((hint) => place.hints.remove(hint)));
  return removed.length;
}
