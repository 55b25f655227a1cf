// Rows of one table in a cache.
//
// An entry is void unless the two marks that it was made with are still there: the table's, and the row's own. A read that
// finds no entry makes sure of the marks, then reads the row, then stores it with them; a write drops the mark when the
// row is written. So a row that was read before the write and is stored after it is void, whoever read it, and whatever
// became of them. Marks are kept apart from the definition of the table: processes with another one drop them too.

import { onAbort } from "@bk/core";

import type { Values } from "../driver.js";
import { kvCodec } from "../engines/kv/rows.js";
import type { Call } from "../execute/call.js";
import { type Deadline, throwIfEnded } from "../execute/deadline.js";
import type { CacheNumbers } from "../execute/metrics.js";
import { hasExpired } from "../reference/expiry.js";
import type { CachedSettings } from "../schema/definition.js";
import { compileArrayDecoder, encoderOf } from "../schema/encodings.js";
import { encodeKey } from "../schema/ordered-text.js";
import type { Table } from "../schema/table.js";
import type { BoundTable } from "./bound-table.js";
import { blocked, type CacheStore } from "./cache-store.js";
import { type CachedRows, Doubts, type FoundRow, type SomeRows } from "./cached-rows.js";
import { getReader } from "./get-reader.js";

/** Longer keys are not cached: stores have their limits. */
const longestKey = 600;
/** Rows of one request to the cache. */
const mostRows = 400;
/** The least that a mark is kept, in milliseconds. */
const leastMarkMs = 60_000;

/** What is set for a table, made complete. */
function settingsOf({ settings: { cached } }: Table, ttlMs: number): Required<CachedSettings> {
  const own: CachedSettings = typeof cached === "object" ? cached : {};
  return {
    ttlMs: own.ttlMs ?? ttlMs,
    missTtlMs: own.missTtlMs ?? 0,
    reads: own.reads ?? "all",
  };
}

/** Whether rows of a table may be kept: a get must be able to see every acknowledged write. */
export function isCacheable({ table, pool }: BoundTable): boolean {
  const { cached } = table.settings;
  return cached !== undefined && cached !== false && pool.capabilities.sees.get !== "late";
}

export class CachedTable implements CachedRows {
  readonly tableMark: string;
  readonly byDefault: boolean;
  readonly doubts: Doubts = new Doubts();
  readonly #bound: BoundTable;
  readonly #store: CacheStore;
  readonly #numbers: CacheNumbers;
  readonly #now: () => number;
  readonly #settings: Required<CachedSettings>;
  readonly #base: string;
  readonly #entryBase: string;
  readonly #decodeKey: (key: Values) => unknown[];
  readonly #encode: (row: Values) => Values;
  readonly #flights = new Map<string, Flight>();

  constructor(bound: BoundTable, store: CacheStore, numbers: CacheNumbers, now: () => number) {
    const { table, pool, codec } = bound;
    this.#bound = bound;
    this.#store = store;
    this.#numbers = numbers;
    this.#now = now;
    this.#settings = settingsOf(table, store.ttlMs);
    this.byDefault = this.#settings.reads === "all";
    this.#base = `${store.prefix}${escaped(pool.name)}:${escaped(table.name)}:`;
    this.tableMark = `${this.#base}t`;
    this.#entryBase = `${this.#base}v${versionOf(table)}:`;
    this.#decodeKey = compileArrayDecoder(table.key, codec);
    const encoders = table.columns.map((column) => encoderOf(column, kvCodec));
    this.#encode = (row) => bound.decodeArray(row).map((value, i) => encoders[i]!(value));
  }

  markOf(row: string): string {
    return `${this.#base}m:${row}`;
  }

  textOf(key: Values): string | undefined {
    return this.#textOf(this.#decodeKey(key));
  }

  #textOf(key: readonly unknown[]): string | undefined {
    const text = encodeKey(this.#bound.table.key, key);
    return text.length > longestKey ? undefined : text;
  }

