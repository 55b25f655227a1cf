// The contract between the core and the driver of a cache. Read this to write a driver.
//
// A driver holds entries by key: values, maps, lists, locks and buckets of tokens. It sees whole keys, values as text or
// bytes, and operations that are plain data. Checks, codecs, prefixes, time limits, tags, single flight, stale values,
// waiting for locks and counting are the core's.

import type { ClientEvents, Clock, Log } from "@bk/core";
import type { KeyMatch } from "./keys.js";
import type { Operation, ResultOf } from "./operation.js";
import type { Stored } from "./stored.js";

export type { Stored } from "./stored.js";
export type { KeyMatch } from "./keys.js";
export type { Operation, OperationOf, OpName, ResultOf } from "./operation.js";

/** What a driver can do: plain frozen data, known before anything is connected. Each is read by the core or by a test. */
export interface Capabilities {
  /**
   * Who shares what is stored: nobody else (`process`), the processes of one machine (`host`), or everybody who reaches the
   * store (`global`). Locks, limits and `remember` reach as far.
   */
  readonly scope: "process" | "host" | "global";
  /** `peek` reads without a promise. */
  readonly peek: boolean;
  /** `keys`, and `clear` of some keys; else only everything can be cleared, and only where the whole store is the cache's. */
  readonly keys: boolean;
  /** Operations on lists. */
  readonly lists: boolean;
  /** Expiries are rounded up to a multiple of this, in milliseconds, and may come one more later. */
  readonly ttlStepMs: number;
  /**
   * How far locks can be relied on: `engine`: as long as the store keeps what it acknowledged; `evictable`: a store that is
   * short of memory may drop one (memcached).
   */
  readonly locks: "engine" | "evictable";
  /** Whose time decides about locks and limits: the store's, or that of each process, so that clocks have to agree. */
  readonly time: "store" | "caller";
  /** Bytes of UTF-8 that one value may take; undefined: no limit worth stating. */
  readonly maxValueBytes: number | undefined;
}

/**
 * One call of the core. A driver sets `isSent` when it hands something of the call to the store, and sends nothing more of a
 * call that is `isGone`: the caller was told that it ended, and `isSent` decided whether its outcome is `none`.
 */
export interface Call {
  isGone: boolean;
  isSent: boolean;
}

/** What `peek` gives. The core may keep what it decoded in `memo`, which lives as long as the entry. */
export interface PeekedEntry {
  readonly value: Stored;
  memo: unknown;
}

export type Awaitable<T> = T | Promise<T>;

/**
 * A store of entries.
 *
 * Promises of every method:
 * - An expired entry is a missing one, whenever the store removes it.
 * - What rejects is a native error or a `CacheError`; a change that may have been made is never rejected with the outcome `none`.
 * - While the store cannot be reached a call rejects with `unavailable` when the connection attempt that is under way fails,
 *   or at once when the last one failed. The driver reconnects by itself.
 * - Calls that do not wait for each other take effect in the order in which they were made, where they are of one key.
 */
export interface CacheDriver {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** Whether calls are sent at once; false while there is no connection. The core bounds how many calls wait. */
  readonly isReady: boolean;
  /** The value of one key without a promise; only where `capabilities.peek`. */
  peek?(key: string): PeekedEntry | undefined;
  /** The value of one key. */
  get(key: string, call: Call): Awaitable<Stored | undefined>;
  /** The values in the order of the keys, undefined for missing ones. */
  getMany(keys: readonly string[], call: Call): Awaitable<readonly (Stored | undefined)[]>;
  /** Writes a value, replacing what is there and its expiry. `ttlMs` 0: no expiry. */
  put(key: string, value: Stored, ttlMs: number, call: Call): Awaitable<void>;
  /** Writes values, all with one expiry. Not atomic as a whole. */
  putMany(entries: readonly (readonly [key: string, value: Stored])[], ttlMs: number, call: Call): Awaitable<void>;
  /** Removes entries of any kind; gives how many there were. */
  del(keys: readonly string[], call: Call): Awaitable<number>;
  /** Carries out one operation on one entry, atomically. */
  apply<Op extends Operation>(key: string, operation: Op, call: Call): Awaitable<ResultOf<Op>>;
  /** Keys that match, in lists of any length, each key at least once; only where `capabilities.keys`. */
  keys?(match: KeyMatch, call: Call): AsyncIterable<readonly string[]>;
  /** Removes what matches. Where `capabilities.keys` is false a match of some keys only is refused with `unsupported`. */
  clear(match: KeyMatch, call: Call): Awaitable<void>;
  /** Facts of the store, as numbers and texts. */
  stats?(call: Call): Awaitable<DriverStats>;
  /**
   * Listens for keys that other processes changed, and tells them of ours, where the store itself carries messages. `lost` is
   * called when messages may have been missed. Used by `tiered` when it is given no other bus.
   */
  bus?(): Bus;
  /** Waits for what was sent, then ends connections. Later calls are refused by the core. */
  close(): Promise<void>;
}

export interface DriverStats {
  readonly count?: number;
  readonly bytes?: number;
  readonly evictions?: number;
  /** What the store itself says. */
  readonly raw?: Readonly<Record<string, unknown>>;
}

/** What carries messages between processes: a small part of a pub/sub. */
export interface Bus {
  publish(channel: string, message: string): Promise<unknown>;
  /** Calls `listener` for each message; `lost` when some may have been missed (after a reconnect). */
  subscribe(channel: string, listener: (message: string) => void, lost: () => void): Promise<{ close(): Promise<unknown> }>;
}

/** What a driver is opened with. */
export interface DriverOptions {
  readonly url: string;
  /** Settings of this driver, which win over those of the URL's query. The driver checks them. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Told by the driver of what happens to its connection. */
  readonly events?: ClientEvents | undefined;
  /** Whether values may be bytes; where not, a driver need not look for them. */
  readonly bytes: boolean;
  /** Opens another cache's driver, for drivers that stand before others. */
  readonly open: (url: string, options: Readonly<Record<string, unknown>>) => Promise<CacheDriver>;
}

export type OpenDriver = (options: DriverOptions) => Promise<CacheDriver>;
