// The messages of one queue in memory: which wait, are delayed, run and are dead. No I/O and no timers: the time is told.

import type { DeadMessage, NewMessage, Settlement, StatName, Submitted, Taken, TakeRequest, Which } from "../../queue/driver.js";
import { Fifo } from "../../common/fifo.js";
import { Heap } from "./heap.js";

type State = "waiting" | "delayed" | "running" | "gone";

interface Entry extends Pick<NewMessage, "id" | "priority" | "groupKey" | "dedupeKey"> {
  body: string;
  state: State;
  /** Deliveries that count. */
  attempts: number;
  /** It is the one of its group that may be taken or runs. */
  isHead: boolean;
  /** When it may be taken, if it is delayed; when it comes back by itself, if it runs. */
  due: number;
  /** The delivery that runs. */
  taken: Taken | undefined;
}

/** When a delayed entry is due; nothing when it is gone by then. */
interface Alarm {
  readonly at: number;
  readonly entry: Entry;
  readonly order: number;
}

const priorities = 10;

export class MessageStore {
  readonly #entries = new Map<string, Entry>();
  /** Those that may be taken, by priority. Removed ones stay in line as `gone`. */
  readonly #ready: readonly Fifo<Entry>[] = Array.from({ length: priorities }, () => new Fifo<Entry>());
  /** Those that wait behind the head of their group. A group is here while it has a head. */
  readonly #groups = new Map<string, Fifo<Entry>>();
  readonly #pending = new Map<string, string>();
  readonly #running = new Set<Entry>();
  /** No running entry is due before. */
  #runningDue = Infinity;
  readonly #alarms = new Heap<Alarm>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  readonly #dead = new Map<string, DeadMessage & Pick<Entry, "priority" | "groupKey" | "dedupeKey">>();
  readonly #counts = { waiting: 0, delayed: 0, running: 0 };
  /** Entries in `#ready` that are not gone. */
  #takable = 0;
  #order = 0;

