// What the parts of a cache share: the driver behind its checks, the codec, prefixed keys, and what stored values mean.

import type { ClientEvents, Clock, Log } from "@bk/core";
import { LRUCache } from "lru-cache";
import type { CallOptions, Calls } from "./calls.js";
import { type Codec, isWrapped, plain, unwrap, type Unwrapped, wrap, type Wrapping } from "./codec.js";
import type { Awaitable, CacheDriver, Call, PeekedEntry, Stored } from "./driver.js";
import { CacheError, invalid } from "./errors.js";
import { deepFreeze } from "./freeze.js";
import { systemKey, valueKey } from "./keys.js";
import type { Operation, ResultOf } from "./operation.js";
import { checkKey, checkTtl } from "./options.js";
import { reads } from "./operation.js";
import { sizeOf } from "./stored.js";

/**
 * What reads do while the store cannot be reached:
 * - `throw`: they reject;
 * - `miss`: they find nothing;
 * - `stale`: they find what this process read or wrote last, however old, else nothing.
 *
 * Changes always reject: one that was quietly dropped would leave old values in the store.
 */
export type DownPolicy = "throw" | "miss" | "stale";

export interface ReadOptions extends CallOptions {
  /** Default: that of the cache. */
  readonly onDown?: DownPolicy | undefined;
}

export interface CoreOptions {
  readonly driver: CacheDriver;
  readonly calls: Calls;
  readonly codec: Codec;
  readonly prefix: string;
  readonly ttlMs: number;
  readonly isFrozen: boolean;
  readonly onDown: DownPolicy;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: ClientEvents;
}

/** Counts since the cache was opened. */
export interface Counts {
  hits: number;
  misses: number;
  sets: number;
  deletes: number;
}

/** How many values of the last moment are kept for `stale`. */
const maxLastSeen = 10_000;
/** A warning of one kind is logged once in this time. */
const warnEveryMs = 60_000;

/** What an entry's `memo` holds for one that is wrapped. */
class WrappedMemo {
  readonly parts: Unwrapped;
  value: unknown;

  constructor(parts: Unwrapped) {
    this.parts = parts;
  }
}

/** What a stored value turned out to be. */
export interface Found {
  readonly parts: Unwrapped;
  readonly isFresh: boolean;
}

export class CacheCore {
  readonly driver: CacheDriver;
  readonly calls: Calls;
  readonly codec: Codec;
  readonly prefix: string;
  readonly ttlMs: number;
  readonly isFrozen: boolean;
  readonly onDown: DownPolicy;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: ClientEvents;
  readonly counts: Counts = { hits: 0, misses: 0, sets: 0, deletes: 0 };
  readonly #warned = new Map<string, number>();
  #lastSeen: LRUCache<string, Stored> | undefined;

  constructor(options: CoreOptions) {
    this.driver = options.driver;
    this.calls = options.calls;
    this.codec = options.codec;
    this.prefix = options.prefix;
    this.ttlMs = options.ttlMs;
    this.isFrozen = options.isFrozen;
    this.onDown = options.onDown;
    this.clock = options.clock;
    this.log = options.log;
    this.events = options.events;
    if (options.onDown === "stale") this.#lastSeen = newLastSeen();
  }

  key(key: unknown): string {
    return valueKey(this.prefix, checkKey(key));
  }

  ttl(ttlMs: unknown): number {
    return checkTtl(ttlMs, this.ttlMs);
  }

  /** @throws CacheError `invalid`, `too-large` */
  encode(value: unknown): Stored {
    const stored = plain(this.codec.encode(value));
    this.checkSize(stored);
    return stored;
  }

  checkSize(stored: Stored): void {
    const { maxValueBytes } = this.driver.capabilities;
    // A unit of a text is three bytes at most, so most need no counting.
    if (maxValueBytes === undefined || stored.length * 3 <= maxValueBytes || sizeOf(stored) <= maxValueBytes) return;
    throw new CacheError("too-large", `the value is larger than ${maxValueBytes} bytes`, { detail: { maxValueBytes } });
  }

  wrap(value: Stored, wrapping: Wrapping): Stored {
    const stored = wrap(value, wrapping);
    this.checkSize(stored);
    return stored;
  }

  decode(stored: Stored): unknown {
    const value = this.codec.decode(stored);
    return this.isFrozen ? deepFreeze(value) : value;
  }

  /**
   * The value of an entry that can be read at once.
   *
   * @param isLast  nobody looks further, so that nothing is a miss
   */
  peek(key: string, isLast = true): unknown {
    const entry = this.driver.peek!(key);
    if (entry === undefined) {
      if (isLast) this.counts.misses++;
      return undefined;
    }
    const { memo } = entry;
    const value = memo === undefined || memo instanceof WrappedMemo ? this.#valueOfEntry(entry) : memo;
    if (value !== undefined) this.counts.hits++;
    else if (isLast) this.counts.misses++;
    return value;
  }

