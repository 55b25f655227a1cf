// The entries of one process: what the local driver keeps, and what a process keeps for others with the shared one.

import type { Clock } from "@bk/core";
import { LRUCache } from "lru-cache";
import type { DriverStats, PeekedEntry, Stored } from "../../driver.js";
import { carryOut, type Entry, type EntryOf, expiryOf, isLive, valueEntry } from "../../engines/carry-out.js";
import { type KeyMatch, keyMatcher } from "../../keys.js";
import type { Operation, ResultOf } from "../../operation.js";
import { sizeOf } from "../../stored.js";

export interface LocalStoreOptions {
  /** How many entries are kept; those that were used longest ago make room. */
  readonly max: number;
  /** How many bytes of keys and values are kept; undefined: no limit. */
  readonly maxBytes: number | undefined;
  readonly clock: Clock;
}

/** Bytes that an entry takes beside its key and value, about. */
const overhead = 64;
/** Locks and buckets are looked through for expired ones when they are this many, and then when they have doubled. */
const firstSweep = 1024;

/** Values, maps and lists, the least recently used leaving first; locks and buckets, which nothing pushes out. */
export class LocalStore {
  readonly #clock: Clock;
  readonly #entries: LRUCache<string, Entry>;
  readonly #kept = new Map<string, Entry>();
  readonly #sizes: boolean;
  readonly #around: { now: number; readonly random: () => number };
  #sweepAt = firstSweep;
  #evictions = 0;

  constructor({ max, maxBytes, clock }: LocalStoreOptions) {
    this.#clock = clock;
    this.#around = { now: 0, random: () => clock.random() };
    this.#sizes = maxBytes !== undefined;
    this.#entries = new LRUCache<string, Entry>({
      max,
      dispose: (_entry, _key, reason) => {
        if (reason === "evict") this.#evictions++;
      },
      ...(maxBytes === undefined ? {} : { maxSize: maxBytes, sizeCalculation: bytesOf }),
    });
  }

  /** An entry of a value that lives, used by this. */
  peek(key: string): (PeekedEntry & EntryOf<"value">) | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.kind !== "value") return undefined;
    if (entry.expiresAt !== 0 && entry.expiresAt <= this.#clock.now()) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry;
  }

  get(key: string): Stored | undefined {
    return this.peek(key)?.value;
  }

  put(key: string, value: Stored, ttlMs: number): void {
    this.#entries.set(key, valueEntry(value, ttlMs === 0 ? 0 : expiryOf(ttlMs, this.#clock.now())));
  }

  del(keys: readonly string[]): number {
    const now = this.#clock.now();
    let count = 0;
    for (const key of keys) {
      const entry = this.#entries.peek(key) ?? this.#kept.get(key);
      if (entry === undefined) continue;
      if (isLive(entry, now)) count++;
      this.#entries.delete(key);
      this.#kept.delete(key);
    }
    return count;
  }

  apply<Op extends Operation>(key: string, operation: Op): ResultOf<Op> {
    const now = this.#clock.now();
    const isKept = keptOps.has(operation.op);
    const found = isKept ? this.#kept.get(key) : this.#entries.get(key);
    this.#around.now = now;
    const { entry, isChanged, result } = carryOut(isLive(found, now) ? found : undefined, operation, this.#around);
    if (!isChanged) return result;
    if (isKept) this.#keep(key, entry, now);
    else if (entry === undefined) this.#entries.delete(key);
    // One that is changed in place is set again where its size counts, and to be the latest one.
    else if (entry !== found || this.#sizes) this.#entries.set(key, entry);
    return result;
  }

  *keys(match: KeyMatch): IterableIterator<string> {
    const matches = keyMatcher(match);
    const now = this.#clock.now();
    // A copy: what reads the keys may write meanwhile.
    for (const [key, entry] of Array.from(this.#entries.entries())) if (isLive(entry, now) && matches(key)) yield key;
  }

  clear(match: KeyMatch): void {
    const matches = keyMatcher(match);
    for (const key of Array.from(this.#entries.keys())) if (matches(key)) this.#entries.delete(key);
  }

  /** Drops expired entries, which else go when they are met or pushed out. */
  sweep(): number {
    const now = this.#clock.now();
    let count = 0;
    for (const [key, entry] of Array.from(this.#entries.entries())) if (!isLive(entry, now) && this.#entries.delete(key)) count++;
    return count + this.#sweepKept(now);
  }

  stats(): DriverStats {
    return {
      count: this.#entries.size,
      evictions: this.#evictions,
      ...(this.#sizes ? { bytes: this.#entries.calculatedSize } : {}),
      raw: { max: this.#entries.max, locksAndLimits: this.#kept.size },
    };
  }

  #keep(key: string, entry: Entry | undefined, now: number): void {
    if (entry === undefined) return void this.#kept.delete(key);
    this.#kept.set(key, entry);
    if (this.#kept.size < this.#sweepAt) return;
    this.#sweepKept(now);
    this.#sweepAt = Math.max(firstSweep, this.#kept.size * 2);
  }

  #sweepKept(now: number): number {
    const before = this.#kept.size;
    for (const [key, entry] of this.#kept) if (!isLive(entry, now)) this.#kept.delete(key);
    return before - this.#kept.size;
  }
}

const keptOps: ReadonlySet<string> = new Set(["lock", "extend", "unlock", "locked", "limit"]);

function bytesOf(entry: Entry, key: string): number {
  let bytes = overhead + sizeOf(key);
  if (entry.kind === "value") return bytes + sizeOf(entry.value);
  if (entry.kind === "map") for (const [field, value] of entry.fields) bytes += sizeOf(field) + sizeOf(value);
  if (entry.kind === "list") for (const member of entry.members.values()) bytes += sizeOf(member);
  return bytes;
}
