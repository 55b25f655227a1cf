import type { ClientEvent, ClientEventName } from "@bk/core";
import type { CacheStats, IncrManyOptions, IncrOptions, PutOptions, TaggedPutOptions } from "./cache-options.js";
import { incr, incrMany } from "./counters.js";
import type { CallOptions } from "./calls.js";
import type { Capabilities, Call, Stored } from "./driver.js";
import { type CacheCore, type ReadOptions } from "./core.js";
import { CacheError } from "./errors.js";
import { systemKey } from "./keys.js";
import { listKeys } from "./list-keys.js";
import { limit, type LimitOptions, type LimitReply } from "./limits.js";
import { CacheList } from "./list.js";
import { type CacheLock, type LockOptions, Locks } from "./locks.js";
import { CacheMap, entriesOf } from "./map.js";
import { checkKey, checkKeys, checkNumber, checkOptions } from "./options.js";
import { type LoadContext, Remember, type RememberOptions } from "./remember.js";

const callOptions = ["signal", "timeoutMs"];
const readOptions = [...callOptions, "onDown"];
const putOptions = [...callOptions, "ttlMs"];
const taggedPutOptions = [...putOptions, "tags"];

/**
 * A cache. Made by `openCache`.
 *
 * Every call rejects with a `CacheError`. Values are taken when a call is made: what the caller does to them afterwards changes nothing.
 */
