// What topics are written with.

import type { ErrorCode } from "@bk/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Cache } from "../cache.js";
import type { Capabilities } from "../driver.js";
import type { CacheOptions } from "../open-cache.js";

/** A clean place on the store under test, seen by nobody else: a prefix, a process. */
export interface TestCacheStore {
  /** Opens a cache on the store, as an app would; several may be open at once. The suite closes what it opens. */
  openCache(options?: CacheOptions): Promise<Cache>;
  /** Lets time pass for the store: moves its clock, or waits. */
  pass(ms: number): Promise<void>;
  /** Removes the store and what is in it. */
  clean(): Promise<void>;
}

/** A promise that a driver is known not to keep. The test still runs; passing by surprise fails the run. */
export interface KnownDefect {
  /** The test's name with its topic: `topic > name`. */
  readonly test: string;
  readonly reason: string;
}

/** A driver as its author hands it to {@link testCacheDriver}. */
export interface CacheDriverUnderTest {
  /** Names the tests: `driver: <id>`. */
  readonly id: string;
  openStore(): Promise<TestCacheStore>;
  readonly knownDefects?: readonly KnownDefect[];
}

export interface TopicContext {
  /** A cache with the usual settings, shared by the tests of the topic. */
  readonly cache: Cache;
  readonly capabilities: Capabilities;
  /** A text that no other test has. */
  fresh(): string;
  /** Another cache on the same store, closed when the topic ends. */
  open(options?: CacheOptions): Promise<Cache>;
  pass(ms: number): Promise<void>;
}

export type TopicTest = (context: TopicContext) => Promise<void>;
export type Topic = (name: string, test: TopicTest) => void;

let made = 0;

/** Registers the topics' tests for one driver. */
export class Suite {
  readonly #driver: CacheDriverUnderTest;
  readonly #defects: Set<string>;

  constructor(driver: CacheDriverUnderTest) {
    this.#driver = driver;
    this.#defects = new Set((driver.knownDefects ?? []).map(({ test }) => test));
  }

  topic(name: string, register: (test: Topic) => void): void {
    describe(name, () => {
      const opened: Cache[] = [];
      let store: TestCacheStore;
      let cache: Cache;
      beforeAll(async () => {
        store = await this.#driver.openStore();
        cache = await open();
      });
      afterAll(async () => {
        await Promise.all(opened.map((each) => each.close()));
        await store.clean();
      });
      const open = async (options?: CacheOptions): Promise<Cache> => {
        const one = await store.openCache(options);
        opened.push(one);
        return one;
      };
      register((title, test) => {
        const run = this.#defects.delete(`${name} > ${title}`) ? it.fails : it;
        run(title, () =>
          test({ cache, capabilities: cache.capabilities, fresh: () => `t${(made++).toString(36)}`, open, pass: (ms) => store.pass(ms) }),
        );
      });
    });
  }

  /** Registers a failing test for each known defect that names no test. */
  end(): void {
    for (const test of this.#defects)
      it(`known defect "${test}" names a test`, () => {
        expect.fail("there is no test of this name; it may have been renamed");
      });
  }
}

/** The call rejects with a `CacheError` of this code and these members. */
export async function refuses(call: Promise<unknown>, code: ErrorCode, members: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const error: unknown = await call.then(
    (result) => expect.fail(`expected ${code}, but the call gave ${String(JSON.stringify(result)).slice(0, 200)}`),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: "CacheError", code, ...members });
}

/** A time to live in which a few calls are surely made, a time after which it is surely over, and a long one. */
export interface Times {
  readonly soon: number;
  readonly past: number;
  readonly later: number;
}

/** Runs what depends on the store's time; on a machine on which calls take longer than a time to live, again with longer ones. */
export async function patiently({ capabilities: { ttlStepMs } }: TopicContext, work: (times: Times) => Promise<void>): Promise<void> {
  for (let soon = Math.max(500, ttlStepMs); ; soon *= 4) {
    // The store's clock may be one step late itself.
    const past = soon + 2 * ttlStepMs + 100;
    const begun = performance.now();
    try {
      return await work({ soon, past, later: soon * 1000 });
    } catch (error) {
      // Where time is moved, or was enough, the store is at fault.
      const isSlow = performance.now() - begun > past + soon / 2;
      if (!isSlow || soon > 8_000) throw error;
    }
  }
}

/** The keys that a listing gives, sorted. */
export async function keysOf(cache: Cache, pattern?: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of cache.keys(pattern)) keys.push(key);
  return keys.sort();
}

/** Waits until `holds`, by asking again; for at most `withinMs` milliseconds. */
export async function eventually(holds: () => Promise<boolean>, what: string, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) expect.fail(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
