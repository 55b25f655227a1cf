// The cache that rows are kept in, as a database uses it: no call waits long for it, and one that does not answer is left
// alone for a while.

import { BkError, type Clock, type Log } from "@bk/core";

import { DbError, invalid } from "../errors.js";
import { InFlight } from "../execute/in-flight.js";
import { isTimeout } from "../normalize/options.js";

/** Options that a database gives to the calls of its cache. */
export interface CacheCallOptions {
  /** How long the call may take, in milliseconds. */
  readonly timeoutMs: number;
}

export interface CachePutOptions extends CacheCallOptions {
  /** When the value expires, in milliseconds from now; 0: never. */
  readonly ttlMs: number;
}

/**
 * What a database needs of a cache: a `Cache` of `@bk/cache` has it. Values are texts.
 *
 * - A call that cannot reach the store rejects: reads never find nothing, or something old, in its place.
 * - What `del` has acknowledged is found by no later call of anybody who shares the cache.
 */
export interface CacheLike {
  /** The values in the order of the keys, undefined for missing ones. */
  getMany(keys: readonly string[], options: CacheCallOptions & { readonly onDown: "throw" }): Promise<readonly unknown[]>;
  /** Writes a value if there is none, atomically; gives the one that there was. */
  getOrPut(key: string, value: string, options: CachePutOptions): Promise<unknown>;
  put(key: string, value: string, options: CachePutOptions): Promise<unknown>;
  del(keys: readonly string[], options: CacheCallOptions): Promise<unknown>;
}

/** The setting `cache` of `openDb`. */
export interface CacheSettings {
  /** Such as `await openCache("redis://127.0.0.1:6379")` of `@bk/cache`. It stays open when the database is closed. */
  readonly store: CacheLike;
  /** What the keys begin with, at most 100 characters; default `db:`. One prefix is of one database. */
  readonly prefix?: string | undefined;
  /** How long a row is kept whose table says nothing, in milliseconds; default 60,000. */
  readonly ttlMs?: number | undefined;
  /** How long a call waits for the cache, in milliseconds; default 250. */
  readonly waitMs?: number | undefined;
  /** How long the cache is left alone when it did not answer, in milliseconds; default 1,000. */
  readonly awayMs?: number | undefined;
}

const settingNames: ReadonlySet<string> = new Set(["store", "prefix", "ttlMs", "waitMs", "awayMs"]);
const longestPrefix = 100;

/** @throws DbError `invalid` */
export function checkCacheSettings(settings: CacheSettings): void {
  if (typeof settings !== "object" || settings === null) throw invalid("cache must be an object with a store");
  for (const name of Object.keys(settings))
    if (!settingNames.has(name))
      throw invalid(`cache: unknown setting ${JSON.stringify(name.slice(0, 50))}; there are ${[...settingNames].join(", ")}`);
  const { store, prefix } = settings;
  for (const call of ["getMany", "getOrPut", "put", "del"] as const)
    if (typeof (store as CacheLike | undefined)?.[call] !== "function")
      throw invalid(`cache: store must be a cache, such as openCache of @bk/cache gives; it has no ${call}`);
  if (prefix !== undefined && (typeof prefix !== "string" || prefix.length > longestPrefix || !prefix.isWellFormed()))
    throw invalid(`cache: prefix must be a well-formed string of at most ${longestPrefix} characters`);
  for (const name of ["ttlMs", "waitMs", "awayMs"] as const)
    if (settings[name] !== undefined && !isTimeout(settings[name]))
      throw invalid(`cache: ${name} must be a number of milliseconds above 0 and below 2^31`);
}

/** The mark of rows of which it is not known what a write has done, or is going to do: they are not kept meanwhile. */
export const blocked = "-";
/** How long that is, in milliseconds. */
const blockedMs = 60_000;
/** Rows that are being stored at once; more are not stored. */
const mostPuts = 1000;
/** Keys of one request. */
const mostKeys = 1000;