export class Cache {
  readonly #core: CacheCore;
  readonly #locks: Locks;
  readonly #remember: Remember;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(core: CacheCore) {
    this.#core = core;
    this.driver = core.driver.name;
    this.capabilities = core.driver.capabilities;
    this.#locks = new Locks(core);
    this.#remember = new Remember(core, this.#locks);
  }

  /** Name of the driver. */
  readonly driver: string;
  readonly capabilities: Capabilities;

  /**
   * A value without a promise, where it lies in this process.
   *
   * @returns undefined when there is none
   * @throws CacheError `unsupported` where `capabilities.peek` is false
   */
  peek<T = unknown>(key: string): T | undefined {
    const core = this.#core;
    if (!core.driver.capabilities.peek || core.driver.peek === undefined) throw this.#unsupported("peek", "peek", "get gives a promise");
    core.calls.assertOpen("peek");
    return core.peek(core.key(key)) as T | undefined;
  }

  /** @returns the value; undefined when there is none */
  get<T = unknown>(key: string, options?: ReadOptions): Promise<T | undefined> {
    const core = this.#core;
    try {
      if (options === undefined && core.driver.peek !== undefined && core.driver.capabilities.peek) {
        core.calls.assertOpen("get");
        const value = core.peek(core.key(key), core.driver.capabilities.scope === "process");
        if (value !== undefined || core.driver.capabilities.scope === "process") return Promise.resolve(value as T | undefined);
      }
      checkOptions(options, readOptions, "get");
      const stored = core.key(key);
      return core.read(
        "get",
        options,
        (call) => this.#get(stored, call),
        (seen) => core.decodeSeen(seen(stored)),
      ) as Promise<T | undefined>;
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  async #get(key: string, call: Call): Promise<unknown> {
    const core = this.#core;
    const stored = await core.driver.get(key, call);
    core.saw(key, stored);
    const presented = core.present(stored, call);
    // Waiting for what is there already would cost a turn.
    const value = presented instanceof Promise ? await presented : presented;
    if (value === undefined) core.counts.misses++;
    else core.counts.hits++;
    return value;
  }

  /** @returns values in the order of the keys, undefined for missing ones */
  async getMany<T = unknown>(keys: readonly string[], options?: ReadOptions): Promise<(T | undefined)[]> {
    checkOptions(options, readOptions, "getMany");
    const core = this.#core;
    const stored = checkKeys(keys).map((key) => core.key(key));
    if (stored.length === 0) return [];
    const values = await core.read<unknown[]>(
      "getMany",
      options,
      async (call) => {
        const found = await core.driver.getMany(stored, call);
        found.forEach((value, i) => core.saw(stored[i]!, value));
        return Promise.all(found.map((value) => core.present(value, call)));
      },
      (seen) => stored.map((key) => core.decodeSeen(seen(key))),
    );
    const misses = values.filter((value) => value === undefined).length;
    core.counts.misses += misses;
    core.counts.hits += values.length - misses;
    return values as (T | undefined)[];
  }

  /** Whether there is a value. */
  async has(key: string, options?: ReadOptions): Promise<boolean> {
    return (await this.get(key, options)) !== undefined;
  }

  /** Writes a value, whatever there was, and its expiry with it. */
  async put(key: string, value: unknown, options?: TaggedPutOptions): Promise<void> {
    checkOptions(options, taggedPutOptions, "put");
    if (options?.tags !== undefined) return this.#put("put", [[key, value]], options);
    const core = this.#core;
    const [name, stored, ttlMs] = [core.key(key), core.encode(value), core.ttl(options?.ttlMs)];
    this.#remember.overtake([name]);
    await core.calls.run("put", false, options, (call) => core.driver.put(name, stored, ttlMs, call));
    core.counts.sets++;
    core.saw(name, stored);
  }

  /** Writes values, all with the same options. Each is written as a whole, but not all at the same moment. */
  async putMany(entries: ReadonlyMap<string, unknown> | Readonly<Record<string, unknown>>, options?: TaggedPutOptions): Promise<void> {
    checkOptions(options, taggedPutOptions, "putMany");
    return this.#put("putMany", entriesOf(entries), options);
  }

  async #put(op: string, entries: readonly (readonly [string, unknown])[], options: TaggedPutOptions | undefined): Promise<void> {
    const core = this.#core;
    const ttlMs = core.ttl(options?.ttlMs);
    const tags = options?.tags === undefined ? [] : [...new Set(checkKeys(options.tags, "tags"))];
    const isTagged = tags.length > 0;
    const kept = entries.map(([key, value]): [string, Stored] => [core.key(key), isTagged ? core.codec.encode(value) : core.encode(value)]);
    if (kept.length === 0) return;
    this.#remember.overtake(kept.map(([key]) => key));
    await core.calls.run(op, false, options, async (call) => {
      if (isTagged) {
        const marks = await core.marksOf(tags, ttlMs, call);
        for (const entry of kept) entry[1] = core.wrap(entry[1], { tags: marks });
      }
      await core.driver.putMany(kept, ttlMs, call);
    });
    core.counts.sets += kept.length;
    for (const [key, value] of kept) core.saw(key, value);
  }

  /** Writes a value if there is none. @returns whether it was written */
  async add(key: string, value: unknown, options?: PutOptions): Promise<boolean> {
    return (await this.#getOrPut("add", key, value, options)) === undefined;
  }

  /** @returns the value that there is; undefined when there was none and the given one was written */
  async getOrPut<T = unknown>(key: string, value: unknown, options?: PutOptions): Promise<T | undefined> {
    return this.#present(await this.#getOrPut("getOrPut", key, value, options));
  }

  async #getOrPut(op: string, key: string, value: unknown, options: PutOptions | undefined): Promise<Stored | undefined> {
    checkOptions(options, putOptions, op);
    const core = this.#core;
    const operation = { op: "add", value: core.encode(value), ttlMs: core.ttl(options?.ttlMs), prolong: false } as const;
    const there = await core.apply(op, core.key(key), operation, options);
    if (there === undefined) core.counts.sets++;
    return there;
  }

  /** Writes a value. @returns the one that it replaced; undefined when there was none */
  async getAndPut<T = unknown>(key: string, value: unknown, options?: PutOptions): Promise<T | undefined> {
    checkOptions(options, putOptions, "getAndPut");
    const core = this.#core;
    const operation = { op: "swap", value: core.encode(value), ttlMs: core.ttl(options?.ttlMs) } as const;
    const stored = core.key(key);
    this.#remember.overtake([stored]);
    const before = await core.apply("getAndPut", stored, operation, options);
    core.counts.sets++;
    core.saw(stored, operation.value);
    return this.#present(before);
  }

  /** Removes a value: of callers that do so at once, one gets it. @returns undefined when there was none */
  async getAndDel<T = unknown>(key: string, options?: CallOptions): Promise<T | undefined> {
    checkOptions(options, callOptions, "getAndDel");
    const core = this.#core;
    const stored = core.key(key);
    this.#remember.overtake([stored]);
    const before = await core.apply("getAndDel", stored, { op: "take" } as const, options);
    core.saw(stored, undefined);
    if (before !== undefined) core.counts.deletes++;
    return this.#present(before);
  }

  async #present<T>(stored: Stored | undefined): Promise<T | undefined> {
    return (await this.#core.present(stored, { isGone: false, isSent: false })) as T | undefined;
  }

  /**
   * Adds to a number, atomically; a missing one is 0.
   *
   * @param by  an integer, default 1; may be negative
   * @returns the sum
   * @throws CacheError `invalid` when the key holds no integer, or the sum is not safe; nothing is changed
   */
  incr(key: string, by = 1, options?: IncrOptions): Promise<number> {
    return incr(this.#core, key, by, options);
  }

  /**
   * Adds integers to the numbers of many keys, each as `incr` does, and not all at the same moment.
   *
   * @returns the sums by key
   * @throws CacheError as `incr`, the first one; with the outcome `some` when others were added to, their keys in `detail.done`
   */
  incrMany(by: ReadonlyMap<string, number> | Readonly<Record<string, number>>, options?: IncrManyOptions): Promise<Map<string, number>> {
    return incrMany(this.#core, by, options);
  }

  /** Writes a number unless there is one that is as large, atomically. @returns the number that was there; undefined when there was none */
  async setMax(key: string, to: number, options?: PutOptions): Promise<number | undefined> {
    checkOptions(options, putOptions, "setMax");
    const core = this.#core;
    const highest = checkNumber(to, "to", -Number.MAX_VALUE, Number.MAX_VALUE);
    return core.apply("setMax", core.key(key), { op: "setMax", to: highest, ttlMs: core.ttl(options?.ttlMs) } as const, options);
  }

  /** Sets when a value expires, in milliseconds from now; 0: never. @returns whether there was a value */
  async touch(key: string, ttlMs: number, options?: CallOptions): Promise<boolean> {
    checkOptions(options, callOptions, "touch");
    return this.#core.apply("touch", this.#core.key(key), { op: "touch", ttlMs: this.#core.ttl(ttlMs) } as const, options);
  }

  /** @returns how many of the keys had a value */
  async del(key: string | readonly string[], options?: CallOptions): Promise<number> {
    checkOptions(options, callOptions, "del");
    const core = this.#core;
    const keys = typeof key === "string" ? [key] : [...new Set(checkKeys(key))];
    const stored = keys.map((each) => core.key(each));
    if (stored.length === 0) return 0;
    this.#remember.overtake(stored);
    const count = await core.calls.run("del", false, options, async (call) => {
      // Sent first: a load that is under way in another process finds its mark gone, and removes what it stored.
      const isShared = core.driver.capabilities.scope !== "process";
      const marks = isShared ? keys.map((each) => systemKey(core.prefix, "load", each)) : [];
      const [, deleted] = await Promise.all([isShared && core.driver.del(marks, call), core.driver.del(stored, call)]);
      return deleted;
    });
    for (const each of stored) core.saw(each, undefined);
    core.counts.deletes += count;
    return count;
  }

  /** Drops every value with one of the tags, at once and whoever wrote it; also those that are being loaded. */
  async invalidate(tags: string | readonly string[], options?: CallOptions): Promise<void> {
    checkOptions(options, callOptions, "invalidate");
    const names = typeof tags === "string" ? [checkKey(tags, "tag")] : [...new Set(checkKeys(tags, "tags"))];
    if (names.length === 0) return;
    const keys = names.map((name) => systemKey(this.#core.prefix, "tag", name));
    await this.#core.calls.run("invalidate", false, options, (call) => this.#core.driver.del(keys, call));
    this.#core.forgetSeen();
  }

  /**
   * Removes values, maps and lists below the prefix of this cache; never locks and limits.
   *
   * @param pattern  for the keys of values: `*` any characters, `?` one, `\` before either takes it literally. Default: everything
   * @throws CacheError `unsupported` where `capabilities.keys` is false and there is a pattern or a prefix
   */
  async clear(pattern?: string, options?: CallOptions): Promise<void> {
    checkOptions(options, callOptions, "clear");
    const match = { prefix: this.#core.prefix, pattern: pattern === undefined ? undefined : checkKey(pattern, "pattern") };
    this.#remember.overtakeAll();
    await this.#core.calls.run("clear", false, options, (call) => this.#core.driver.clear(match, call));
    this.#core.forgetSeen();
  }

  /**
   * The keys of values, in no order, each once, as far as they are there from the beginning to the end.
   *
   * @param pattern  as in `clear`
   * @throws CacheError `unsupported` where `capabilities.keys` is false
   */
  async *keys(pattern?: string, options?: CallOptions): AsyncIterableIterator<string> {
    checkOptions(options, callOptions, "keys");
    const { driver } = this.#core;
    if (!driver.capabilities.keys || driver.keys === undefined) throw this.#unsupported("keys", "keys", "the store cannot list its keys");
    yield* listKeys(this.#core, pattern === undefined ? undefined : checkKey(pattern, "pattern"), options);
  }

  /**
   * The value of a key, loaded when there is none: by one caller at a time, in this process and across processes. With `staleMs` an old
   * value is given while the new one is loaded. What the loader rejects with goes to all who wait, and nothing is kept.
   *
   * @param loader  gives the value, or undefined when there is none
   */
  remember<T>(key: string, loader: (context: LoadContext) => T | Promise<T>, options?: RememberOptions): Promise<T> {
    return this.#remember.remember(key, loader, options) as Promise<T>;
  }

  /** A map by name. */
  map(name: string): CacheMap {
    return new CacheMap(this.#core, checkKey(name, "name"));
  }

  /** A list by name. @throws CacheError `unsupported` where `capabilities.lists` is false */
  list(name: string): CacheList {
    return new CacheList(this.#core, checkKey(name, "name"));
  }

  /**
   * Takes a lock. As far as `capabilities.scope` reaches nobody else holds it, until it is released or its time is over.
   *
   * @returns null when somebody else holds it when the wait is over
   */
  lock(key: string, options?: LockOptions): Promise<CacheLock | null> {
    return this.#locks.lock(key, options);
  }

  /**
   * Runs a function while a lock is held, which is renewed meanwhile. It looks at `lock.signal` where it takes long.
   *
   * @throws CacheError `condition-failed` when somebody else holds the lock when the wait is over
   */
  withLock<T>(key: string, options: LockOptions | undefined, run: (lock: CacheLock) => Promise<T> | T): Promise<T> {
    return this.#locks.withLock(key, options, run);
  }

  /** Whether somebody holds a lock. */
  locked(key: string, options?: CallOptions): Promise<boolean> {
    return this.#locks.locked(key, options);
  }

  /** Takes a lock away from whoever holds it, for operators. @returns whether somebody held it */
  unlock(key: string, options: CallOptions & { readonly force: true }): Promise<boolean> {
    return this.#locks.unlock(key, options);
  }

  /** Takes tokens from the bucket of a key, which is filled with `rate` tokens in `perMs` and holds at most `burst`. */
  limit(key: string, options: LimitOptions): Promise<LimitReply> {
    return limit(this.#core, key, options);
  }

  async stats(options?: CallOptions): Promise<CacheStats> {
    checkOptions(options, callOptions, "stats");
    const { driver, counts, calls } = this.#core;
    const store = await calls.run("stats", true, options, (call) => driver.stats?.(call) ?? {});
    return { driver: driver.name, ...counts, ...store };
  }

  /**
   * Calls back for what happens to the connection: `connect`, `reconnect`, `ready`, `disconnect`, `error`, `close`. A store without a connection tells
   * `close` alone.
   *
   * @returns stops it
   */
  on(event: ClientEventName, listener: (event: ClientEvent) => void): () => void {
    return this.#core.events.on(event, listener);
  }

  /** Ends what was begun, releases the locks that are held, and closes the connections. Later calls are `closed`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const { calls, driver } = this.#core;
    calls.refuse();
    await this.#remember.settle();
    await this.#locks.releaseAll();
    await calls.idle();
    await driver.close();
    this.#core.events.closed();
  }

  #unsupported(op: string, capability: string, wayOut: string): CacheError {
    const { name } = this.#core.driver;
    return new CacheError("unsupported", `${name} ${op}: not with this driver (capability ${capability}); ${wayOut}`, {
      driver: name,
      op,
      detail: { capability },
    });
  }
}