  submit(message: NewMessage, now: number): Submitted {
    const { id, body, priority, groupKey, dedupeKey, delayMs } = message;
    const equal = dedupeKey === undefined ? undefined : this.#pending.get(dedupeKey);
    if (equal !== undefined) return { id: equal, duplicate: true };
    this.#add(
      { id, body, priority, groupKey, dedupeKey, state: "gone", attempts: 0, isHead: false, due: 0, taken: undefined },
      now,
      delayMs,
    );
    return { id, duplicate: false };
  }

  #add(entry: Entry, now: number, delayMs: number): void {
    this.#entries.set(entry.id, entry);
    if (entry.dedupeKey !== undefined) this.#pending.set(entry.dedupeKey, entry.id);
    if (delayMs > 0) this.#delay(entry, now + delayMs);
    else this.#enter(entry);
  }

  /** Whether something can be taken. */
  get canTake(): boolean {
    return this.#takable > 0;
  }

  /** When something changes by itself; undefined: never. */
  nextAt(): number | undefined {
    const next = Math.min(this.#alarms.first?.at ?? Infinity, this.#runningDue);
    return next === Infinity ? undefined : next;
  }

  /** Lets in what is due: delayed messages, and those whose consumer is gone. */
  wake(now: number): void {
    for (let first = this.#alarms.first; first !== undefined && first.at <= now; first = this.#alarms.first) {
      const { entry, at } = this.#alarms.pop()!;
      if (entry.state === "delayed" && entry.due === at) this.#enter(entry);
    }
    if (this.#runningDue > now) return;
    this.#runningDue = Infinity;
    for (const entry of this.#running) {
      if (entry.due <= now) this.#comeBack(entry);
      else this.#runningDue = Math.min(this.#runningDue, entry.due);
    }
  }

  take({ count, visibilityMs }: TakeRequest, now: number): Taken[] {
    const taken: Taken[] = [];
    for (let level = priorities - 1; level >= 0 && taken.length < count && this.#takable > 0; level--) {
      const line = this.#ready[level]!;
      for (let entry = line.shift(); entry !== undefined; entry = line.shift()) {
        if (entry.state !== "waiting") continue;
        this.#takable--;
        entry.taken = { id: entry.id, body: entry.body, attempt: ++entry.attempts, groupKey: entry.groupKey };
        this.#setState(entry, "running");
        this.#hold(entry, now + visibilityMs);
        taken.push(entry.taken);
        if (taken.length === count) break;
      }
    }
    return taken;
  }

  extend(taken: Taken, visibilityMs: number, now: number): boolean {
    const entry = this.#heldBy(taken, now);
    if (entry === undefined) return false;
    this.#hold(entry, now + visibilityMs);
    return true;
  }

  settle({ taken, verdict }: Settlement, now: number): boolean {
    const entry = this.#heldBy(taken, now);
    if (entry === undefined) return false;
    entry.taken = undefined;
    if (verdict.kind === "retry") {
      if (!verdict.counts) entry.attempts--;
      if (verdict.delayMs > 0) this.#delay(entry, now + verdict.delayMs);
      else this.#enter(entry);
      return true;
    }
    if (verdict.kind === "dead") {
      const { id, body, attempts, priority, groupKey, dedupeKey } = entry;
      this.#dead.set(id, { id, body, attempts, error: verdict.error, lastTime: now, priority, groupKey, dedupeKey });
    }
    this.#forget(entry);
    return true;
  }

  #heldBy(taken: Taken, now: number): Entry | undefined {
    const entry = this.#entries.get(taken.id);
    return entry?.taken === taken && entry.due > now ? entry : undefined;
  }

  /** Removes those that wait or are delayed. */
  remove(ids: Iterable<string>): number {
    let count = 0;
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry?.state !== "waiting" && entry?.state !== "delayed") continue;
      this.#forget(entry);
      count++;
    }
    return count;
  }

  purge(): number {
    // Groups move on to their next one when their head is removed: from the end, so that there is none.
    const count = this.remove([...this.#entries.keys()].reverse());
    for (const line of this.#ready) line.clear();
    this.#alarms.clear();
    return count;
  }

  stats(): { readonly [name in StatName]: number } {
    return { ...this.#counts, dead: this.#dead.size };
  }

  listDead(count: number, start: string | undefined): { rows: DeadMessage[]; next?: string } {
    const rows: DeadMessage[] = [];
    let isPast = start === undefined;
    for (const { id, body, error, attempts, lastTime } of this.#dead.values()) {
      if (isPast && rows.length === count) return { rows, next: rows.at(-1)!.id };
      if (isPast) rows.push({ id, body, error, attempts, lastTime });
      else isPast = id === start;
    }
    return { rows };
  }

  retryDead(which: Which, now: number): number {
    let count = 0;
    for (const id of which === "all" ? [...this.#dead.keys()] : which) {
      const dead = this.#dead.get(id);
      if (dead === undefined || (dead.dedupeKey !== undefined && this.#pending.has(dead.dedupeKey))) continue;
      const { body, priority, groupKey, dedupeKey } = dead;
      this.#dead.delete(id);
      this.#add({ id, body, priority, groupKey, dedupeKey, state: "gone", attempts: 0, isHead: false, due: 0, taken: undefined }, now, 0);
      count++;
    }
    return count;
  }

  purgeDead(which: Which): number {
    const before = this.#dead.size;
    if (which === "all") this.#dead.clear();
    else for (const id of which) this.#dead.delete(id);
    return before - this.#dead.size;
  }

  /** Lets a message wait: in line to be taken, or behind the head of its group. */
  #enter(entry: Entry): void {
    this.#setState(entry, "waiting");
    const { groupKey } = entry;
    if (groupKey === undefined || entry.isHead) return this.#offer(entry, entry.isHead);
    const others = this.#groups.get(groupKey);
    if (others !== undefined) return others.push(entry);
    this.#groups.set(groupKey, new Fifo());
    entry.isHead = true;
    this.#offer(entry, false);
  }

  #offer(entry: Entry, first: boolean): void {
    const line = this.#ready[entry.priority]!;
    if (first) line.unshift(entry);
    else line.push(entry);
    this.#takable++;
  }

  /** Its consumer is gone: before those that came later. */
  #comeBack(entry: Entry): void {
    entry.taken = undefined;
    this.#setState(entry, "waiting");
    this.#offer(entry, true);
  }

  #delay(entry: Entry, due: number): void {
    this.#setState(entry, "delayed");
    entry.due = due;
    this.#alarms.push({ at: due, entry, order: this.#order++ });
  }

  #hold(entry: Entry, due: number): void {
    entry.due = due;
    this.#runningDue = Math.min(this.#runningDue, due);
  }

  #forget(entry: Entry): void {
    const wasOffered = entry.state === "waiting" && (entry.groupKey === undefined || entry.isHead);
    if (wasOffered) this.#takable--;
    this.#setState(entry, "gone");
    this.#entries.delete(entry.id);
    // Its place in line, or its alarm, may outlive it for long.
    entry.body = "";
    if (entry.dedupeKey !== undefined && this.#pending.get(entry.dedupeKey) === entry.id) this.#pending.delete(entry.dedupeKey);
    if (entry.isHead) this.#moveOn(entry.groupKey!);
  }

  /** The head of a group is gone: the next one takes its place. */
  #moveOn(groupKey: string): void {
    const others = this.#groups.get(groupKey)!;
    for (let next = others.shift(); next !== undefined; next = others.shift()) {
      if (next.state !== "waiting") continue;
      next.isHead = true;
      return this.#offer(next, false);
    }
    this.#groups.delete(groupKey);
  }

  #setState(entry: Entry, state: State): void {
    if (entry.state !== "gone") this.#counts[entry.state]--;
    if (state !== "gone") this.#counts[state]++;
    if (state === "running") this.#running.add(entry);
    else this.#running.delete(entry);
    entry.state = state;
  }
}
