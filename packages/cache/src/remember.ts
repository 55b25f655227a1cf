// Reading through the cache: one loader at a time for a key, in this process and across processes.

import { onAbort } from "@bk/core";
import { plain } from "./codec.js";
import { type CacheCore, type DownPolicy, isDown, type ReadOptions } from "./core.js";
import type { Call, Stored } from "./driver.js";
import { CacheError, invalid } from "./errors.js";
import { systemKey } from "./keys.js";
import type { Locks } from "./locks.js";
import { checkInteger, checkKey, checkKeys, checkNumber, checkOptions, checkTtl } from "./options.js";

export interface RememberOptions extends ReadOptions {
  /** How long what was loaded is fresh, in milliseconds; default: that of the cache. 0: for ever. */
  readonly ttlMs?: number | undefined;
  /** How much longer it may be given while it is loaded anew in the background; default 0. */
  readonly staleMs?: number | undefined;
  /** How long it is remembered that the loader gave `undefined`; default 0: not at all. */
  readonly negativeTtlMs?: number | undefined;
  /** Shortens each `ttlMs` by up to this part at random, so that what was loaded together does not expire together; 0 to 1, default 0. */
  readonly jitter?: number | undefined;
  /** Tags, by which `invalidate` drops it. */
  readonly tags?: readonly string[] | undefined;
  /** How long other processes wait for the one that loads, in milliseconds, before they load too; default 30,000. 0: each process loads by itself. */
  readonly loadMs?: number | undefined;
}

/** What a loader is given. */
export interface LoadContext {
  /** Aborts when nobody waits for the value any more. */
  readonly signal: AbortSignal;
}

const rememberOptions = ["signal", "timeoutMs", "onDown", "ttlMs", "staleMs", "negativeTtlMs", "jitter", "tags", "loadMs"];
/** How long to wait between looks for a value that another process loads, in milliseconds, on average. */
const lookEveryMs = 25;

type Loader = (context: LoadContext) => unknown;

interface Plan {
  readonly key: string;
  /** Where the process that loads says so. */
  readonly markKey: string;
  readonly loader: Loader;
  readonly ttlMs: number;
  readonly staleMs: number;
  readonly negativeTtlMs: number;
  readonly jitter: number;
  readonly tags: readonly string[];
  readonly loadMs: number;
  readonly policy: DownPolicy;
}

/** A load, or the look that may lead to one. Gives the value in stored form, of which each waiter makes its own. */
interface Flight {
  readonly result: Promise<Stored | undefined>;
  readonly aborted: AbortController;
  waiters: number;
}

export class Remember {
  readonly #core: CacheCore;
  readonly #locks: Locks;
  readonly #flights = new Map<string, Flight>();
  readonly #refreshes = new Map<string, Flight>();

  constructor(core: CacheCore, locks: Locks) {
    this.#core = core;
    this.#locks = locks;
  }