  #valueOfEntry(entry: PeekedEntry): unknown {
    const { value: stored } = entry;
    if (!isWrapped(stored)) {
      const value = this.decode(stored);
      if (this.#mayBeShared(value)) entry.memo = value;
      return value;
    }
    const memo = entry.memo instanceof WrappedMemo ? entry.memo : (entry.memo = new WrappedMemo(unwrap(stored)));
    const { parts } = memo as WrappedMemo;
    if (parts.isAbsent || !this.#isFresh(parts)) return undefined;
    for (const [tag, mark] of parts.tags ?? []) if (this.driver.peek!(systemKey(this.prefix, "tag", tag))?.value !== mark) return undefined;
    const known = (memo as WrappedMemo).value;
    if (known !== undefined) return known;
    const value = this.decode(parts.value);
    if (this.#mayBeShared(value)) (memo as WrappedMemo).value = value;
    return value;
  }

  #mayBeShared(value: unknown): boolean {
    return typeof value !== "object" || value === null || (this.isFrozen && Object.isFrozen(value));
  }

  /** Takes a stored value apart; undefined when its tags were invalidated. */
  async take(stored: Stored, call: Call): Promise<Found | undefined> {
    if (!isWrapped(stored)) return { parts: { value: stored }, isFresh: true };
    const parts = unwrap(stored);
    if (parts.tags !== undefined && !(await this.#tagsHold(parts.tags, call))) return undefined;
    return { parts, isFresh: this.#isFresh(parts) };
  }

  /** The caller's value of a stored one; undefined when it is not to be seen any more. */
  present(stored: Stored | undefined, call: Call): Awaitable<unknown> {
    if (stored === undefined) return undefined;
    if (!isWrapped(stored)) return this.decode(stored);
    return this.take(stored, call).then((found) =>
      found === undefined || !found.isFresh || found.parts.isAbsent ? undefined : this.decode(found.parts.value),
    );
  }

  #isFresh({ freshUntil }: Wrapping): boolean {
    return freshUntil === undefined || freshUntil > this.clock.now();
  }

  async #tagsHold(tags: NonNullable<Wrapping["tags"]>, call: Call): Promise<boolean> {
    const keys = tags.map(([tag]) => systemKey(this.prefix, "tag", tag));
    const marks = await this.driver.getMany(keys, call);
    return tags.every(([, mark], i) => marks[i] === mark);
  }

  /** The marks of tags as they are now, made where there are none, kept for at least as long as an entry with them. */
  async marksOf(tags: readonly string[], ttlMs: number, call: Call): Promise<NonNullable<Wrapping["tags"]>> {
    return Promise.all(
      tags.map(async (tag): Promise<readonly [string, string]> => {
        const own = Array.from(this.clock.randomBytes(9), (byte) => byte.toString(36)).join("");
        const key = systemKey(this.prefix, "tag", tag);
        const there = await this.driver.apply(key, { op: "add", value: own, ttlMs, prolong: true } as const, call);
        return [tag, typeof there === "string" ? there : own];
      }),
    );
  }

  /** Runs one operation on one entry. */
  apply<Op extends Operation>(op: string, key: string, operation: Op, options: CallOptions | undefined): Promise<ResultOf<Op>> {
    return this.calls.run(op, reads.has(operation.op), options, (call) => this.driver.apply(key, operation, call));
  }

  /** Runs a read, and does what the policy says when the store cannot be reached. */
  read<T>(
    op: string,
    options: ReadOptions | undefined,
    work: (call: Call) => Awaitable<T>,
    lastSeen: (of: (key: string) => Stored | undefined) => Awaitable<T>,
  ): Promise<T> {
    const policy = this.policyOf(options);
    const result = this.calls.run(op, true, options, work);
    if (policy === "throw") return result;
    return result.catch((error: unknown) => {
      if (!isDown(error)) throw error;
      this.warn("down", "the store of the cache cannot be reached; reads go on without it", error);
      return lastSeen((key) => (policy === "stale" ? this.#lastSeen?.get(key) : undefined));
    });
  }

  policyOf(options: ReadOptions | undefined): DownPolicy {
    const policy = options?.onDown ?? this.onDown;
    if (policy !== "throw" && policy !== "miss" && policy !== "stale") throw invalid("onDown", "one of throw, miss, stale");
    // From now on, so that later calls have something to give.
    if (policy === "stale") this.#lastSeen ??= newLastSeen();
    return policy;
  }

  /** Keeps what was seen, for the policy `stale`. */
  saw(key: string, stored: Stored | undefined): void {
    if (this.#lastSeen === undefined) return;
    if (stored === undefined) this.#lastSeen.delete(key);
    else this.#lastSeen.set(key, stored);
  }

  /** The value that was seen last, whatever became of its tags and its time since; undefined: none, or known to be absent. */
  decodeSeen(stored: Stored | undefined): unknown {
    const parts = this.#partsSeen(stored);
    return parts === undefined || parts.isAbsent ? undefined : this.decode(parts.value);
  }

  /** What was seen of a key last; undefined where nothing is kept. */
  lastSeen(key: string): Unwrapped | undefined {
    return this.#partsSeen(this.#lastSeen?.get(key));
  }

  #partsSeen(stored: Stored | undefined): Unwrapped | undefined {
    if (stored === undefined) return undefined;
    return isWrapped(stored) ? unwrap(stored) : { value: stored };
  }

  forgetSeen(): void {
    this.#lastSeen?.clear();
  }

  warn(kind: string, message: string, error: unknown): void {
    const now = this.clock.now();
    if (now - (this.#warned.get(kind) ?? -Infinity) < warnEveryMs) return;
    this.#warned.set(kind, now);
    const facts = error instanceof CacheError ? { code: error.code, error: error.message } : { error: String(error) };
    this.log.warn(message, { driver: this.driver.name, ...facts });
  }
}

const newLastSeen = (): LRUCache<string, Stored> => new LRUCache({ max: maxLastSeen });

/** Whether a read failed because the store cannot be reached, not because of what was asked. */
export function isDown(error: unknown): boolean {
  return error instanceof CacheError && (error.code === "unavailable" || error.code === "timeout" || error.code === "limited");
}
