// What topics are written with: one clean store for each topic, tests chosen by capability, known defects.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Capabilities } from "../driver.js";
import type { TableDefinitions } from "../schema/definition.js";
import type { AnyDb, SuiteDbOptions } from "./any-db.js";

/** A clean place on the database under test, seen by nobody else: a database, a file, a prefix. */
export interface TestStore {
  /** Opens a `Db` on the store, as an app would; several may be open at once. The suite closes what it opens. */
  openDb(options: SuiteDbOptions): Promise<unknown>;
  /** Removes the store and what is in it. */
  clean(): Promise<void>;
}

/** A promise that a driver is known not to keep. The test still runs; passing by surprise fails the run. */
export interface KnownDefect {
  /** The test's name with its topic: `topic > name`. */
  readonly test: string;
  readonly reason: string;
  readonly link: string;
}

/** A driver as its author hands it to {@link testDriver}. */
export interface DriverUnderTest {
  /** Names the tests: `driver: <id>`. */
  readonly id: string;
  openStore(): Promise<TestStore>;
  /** Core promises (round trips, conflicts, pages, guards, rollback) cannot be listed here. */
  readonly knownDefects?: readonly KnownDefect[];
}

/** What the tests of a topic are given. */
export interface TopicContext {
  /** A database with the topic's tables, synced; shared by the tests of the topic. */
  readonly db: AnyDb;
  readonly capabilities: Capabilities;
  /** A text that no other test has. */
  fresh(): string;
  /** Another `Db` on the same store, closed when the topic ends. */
  open(options?: Partial<SuiteDbOptions>): Promise<AnyDb>;
}

type TopicTest = (context: TopicContext) => Promise<void>;

export interface Topic {
  /** A promise that every driver keeps; it cannot be listed as a known defect. */
  promise(name: string, test: TopicTest): void;
  /** A behaviour that every driver has unless it lists it as a known defect. */
  test(name: string, test: TopicTest): void;
}

export interface TopicOptions {
  readonly tables: TableDefinitions;
  readonly db?: Omit<SuiteDbOptions, "tables">;
}

/** Registers the topics' tests for one driver. */
export class Suite {
  readonly #driver: DriverUnderTest;
  readonly #defects: Map<string, KnownDefect>;

  constructor(driver: DriverUnderTest) {
    this.#driver = driver;
    this.#defects = new Map((driver.knownDefects ?? []).map((defect) => [defect.test, defect]));
  }

  topic(name: string, options: TopicOptions, register: (topic: Topic) => void): void {
    describe(name, () => {
      const state = new TopicState(this.#driver, options);
      beforeAll(() => state.start());
      afterAll(() => state.stop());
      register({
        promise: (title, test) => {
          if (this.#defects.delete(`${name} > ${title}`))
            throw new Error(`"${name} > ${title}" is a promise of the core; it cannot be a known defect of ${this.#driver.id}`);
          it(title, () => state.run(test));
        },
        test: (title, test) => {
          const register = this.#defects.delete(`${name} > ${title}`) ? it.fails : it;
          register(title, () => state.run(test));
        },
      });
    });
  }

  /** Registers a failing test for each known defect that names no test. */
  end(): void {
    for (const { test } of this.#defects.values())
      it(`known defect "${test}" names a test`, () => {
        expect.fail("there is no test of this name; it may have been renamed");
      });
  }
}

class TopicState {
  readonly #driver: DriverUnderTest;
  readonly #options: TopicOptions;
  readonly #opened: AnyDb[] = [];
  #store: TestStore | undefined;
  #context: TopicContext | undefined;

  constructor(driver: DriverUnderTest, options: TopicOptions) {
    this.#driver = driver;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#store = await this.#driver.openStore();
    const db = await this.#open({});
    await db.sync();
    const run = Math.random().toString(36).slice(2, 8);
    let count = 0;
    this.#context = {
      db,
      capabilities: db.capabilities(),
      fresh: () => `${run}${++count}`,
      open: (options = {}) => this.#open(options),
    };
  }

  async #open(options: Partial<SuiteDbOptions>): Promise<AnyDb> {
    const { tables, db } = this.#options;
    const opened = (await this.#store!.openDb({ tables, ...db, ...options })) as AnyDb;
    this.#opened.push(opened);
    return opened;
  }

  run(test: TopicTest): Promise<void> {
    if (this.#context === undefined) throw new Error("the topic's database could not be opened");
    return test(this.#context);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#opened.map((db) => db.close()));
    await this.#store?.clean();
  }
}