  overtake(rows: SomeRows): void {
    if (this.#flights.size === 0) return;
    if (rows === "all") this.#flights.clear();
    else for (const row of rows) this.#flights.delete(row);
  }

  countBypass(call: Call): void {
    this.#count([{ row: null, from: "bypass" }], call);
  }

  async read(keys: readonly (readonly unknown[])[], call: Call): Promise<readonly FoundRow[]> {
    throwIfEnded(call.deadline);
    const isAway = this.#store.isAway;
    const begun: Flight[] = [];
    const found = keys.map((key): Promise<FoundRow> => {
      const row = this.#textOf(key);
      if (row === undefined || isAway || this.doubts.has(row)) return this.#loadAlone(key, call);
      const known = this.#flights.get(row);
      if (known?.isOpen === true) return known.join(call.deadline);
      const flight = new Flight(row, key, call.deadline !== undefined);
      this.#flights.set(row, flight);
      // What is under way may have looked before a write of somebody else that has ended by now. It is waited for a while,
      // since it is going to store the row.
      if (known === undefined) begun.push(flight);
      else void known.settledWithin(this.#store.waitMs).then(() => this.#begin([flight], call));
      return flight.join(call.deadline);
    });
    for (let at = 0; at < begun.length; at += mostRows) this.#begin(begun.slice(at, at + mostRows), call);
    const rows = await Promise.all(found);
    this.#count(rows, call);
    return rows;
  }

  #count(rows: readonly FoundRow[], { trace }: Call): void {
    for (const { from } of rows) this.#numbers[from === "hit" ? "hits" : from === "miss" ? "misses" : "bypassed"]++;
    if (trace === undefined || rows.length === 0) return;
    const has = (source: FoundRow["from"]): boolean => rows.some(({ from }) => from === source);
    trace.cached = has("miss") ? "miss" : has("bypass") ? "bypass" : "hit";
  }

  async #loadAlone(key: readonly unknown[], call: Call): Promise<FoundRow> {
    return { row: await this.#load(key, call), from: "bypass" };
  }

  /** Looks for rows in the cache, all at once, and reads those that are not there. */
  #begin(flights: readonly Flight[], call: Call): void {
    const rows = flights.map(({ row }) => row);
    for (const flight of flights) flight.begin();
    const keys = [this.tableMark, ...rows.map((row) => this.markOf(row)), ...rows.map((row) => this.#entryBase + row)];
    const looked = this.#store.getMany(keys);
    flights.forEach((flight, i) => {
      const found = this.#find(flight, call, looked, 1 + i, 1 + rows.length + i);
      const land = (): void => {
        if (this.#flights.get(flight.row) === flight) this.#flights.delete(flight.row);
      };
      flight.whenEmpty = land;
      found.finally(land).then(flight.resolve, flight.reject);
    });
  }

  async #find(
    flight: Flight,
    { trace, group }: Call,
    looked: Promise<readonly unknown[] | undefined>,
    markAt: number,
    entryAt: number,
  ): Promise<FoundRow> {
    const { row: text, key } = flight;
    const values = await looked;
    // Its time is that of those who wait for it.
    const call: Call = { trace, group, deadline: flight.deadline };
    if (values === undefined) return this.#loadAlone(key, call);
    const [tableMark, rowMark] = [values[0], values[markAt]];
    const known = this.#read(values[entryAt], tableMark, rowMark);
    if (known !== undefined) return { row: known, from: "hit" };
    const marks = await this.#marks(text, tableMark, rowMark);
    const row = await this.#load(key, call);
    if (marks !== undefined) this.#keep(text, marks, row);
    return { row, from: "miss" };
  }

  /** The row of an entry; undefined where it is none, or void. */
  #read(entry: unknown, tableMark: unknown, rowMark: unknown): Values | null | undefined {
    if (typeof entry !== "string" || !isMark(tableMark) || !isMark(rowMark)) return undefined;
    const head = headOf([tableMark, rowMark]);
    if (!entry.startsWith(head)) return undefined;
    try {
      const row = JSON.parse(entry.slice(head.length)) as unknown;
      const isRow = row === null || (Array.isArray(row) && row.length === this.#bound.table.columns.length);
      return isRow ? (row as Values | null) : undefined;
    } catch {
      // Cut off or overwritten by somebody else: read anew, and written over.
      return undefined;
    }
  }

  /** The marks that a row is stored with; undefined where it is not to be. */
  async #marks(row: string, tableMark: unknown, rowMark: unknown): Promise<readonly [string, string] | undefined> {
    if (tableMark === blocked || rowMark === blocked) return undefined;
    const markMs = Math.max(2 * Math.max(this.#settings.ttlMs, this.#settings.missTtlMs), leastMarkMs);
    const [ofTable, ofRow] = await Promise.all([
      isMark(tableMark) ? tableMark : this.#store.mark(this.tableMark, 0),
      isMark(rowMark) ? rowMark : this.#store.mark(this.markOf(row), markMs),
    ]);
    return ofTable === undefined || ofRow === undefined ? undefined : [ofTable, ofRow];
  }

  async #load(key: readonly unknown[], call: Call): Promise<Values | null> {
    const { pool, table } = this.#bound;
    const { prepared } = getReader(this.#bound, { consistent: true });
    const {
      rows: [stored],
    } = await pool.send(prepared, this.#bound.encodeKey(key), call);
    if (stored === undefined) return null;
    const row = this.#encode(stored);
    return table.ttl !== undefined && hasExpired(row[table.ttl.index], this.#now()) ? null : row;
  }

  #keep(text: string, marks: readonly [string, string], row: Values | null): void {
    const { ttl } = this.#bound.table;
    const ends = ttl === undefined || row === null ? null : row[ttl.index];
    const wantedMs = row === null ? this.#settings.missTtlMs : this.#settings.ttlMs;
    const ttlMs = typeof ends === "number" ? Math.min(wantedMs, ends - this.#now()) : wantedMs;
    if (ttlMs > 0) this.#store.put(this.#entryBase + text, headOf(marks) + JSON.stringify(row), Math.ceil(ttlMs));
  }
}

/** One look for a row, and the read that may follow, of those who asked for the row before it began. */
class Flight {
  readonly row: string;
  readonly key: readonly unknown[];
  readonly #result: Promise<FoundRow>;
  readonly #controller: AbortController | undefined;
  resolve!: (found: FoundRow) => void;
  reject!: (error: unknown) => void;
  /** Told when nobody waits any more. */
  whenEmpty: () => void = () => undefined;
  #waiting = 0;
  #isOpen = true;

  /** @param mayEnd  false: somebody waits however long it takes */
  constructor(row: string, key: readonly unknown[], mayEnd: boolean) {
    this.row = row;
    this.key = key;
    this.#controller = mayEnd ? new AbortController() : undefined;
    this.#result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Those who wait get it; there may be none left.
    this.#result.catch(() => undefined);
  }

  /** Resolves when it is over, however it ends, or takes long. */
  settledWithin(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      const settled = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#result.then(settled, settled);
    });
  }

  /** Whether others may still join: what it finds is no older than their asking for it. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Nobody joins from the next turn on. Those of this turn cannot have heard of a write that ends later. */
  begin(): void {
    queueMicrotask(() => (this.#isOpen = false));
  }

  get deadline(): Deadline | undefined {
    return this.#controller === undefined ? undefined : { signal: this.#controller.signal, wrote: false, affected: 0 };
  }

  /** Waits for it as long as the caller does; the last one who leaves ends it. */
  join(deadline: Deadline | undefined): Promise<FoundRow> {
    this.#waiting++;
    if (deadline === undefined) return this.#result;
    const stopListening = onAbort(deadline.signal, () => {
      if (--this.#waiting > 0) return;
      this.whenEmpty();
      this.#controller?.abort(deadline.signal.reason);
    });
    this.#result.then(stopListening, stopListening);
    return this.#result;
  }
}

function isMark(value: unknown): value is string {
  return typeof value === "string" && value !== blocked;
}

function headOf([tableMark, rowMark]: readonly [string, string]): string {
  return `${tableMark} ${rowMark} `;
}

/** Names as parts of keys: a colon ends them. */
function escaped(name: string): string {
  return name.replace(/[%:]/g, (c) => (c === "%" ? "%25" : "%3A"));
}

/** Names the definition of a table: entries are those of one definition. */
function versionOf({ columns }: Table): string {
  return digest(JSON.stringify(columns.map(({ name, kind, element, isSet, isRest }) => [name, kind, element, isSet, isRest])));
}

/** 53 bits, enough to tell the definitions of one table apart (cyrb53 by bryc, public domain). */
function digest(text: string): string {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 2654435761);
    b = Math.imul(b ^ unit, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36);
}
