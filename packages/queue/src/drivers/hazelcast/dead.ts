// Dead messages, in a map of their own whose keys sort by their time.

import type { DeadMessage, Which } from "../../queue/driver.js";
import type { HazelcastPlace } from "./place.js";
import { type DeadRecord, deadMessageOf, type Json, type Record, recordOf } from "./record.js";

/** Messages of one step on many. */
const part = 200;

/** Keys after one, in order. */
function keysAfter({ dead, module: { Predicates } }: HazelcastPlace, start: string | undefined, count: number): Promise<string[]> {
  return dead.keySetWithPredicate(Predicates.paging(Predicates.greaterThan("__key", start ?? ""), count));
}

export async function listDead(
  place: HazelcastPlace,
  count: number,
  start: string | undefined,
): Promise<{ rows: DeadMessage[]; next?: string }> {
  const keys = await keysAfter(place, start, count + 1);
  const page = keys.slice(0, count);
  const there = new Map(page.length === 0 ? [] : await place.dead.getAll(page));
  const rows = page.flatMap((key) => {
    const json = there.get(key);
    return json === undefined || json === null ? [] : [deadMessageOf(json)];
  });
  return { rows, ...(keys.length > count ? { next: page.at(-1)! } : {}) };
}

async function eachOf(place: HazelcastPlace, which: Which, work: (key: string) => Promise<boolean>): Promise<number> {
  let count = 0;
  const all = async (keys: readonly string[]): Promise<void> => {
    count += (await Promise.all(keys.map(work))).filter(Boolean).length;
  };
  if (which !== "all") {
    const { Predicates } = place.module;
    for (let from = 0; from < which.length; from += part)
      await all(await place.dead.keySetWithPredicate(Predicates.inPredicate("id", ...which.slice(from, from + part))));
    return count;
  }
  // From one to the next, past those that stay.
  for (let start: string | undefined; ;) {
    const keys = await keysAfter(place, start, part);
    if (keys.length === 0) return count;
    await all(keys);
    start = keys.at(-1)!;
  }
}

export function retryDead(place: HazelcastPlace, which: Which, now: number): Promise<number> {
  return eachOf(place, which, async (deadKey) => {
    const json = (await place.dead.get(deadKey)) as Json | null;
    if (json === null) return false;
    const { id, key, body } = JSON.parse(json.toString()) as DeadRecord;
    const again: Record = { s: "d", due: now, m: key === id ? undefined : id, id, n: 0, body };
    const there = (await place.messages.putIfAbsent(key, place.jsonOf(again))) as Json | null;
    // One that is there itself was left by a call that ended in the middle.
    if (there !== null && recordOf(there).id !== id) return false;
    return (await place.dead.remove(deadKey)) !== null;
  });
}

export function purgeDead(place: HazelcastPlace, which: Which): Promise<number> {
  return eachOf(place, which, async (key) => (await place.dead.remove(key)) !== null);
}
