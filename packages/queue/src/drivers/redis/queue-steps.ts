// What is settled and renewed, as the arguments of the scripts: messages of one lease together.

import type { Settlement } from "../../queue/driver.js";
import { headText, type RedisTaken } from "./queue-message.js";

export interface Steps {
  readonly args: readonly (string | number)[];
  /** For each reply of the script, the place of its message among those that were given. */
  readonly places: readonly number[];
}

type ByLease = Map<string, { readonly numbers: number[]; readonly places: number[] }>;

function addTo(leases: ByLease, { lease, number }: RedisTaken, place: number): void {
  let own = leases.get(lease);
  if (own === undefined) leases.set(lease, (own = { numbers: [], places: [] }));
  own.numbers.push(number);
  own.places.push(place);
}

export function extendSteps(taken: readonly RedisTaken[]): Steps {
  const leases: ByLease = new Map();
  taken.forEach((each, place) => addTo(leases, each, place));
  const args: (string | number)[] = [];
  const places: number[] = [];
  for (const [lease, own] of leases) {
    args.push(lease, own.numbers.length, ...own.numbers);
    places.push(...own.places);
  }
  return { args, places };
}

export function settleSteps(settlements: readonly Settlement[]): Steps {
  const done: ByLease = new Map();
  const args: (string | number)[] = [];
  const places: number[] = [];
  settlements.forEach(({ taken: given, verdict }, place) => {
    const taken = given as RedisTaken;
    const { groupKey, dedupeKey } = taken;
    if (verdict.kind === "done" && groupKey === undefined && dedupeKey === undefined) return addTo(done, taken, place);
    const { id, lease, number, priority, headLength, attempt } = taken;
    places.push(place);
    const [group, dedupe] = [groupKey ?? "", dedupeKey ?? ""];
    if (verdict.kind === "done") return void args.push("D", lease, number, id, group, dedupe);
    const attempts = verdict.kind === "retry" && !verdict.counts ? attempt - 1 : attempt;
    const head = headText({ id, attempts, priority, groupKey, dedupeKey, isHead: verdict.kind === "retry" && groupKey !== undefined });
    if (verdict.kind === "retry") args.push("r", lease, number, verdict.delayMs, head, headLength, priority, group);
    else args.push("x", lease, number, id, group, dedupe, head, headLength, JSON.stringify(verdict.error));
  });
  for (const [lease, { numbers, places: own }] of done) {
    args.push("d", lease, numbers.length, ...numbers);
    places.push(...own);
  }
  return { args, places };
}
