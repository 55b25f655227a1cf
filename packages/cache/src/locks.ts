// Locks: waiting for one, keeping it, and telling when it is lost.

import type { CallOptions } from "./calls.js";
import type { CacheCore } from "./core.js";
import type { Call } from "./driver.js";
import { CacheError, invalid } from "./errors.js";
import { systemKey } from "./keys.js";
import type { LockReply } from "./operation.js";
import { checkInteger, checkKey, checkOptions } from "./options.js";

export interface LockOptions extends CallOptions {
  /** How long the lock is held unless it is extended or released, in milliseconds; default 60,000. */
  readonly ttlMs?: number | undefined;
  /** How long to wait for a lock that somebody else holds, in milliseconds; default 0. */
  readonly waitMs?: number | undefined;
  /** Extends the lock by itself, every third of `ttlMs`, until it is released. Default false. */
  readonly renew?: boolean | undefined;
}

const lockOptions = ["signal", "timeoutMs", "ttlMs", "waitMs", "renew"];
const maxTimerMs = 2 ** 31 - 1;
/** How long a waiter waits between attempts on average, in milliseconds. */
const attemptEveryMs = 50;

interface LockStore {
  extend(ttlMs: number): Promise<boolean>;
  release(): Promise<boolean>;
  forget(lock: CacheLock): void;
}

/** A lock that is held. */
export class CacheLock {
  /** The fencing token: above those of all holders before. A resource that refuses smaller ones than it has seen is safe from late holders. */
  readonly token: number;
  /** Aborts when the lock is lost: its time was over, somebody freed it, or the store cannot be reached until its time is over. */
  readonly signal: AbortSignal;
  readonly #store: LockStore;
  readonly #lost = new AbortController();
  #ttlMs: number;
  readonly #renews: boolean;
  /** By `performance.now()`: counted from before the store was asked, so never later than the store's own. */
  #deadline: number;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /** @internal */
  constructor(store: LockStore, token: number, ttlMs: number, askedAt: number, renews: boolean) {
    this.#store = store;
    this.token = token;
    this.signal = this.#lost.signal;
    this.#ttlMs = ttlMs;
    this.#renews = renews;
    this.#deadline = askedAt + ttlMs;
    this.#arm();
  }

  /** Whether the lock is held as far as this process knows. */
  get isHeld(): boolean {
    return !this.#isOver && performance.now() < this.#deadline;
  }