  remember(key: string, loader: Loader, options: RememberOptions | undefined): Promise<unknown> {
    let plan: Plan;
    try {
      this.#core.calls.assertOpen("remember");
      plan = this.#plan(key, loader, options);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    let flight = this.#flights.get(plan.key);
    if (flight === undefined) {
      const aborted = new AbortController();
      flight = { result: this.#lookOrLoad(plan, aborted), aborted, waiters: 0 };
      this.#track(this.#flights, plan.key, flight);
    }
    return this.#await(flight, options);
  }

  /** What is loaded for a key from now on is loaded anew, and what is being loaded is not kept. */
  overtake(keys: Iterable<string>): void {
    if (this.#flights.size + this.#refreshes.size === 0) return;
    for (const key of keys) for (const flights of [this.#flights, this.#refreshes]) flights.delete(key);
  }

  overtakeAll(): void {
    this.#flights.clear();
    this.#refreshes.clear();
  }

  /** Ends what nobody waits for, and waits for what is under way. */
  async settle(): Promise<void> {
    for (const { aborted } of this.#refreshes.values()) aborted.abort();
    await Promise.allSettled([...this.#flights.values(), ...this.#refreshes.values()].map(({ result }) => result));
  }

  #plan(key: string, loader: Loader, options: RememberOptions | undefined): Plan {
    checkOptions(options, rememberOptions, "remember");
    if (typeof loader !== "function") throw invalid("loader", "a function");
    const ttlMs = this.#core.ttl(options?.ttlMs);
    const staleMs = checkTtl(options?.staleMs, 0, "staleMs");
    if (staleMs > 0 && ttlMs === 0) throw invalid("staleMs", "0 or left out where nothing expires (ttlMs 0)");
    return {
      key: this.#core.key(key),
      markKey: systemKey(this.#core.prefix, "load", checkKey(key)),
      loader,
      ttlMs,
      staleMs,
      negativeTtlMs: checkTtl(options?.negativeTtlMs, 0, "negativeTtlMs"),
      jitter: checkNumber(options?.jitter ?? 0, "jitter", 0, 1),
      tags: options?.tags === undefined ? [] : [...new Set(checkKeys(options.tags, "tags"))],
      loadMs: checkInteger(options?.loadMs ?? 30_000, "loadMs", 0, 2 ** 31 - 1),
      policy: this.#core.policyOf(options),
    };
  }

  #track(flights: Map<string, Flight>, key: string, flight: Flight): void {
    flights.set(key, flight);
    const land = (): void => {
      if (flights.get(key) === flight) flights.delete(key);
    };
    flight.result.then(land, land);
  }

  /** Waits for a flight as long as the caller does; the flight goes on for others. */
  #await(flight: Flight, options: RememberOptions | undefined): Promise<unknown> {
    const { signal, timeoutMs } = options ?? {};
    flight.waiters++;
    return new Promise((resolve, reject) => {
      let stopListening: (() => void) | undefined;
      let timer: NodeJS.Timeout | undefined;
      const leave = (): void => {
        stopListening?.();
        clearTimeout(timer);
      };
      const giveUp = (code: "cancelled" | "timeout", what: string, cause?: unknown): void => {
        leave();
        if (--flight.waiters === 0) flight.aborted.abort(cause);
        const { name: driver } = this.#core.driver;
        reject(new CacheError(code, `${driver} remember: ${what}`, { driver, op: "remember", cause }));
      };
      if (signal?.aborted) return giveUp("cancelled", "cancelled by the caller's signal", signal.reason);
      if (signal !== undefined)
        stopListening = onAbort(signal, () => giveUp("cancelled", "cancelled by the caller's signal", signal.reason));
      if (timeoutMs !== undefined) timer = setTimeout(() => giveUp("timeout", "no value in time"), timeoutMs);
      flight.result
        .then((stored) => (stored === undefined ? undefined : this.#core.decode(stored)))
        .then(resolve, reject)
        .finally(leave);
    });
  }

  async #lookOrLoad(plan: Plan, aborted: AbortController): Promise<Stored | undefined> {
    const { counts } = this.#core;
    let seen: Seen;
    try {
      seen = await this.#look(plan);
    } catch (error) {
      if (plan.policy === "throw" || !isDown(error)) throw error;
      this.#core.warn("down", "the store of the cache cannot be reached; values are loaded without it", error);
      const last = plan.policy === "stale" ? this.#core.lastSeen(plan.key) : undefined;
      if (last !== undefined) return last.isAbsent ? undefined : last.value;
      counts.misses++;
      return this.#loadAlone(plan, aborted);
    }
    if (seen.state === "none") {
      counts.misses++;
      return this.#loadOnce(plan, aborted, seen, undefined);
    }
    counts.hits++;
    if (seen.state === "stale") this.#refresh(plan, seen);
    return seen.value;
  }

  async #look({ key }: Plan): Promise<Seen> {
    const { calls, driver } = this.#core;
    return calls.inner("remember", true, undefined, async (call) => {
      const stored = await driver.get(key, call);
      this.#core.saw(key, stored);
      const found = stored === undefined ? undefined : await this.#core.take(stored, call);
      if (found === undefined) return { stored, value: undefined, state: "none" };
      return { stored, value: found.parts.isAbsent ? undefined : found.parts.value, state: found.isFresh ? "fresh" : "stale" };
    });
  }

  /** Loads in the background; one that fails is logged, and tried again by the next call. */
  #refresh(plan: Plan, stale: Seen): void {
    if (this.#refreshes.has(plan.key)) return;
    const aborted = new AbortController();
    // Tracked before it begins, so that it can tell whether it was overtaken.
    const result = Promise.resolve()
      .then(() => this.#loadOnce(plan, aborted, stale, stale.stored))
      .catch((error: unknown) => {
        this.#core.warn("refresh", "a value could not be loaded anew; the old one is given as long as it may be", error);
        return undefined;
      });
    this.#track(this.#refreshes, plan.key, { result, aborted, waiters: 0 });
  }

  /**
   * Loads unless another process does: then what it stores is given.
   *
   * @param before  what was seen, where it need not be looked at again
   * @param stale  what is given meanwhile, of a load in the background
   */
  async #loadOnce(plan: Plan, aborted: AbortController, before: Seen, stale: Stored | undefined): Promise<Stored | undefined> {
    const { driver, clock, calls } = this.#core;
    const flights = stale === undefined ? this.#flights : this.#refreshes;
    if (driver.capabilities.scope === "process" || plan.loadMs === 0) return this.#load(plan, aborted, before, flights, undefined);
    const owner = this.#locks.newOwner();
    const mark = { op: "add", value: owner, ttlMs: plan.loadMs, prolong: false } as const;
    for (;;) {
      let isFirst: boolean;
      let seen: Seen;
      try {
        // One after the other: what was stored before the mark went away is seen.
        isFirst = (await calls.inner("remember", false, undefined, (call) => driver.apply(plan.markKey, mark, call))) === undefined;
        seen = await this.#look(plan);
      } catch (error) {
        if (!isDown(error) || plan.policy === "throw") throw error;
        return this.#loadAlone(plan, aborted);
      }
      if (seen.state === "fresh") {
        if (isFirst) await this.#unmark(plan, owner);
        return seen.value;
      }
      if (isFirst) return this.#load(plan, aborted, seen, flights, owner);
      // Another process loads it anew; this one has given the old value.
      if (stale !== undefined) return undefined;
      await clock.sleep(lookEveryMs * (0.5 + clock.random()), aborted.signal);
    }
  }

  async #loadAlone({ loader }: Plan, aborted: AbortController): Promise<Stored | undefined> {
    const value = await loader({ signal: aborted.signal });
    return value === undefined ? undefined : this.#core.codec.encode(value);
  }

  async #load(
    plan: Plan,
    aborted: AbortController,
    before: Seen,
    flights: ReadonlyMap<string, Flight>,
    owner: string | undefined,
  ): Promise<Stored | undefined> {
    try {
      // Before the load: what is invalidated meanwhile is not kept.
      const tags =
        plan.tags.length === 0
          ? []
          : await this.#core.calls.inner("remember", false, undefined, (call) => this.#core.marksOf(plan.tags, this.#keptMs(plan), call));
      const value = await this.#loadAlone(plan, aborted);
      const isOvertaken = flights.get(plan.key)?.aborted !== aborted;
      if (!isOvertaken) await this.#store(plan, value, tags, before, owner);
      else if (owner !== undefined) await this.#unmark(plan, owner);
      return value;
    } catch (error) {
      if (owner !== undefined) await this.#unmark(plan, owner);
      throw error;
    }
  }

  #keptMs({ ttlMs, staleMs, negativeTtlMs }: Plan): number {
    return ttlMs === 0 ? 0 : Math.max(ttlMs + staleMs, negativeTtlMs);
  }

  /** Stores what was loaded, if nobody wrote or removed the key meanwhile. What fails here does not fail the call: the value is there. */
  async #store(
    plan: Plan,
    value: Stored | undefined,
    tags: readonly (readonly [string, string])[],
    before: Seen,
    owner: string | undefined,
  ): Promise<void> {
    const { clock, driver, calls } = this.#core;
    if (value === undefined && plan.negativeTtlMs === 0) {
      if (owner !== undefined) await this.#unmark(plan, owner);
      return;
    }
    const isAbsent = value === undefined;
    const ttlMs = isAbsent ? plan.negativeTtlMs : Math.ceil(plan.ttlMs * (1 - plan.jitter * clock.random()));
    const freshUntil = !isAbsent && plan.staleMs > 0 ? clock.now() + ttlMs : undefined;
    const isPlain = !isAbsent && freshUntil === undefined && tags.length === 0;
    try {
      const stored = isPlain
        ? plain(value)
        : this.#core.wrap(value ?? "", { tags, ...(freshUntil === undefined ? {} : { freshUntil }), ...(isAbsent ? { isAbsent } : {}) });
      this.#core.checkSize(stored);
      const keptMs = ttlMs === 0 ? 0 : ttlMs + (freshUntil === undefined ? 0 : plan.staleMs);
      await calls.inner("remember", false, undefined, async (call) => {
        const write = { op: "replace", from: before.stored, value: stored, ttlMs: keptMs } as const;
        const isWritten = await driver.apply(plan.key, write, call);
        const isMine = owner === undefined || (await driver.apply(plan.markKey, { op: "remove", from: owner } as const, call));
        // The mark was taken away by who removed the key, or its time was over: what was loaded may be old.
        if (isWritten && !isMine) await driver.del([plan.key], call);
        else if (isWritten) this.#core.saw(plan.key, stored);
      });
      this.#core.counts.sets++;
    } catch (error) {
      this.#core.warn("store", "a value that was loaded could not be stored", error);
      if (owner !== undefined) await this.#unmark(plan, owner);
    }
  }

  async #unmark({ markKey }: Plan, owner: string): Promise<void> {
    const call: Call = { isGone: false, isSent: false };
    try {
      await this.#core.driver.apply(markKey, { op: "remove", from: owner } as const, call);
    } catch (error) {
      // Its time ends it.
      this.#core.log.debug("the mark of a load could not be removed", { error: String(error) });
    }
  }
}

/** What is stored under a key, and whether it may be given. */
interface Seen {
  readonly stored: Stored | undefined;
  /** Undefined where there is none, or where it is known that the loader finds none. */
  readonly value: Stored | undefined;
  readonly state: "fresh" | "stale" | "none";
}