export class CacheStore {
  readonly prefix: string;
  readonly ttlMs: number;
  readonly awayMs: number;
  readonly waitMs: number;
  readonly #store: CacheLike;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #puts = new InFlight();
  #putting = 0;
  #awayUntil = -Infinity;
  #isReported = false;

  constructor({ store, prefix = "db:", ttlMs = 60_000, waitMs = 250, awayMs = 1000 }: CacheSettings, clock: Clock, log: Log) {
    this.prefix = prefix;
    this.ttlMs = ttlMs;
    this.awayMs = awayMs;
    this.#store = store;
    this.waitMs = waitMs;
    this.#clock = clock;
    this.#log = log;
  }

  /** It did not answer a moment ago. */
  get isAway(): boolean {
    return performance.now() < this.#awayUntil;
  }

  /** The values of keys; undefined when the cache does not answer. */
  async getMany(keys: readonly string[]): Promise<readonly unknown[] | undefined> {
    const options = { timeoutMs: this.waitMs, onDown: "throw" } as const;
    const values = await this.#ask(() => this.#store.getMany(keys, options));
    return Array.isArray(values) ? values : undefined;
  }

  /** The mark under a key, made now where there is none; undefined when the cache does not answer, or rows are not to be kept. */
  async mark(key: string, ttlMs: number): Promise<string | undefined> {
    const own = Array.from(this.#clock.randomBytes(12), (byte) => byte.toString(36).padStart(2, "0")).join("");
    const options = { timeoutMs: this.waitMs, ttlMs };
    const asked = await this.#ask(async () => ({
      there: await this.#store.getOrPut(key, own, options),
    }));
    if (asked === undefined) return undefined;
    const { there = own } = asked;
    return typeof there === "string" && there !== blocked ? there : undefined;
  }

  /** Stores a value, for which nobody waits. */
  put(key: string, value: string, ttlMs: number): void {
    if (this.#putting >= mostPuts || this.isAway) return;
    this.#putting++;
    const put = this.#ask(() => this.#store.put(key, value, { timeoutMs: this.waitMs, ttlMs }), isAbsence);
    void this.#puts.track(put).finally(() => this.#putting--);
  }

  /**
   * Makes entries that depend on marks void for everybody, and those that are being made.
   *
   * @param isCertain  false: and such as will be made in the next minute
   * @returns whether the cache has acknowledged it
   */
  async dropMarks(marks: readonly string[], isCertain: boolean): Promise<boolean> {
    const drops: Promise<unknown>[] = [];
    const timeoutMs = this.waitMs;
    for (let at = 0; at < marks.length; at += mostKeys) {
      const some = marks.slice(at, at + mostKeys);
      drops.push(
        this.#ask(async () => {
          if (isCertain) await this.#store.del(some, { timeoutMs });
          else await Promise.all(some.map((mark) => this.#store.put(mark, blocked, { timeoutMs, ttlMs: blockedMs })));
          return true;
        }),
      );
    }
    return (await Promise.all(drops)).every((isDone) => isDone === true);
  }

  /** Waits for what is being stored. */
  async idle(): Promise<void> {
    await this.#puts.whenIdle();
  }

  /** What the cache answers; undefined when it fails or takes too long. Never rejects. */
  async #ask<T>(call: () => Promise<T>, isAway: (error: unknown) => boolean = () => true): Promise<T | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const answer = await new Promise<T>((resolve, reject) => {
        timer = setTimeout(() => reject(new DbError("timeout", `no answer within ${this.waitMs} ms`)), this.waitMs);
        call().then(resolve, reject);
      });
      this.#isReported = false;
      return answer;
    } catch (error) {
      if (isAway(error)) this.#awayUntil = performance.now() + this.awayMs;
      if (!this.#isReported) this.#log.warn("the cache of rows failed; rows are read from the database", { reason: reasonOf(error) });
      this.#isReported = true;
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Whether an error says that the store is away, and not that it does not take this value. */
function isAbsence(error: unknown): boolean {
  return !(error instanceof BkError) || (error.code !== "too-large" && error.code !== "invalid");
}

function reasonOf(error: unknown): string {
  return error instanceof BkError ? error.code : "an error of the cache's own";
}
