// What topics are written with: a clean store for each, tests chosen by capability, known defects.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { QueueCapabilities, QueueDriver } from "../../queue/driver.js";
import type { ListenOptions } from "../../queue/listen-options.js";
import { openQueue, type QueueOptions } from "../../queue/open-queue.js";
import type { Queue } from "../../queue/queue.js";

/** A clean place on the engine under test, seen by nobody else: a prefix, a virtual host, an account. */
export interface QueueTestStore {
  /** Opens a driver for a queue of the store, as `openQueue` would; several may be open at once, for one queue too. The suite closes what it opens. */
  openDriver(queue: string): Promise<QueueDriver>;
  /** Removes the store and what is in it. */
  clean(): Promise<void>;
}

/** A promise that a driver is known not to keep. The test still runs; passing by surprise fails the run. */
export interface KnownQueueDefect {
  /** The test's name with its topic: `topic > name`. */
  readonly test: string;
  readonly reason: string;
}

/** A driver as its author hands it to `testQueueDriver`. */
export interface QueueDriverUnderTest {
  /** Names the tests: `driver: <id>`. */
  readonly id: string;
  openStore(): Promise<QueueTestStore>;
  /** The shortest visibility timeout and delay that the engine keeps, in milliseconds; default 1. */
  readonly grainMs?: number;
  readonly knownDefects?: readonly KnownQueueDefect[];
}

/** What the tests of a topic are given. */
export interface QueueContext {
  readonly capabilities: QueueCapabilities;
  /** A time that the engine keeps well, for delays and visibility timeouts: short, but not so short that a busy machine misses it. */
  readonly unitMs: number;
  /** A queue name that no other test has. */
  fresh(): string;
  /** Opens a queue; a new one without a name. */
  queue(name?: string, options?: QueueOptions): Promise<Queue>;
  /** Opens a driver of a queue, past the facade. */
  driver(name: string): Promise<QueueDriver>;
}

type QueueTest = (context: QueueContext) => Promise<void>;

export interface QueueTopic {
  /** A behaviour that every driver has, unless it lists it as a known defect. */
  test(name: string, test: QueueTest): void;
}

/** Registers the topics' tests for one driver. */
export class QueueSuite {
  readonly #driver: QueueDriverUnderTest;
  readonly #defects: Set<string>;

  constructor(driver: QueueDriverUnderTest) {
    this.#driver = driver;
    this.#defects = new Set((driver.knownDefects ?? []).map(({ test }) => test));
  }

  topic(name: string, register: (topic: QueueTopic) => void): void {
    describe(name, () => {
      const state = new TopicState(this.#driver);
      beforeAll(() => state.start());
      afterAll(() => state.stop());
      register({
        test: (title, test) => {
          const isDefect = this.#defects.delete(`${name} > ${title}`);
          (isDefect ? it.fails : it)(title, () => state.run(test));
        },
      });
    });
  }

  /** Registers a test that fails for a known defect that names no test. */
  end(): void {
    // In a part of its own: the parts before it are filled when all are registered.
    describe("known defects", () => {
      it("each names a test", () => expect([...this.#defects]).toEqual([]));
    });
  }
}

class TopicState {
  readonly #driver: QueueDriverUnderTest;
  #store: QueueTestStore | undefined;
  #capabilities: QueueCapabilities | undefined;
  #count = 0;

  constructor(driver: QueueDriverUnderTest) {
    this.#driver = driver;
  }

  async start(): Promise<void> {
    this.#store = await this.#driver.openStore();
    const driver = await this.#store.openDriver("capabilities");
    this.#capabilities = driver.capabilities;
    await driver.close();
  }

  async run(test: QueueTest): Promise<void> {
    const store = this.#store;
    if (store === undefined || this.#capabilities === undefined) throw new Error("the topic's store could not be opened");
    const opened: { close(): Promise<void> }[] = [];
    const kept = <T extends { close(): Promise<void> }>(thing: T): T => {
      opened.push(thing);
      return thing;
    };
    const fresh = (): string => `q${++this.#count}`;
    try {
      await test({
        capabilities: this.#capabilities,
        unitMs: Math.max(300, this.#driver.grainMs ?? 1),
        fresh,
        queue: async (name = fresh(), options = {}) => kept(await openQueue({ driver: await store.openDriver(name), name, ...options })),
        driver: async (name) => {
          const driver = kept(await store.openDriver(name));
          await driver.ready?.();
          return driver;
        },
      });
    } finally {
      await Promise.all(opened.map((thing) => thing.close()));
    }
  }

  async stop(): Promise<void> {
    await this.#store?.clean();
  }
}

/** A delivery as a test sees it. */
export interface Seen {
  readonly data: unknown;
  readonly id: string;
  readonly attempt: number;
  readonly at: number;
}

/** Listens, and keeps what comes. Handlers do `work`; a listener of a test that ended does not wait for handlers that hang. */
export async function collect(
  queue: Queue,
  options: ListenOptions = {},
  work: (seen: Seen) => unknown = () => undefined,
): Promise<{ readonly seen: readonly Seen[]; readonly close: () => Promise<void> }> {
  const seen: Seen[] = [];
  const listener = await queue.listen(
    (data, { id, attempt }) => {
      const each = { data, id, attempt, at: Date.now() };
      seen.push(each);
      return work(each);
    },
    { closeTimeoutMs: 1000, graceMs: 0, ...options },
  );
  return { seen, close: () => listener.close() };
}

/** Waits until something holds, in milliseconds at most `withinMs`; a test that waits in vain says for what. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, withinMs = 20_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The payloads of what was seen. */
export const dataOf = (seen: readonly Seen[]): unknown[] => seen.map(({ data }) => data);