  /**
   * Holds the lock for `ttlMs` from now; default: as long as at first.
   *
   * @returns false when it was lost before
   */
  async extend(ttlMs: number = this.#ttlMs): Promise<boolean> {
    checkInteger(ttlMs, "ttlMs", 1, maxTimerMs);
    if (this.#isOver) return false;
    const askedAt = performance.now();
    const isHeld = await this.#store.extend(ttlMs);
    if (!isHeld) this.#lose("the lock is not held any more");
    if (!isHeld || this.#isOver) return false;
    this.#ttlMs = ttlMs;
    this.#deadline = askedAt + ttlMs;
    this.#arm();
    return true;
  }

  /** Frees the lock. @returns false when it was lost or released before */
  async release(): Promise<boolean> {
    if (this.#isOver) return false;
    this.#end();
    return this.#store.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const rest = this.#deadline - performance.now();
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(0, this.#renews ? Math.min(rest, this.#ttlMs / 3) : rest));
    // A lock keeps no process from ending; its time is over then.
    this.#timer.unref();
  }

  #onTimer(): void {
    if (performance.now() >= this.#deadline) return this.#lose("the time of the lock is over");
    if (!this.#renews) return this.#arm();
    // One that fails is tried again, until the time is over.
    this.extend().catch(() => {
      if (!this.#isOver) this.#arm();
    });
  }

  #lose(why: string): void {
    if (this.#isOver) return;
    this.#end();
    this.#lost.abort(new CacheError("condition-failed", why));
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#store.forget(this);
  }
}

export class Locks {
  readonly #core: CacheCore;
  readonly #held = new Set<CacheLock>();

  constructor(core: CacheCore) {
    this.#core = core;
  }

  async lock(key: string, options: LockOptions | undefined): Promise<CacheLock | null> {
    checkOptions(options, lockOptions, "lock");
    const name = systemKey(this.#core.prefix, "lock", checkKey(key));
    const ttlMs = checkInteger(options?.ttlMs ?? 60_000, "ttlMs", 1, maxTimerMs);
    const waitMs = checkInteger(options?.waitMs ?? 0, "waitMs", 0);
    const renews = options?.renew ?? false;
    if (typeof renews !== "boolean") throw invalid("renew", "true or false");
    const owner = this.newOwner();
    const deadline = performance.now() + waitMs;
    for (;;) {
      const askedAt = performance.now();
      const reply = await this.#attempt(name, owner, ttlMs, options, deadline);
      if (reply.token > 0) return this.#hold(name, owner, reply.token, ttlMs, askedAt, renews);
      const rest = deadline - performance.now();
      if (rest <= 0) return null;
      const pause = Math.min(rest, Math.max(1, reply.retryAfterMs), attemptEveryMs * (0.5 + this.#core.clock.random()));
      await this.#sleep(pause, options?.signal);
    }
  }

  async withLock<T>(key: string, options: LockOptions | undefined, run: (lock: CacheLock) => Promise<T> | T): Promise<T> {
    const lock = await this.lock(key, { ...options, renew: options?.renew ?? true });
    if (lock === null)
      throw new CacheError("condition-failed", `${this.#core.driver.name} withLock: somebody else holds the lock`, {
        driver: this.#core.driver.name,
        op: "withLock",
      });
    try {
      return await run(lock);
    } finally {
      // What `run` gave counts more than a lock that could not be freed: its time ends it.
      await lock.release().catch((error: unknown) => this.#core.warn("release", "a lock could not be released", error));
    }
  }

  async locked(key: string, options: CallOptions | undefined): Promise<boolean> {
    checkOptions(options, ["signal", "timeoutMs"], "locked");
    return this.#core.apply("locked", systemKey(this.#core.prefix, "lock", checkKey(key)), { op: "locked" } as const, options);
  }

  async unlock(key: string, options: CallOptions & { readonly force: true }): Promise<boolean> {
    checkOptions(options, ["signal", "timeoutMs", "force"], "unlock");
    if (options?.force !== true) throw invalid("force", "true: whoever holds the lock loses it; holders call release()");
    const name = systemKey(this.#core.prefix, "lock", checkKey(key));
    return this.#core.apply("unlock", name, { op: "unlock", owner: undefined } as const, options);
  }

  /** Frees what is held: nobody renews it any more. */
  async releaseAll(): Promise<void> {
    await Promise.all(
      [...this.#held].map((lock) =>
        lock.release().catch((error: unknown) => this.#core.warn("release", "a lock could not be released", error)),
      ),
    );
  }

  newOwner(): string {
    return Array.from(this.#core.clock.randomBytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** Asks once. While there is time to wait, a store that cannot be reached is as good as a lock that is held. */
  async #attempt(name: string, owner: string, ttlMs: number, options: CallOptions | undefined, deadline: number): Promise<LockReply> {
    const { calls, driver } = this.#core;
    try {
      return await calls.run("lock", false, options, async (call) => {
        const reply = await driver.apply(name, { op: "lock", owner, ttlMs } as const, call);
        // Nobody waits for it any more.
        if (call.isGone && reply.token > 0) this.#free(name, owner);
        return reply;
      });
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
      const isOver = performance.now() >= deadline || error.code !== "unavailable" || options?.signal?.aborted === true;
      // Asking again with the same owner gives what the lost answer may have given.
      if (!isOver) return { token: 0, retryAfterMs: attemptEveryMs };
      if (error.outcome !== "none" && error.code === "unavailable") this.#free(name, owner);
      throw error;
    }
  }

  #free(name: string, owner: string): void {
    const call: Call = { isGone: false, isSent: false };
    // What may be held and is wanted by nobody ends with its time, if not now.
    void Promise.resolve()
      .then(() => this.#core.driver.apply(name, { op: "unlock", owner } as const, call))
      .catch((error: unknown) => this.#core.log.debug("a lock that nobody waits for could not be released", { error: String(error) }));
  }

  #hold(name: string, owner: string, token: number, ttlMs: number, askedAt: number, renews: boolean): CacheLock {
    const store: LockStore = {
      extend: (ms) => this.#core.apply("extend", name, { op: "extend", owner, ttlMs: ms } as const, undefined),
      // Also while the cache is being closed.
      release: () =>
        this.#core.calls.inner("unlock", false, undefined, (call) => this.#core.driver.apply(name, { op: "unlock", owner } as const, call)),
      forget: (lock) => void this.#held.delete(lock),
    };
    const lock = new CacheLock(store, token, ttlMs, askedAt, renews);
    this.#held.add(lock);
    return lock;
  }

  async #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#core.clock.sleep(ms, signal);
    } catch (error) {
      throw new CacheError("cancelled", `${this.#core.driver.name} lock: cancelled by the caller's signal`, {
        driver: this.#core.driver.name,
        op: "lock",
        outcome: "none",
        cause: error instanceof Error ? error.cause : error,
      });
    }
  }
}
