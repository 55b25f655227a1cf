// Real processes that are killed in the middle of their work, and a broker that is: nothing is lost, and what runs twice has a kill
// to explain it.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Cache, openCache } from "@bk/cache";
import { defineJobs, type Jobs, openQueue, type Queue, type Receipt } from "@bk/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleProgram, type Program } from "../../../../test/bundle-program.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { canRun, idOf } from "../test-pubsub.js";
import { type Events, History, type Span } from "./history.js";

/** How many messages: all by `BK_TEST_KILLS=10000`, a part of it in an ordinary run. */
const messageCount = Number(process.env["BK_TEST_KILLS"] ?? 250);
const workers = 4;
const killEveryMs = 300;
/** Longer than a process of a busy machine stands still. The workers have it too. */
const visibilityMs = 3000;
/** Producers, each of which submits one message after the other. */
const producers = 8;
/** How far they may be ahead of the workers, so that they are at it all the time. */
const mostAhead = 400;
const keys = ["a", "b", "c"];
const turnEveryMs = 100;
/** Most turns that wait. */
const mostTurns = 30;

export interface KilledDriver {
  /** As in `driver: queue-<name>`. */
  readonly name: string;
  /** The variable of its server; it only says whether such servers can be had. */
  readonly env: string | undefined;
  /** The server of test/services that is started for this alone; it is killed and started again in the middle, unless it keeps nothing. */
  readonly service?: string;
  readonly keepsNothing?: boolean;
  /** The only node of the server that is killed; default all. */
  readonly node?: number;
  /** Milliseconds after which a queue that was made outlives the server's SIGKILL; default 0: at once. */
  readonly makingMs?: number;
  /** A server that is killed may hand out anew what was acknowledged long before. */
  readonly forgetsAcknowledgements?: boolean;
  /** The URL of the queue, from that of the server; `folder` is empty and its own. */
  url(place: { readonly server: string; readonly folder: string }): string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** A cache whose locks unique jobs use, from the URL of the server. */
  readonly locks?: (server: string) => string;
}

/** Registers the test of one driver. */
export function testKilled(driver: KilledDriver): void {
  const { name, service, keepsNothing = false } = driver;
  if (!canRun(driver)) {
    describe("not run here", () => it.skip(idOf(name), () => undefined));
    return;
  }
  describe(`driver: ${idOf(name)}`, () => {
    let server: Service | undefined;
    let program: Program;
    beforeAll(async () => {
      program = await bundleProgram(new URL("worker.ts", import.meta.url));
      if (service !== undefined) server = await startService(service);
    }, 180_000);
    afterAll(async () => {
      program?.remove();
      await server?.stop();
    }, 120_000);

    const what = service === undefined || keepsNothing ? "workers that are killed" : "workers and a broker that are killed";
    it(`${what} lose nothing, and nothing is done twice without need`, { timeout: 900_000 }, async () => {
      const folder = mkdtempSync(join(tmpdir(), "bk-killed-"));
      const run = new Run(driver, server?.url ?? "", folder, program);
      try {
        await run.go(server === undefined || keepsNothing ? undefined : server);
      } finally {
        await run.end();
        rmSync(folder, { recursive: true });
      }
    });
  });
}

class Run {
  readonly #driver: KilledDriver;
  readonly #url: string;
  readonly #locks: string | undefined;
  readonly #file: string;
  readonly #program: Program;
  readonly #name = `killed-${process.pid}-${Date.now()}`;
  readonly #children = new Set<ChildProcess>();
  /** Those that have begun to consume: killing others would only show how long a process takes to start. */
  readonly #working = new Set<ChildProcess>();
  readonly #kills = new Map<number, number>();
  readonly #closings: (() => Promise<unknown>)[] = [];
  #restart: Span | undefined;
  /** Submits that had to be repeated; after an unknown outcome the message may be there twice. */
  #repeated = 0;
  #doneCount = 0;
  #turnCount = 0;
  /** Workers that ended by themselves. */
  #crashed = 0;
  #isOver = false;

  constructor(driver: KilledDriver, server: string, folder: string, program: Program) {
    this.#driver = driver;
    this.#url = driver.url({ server, folder });
    this.#locks = driver.locks?.(server);
    this.#file = join(folder, "history");
    this.#program = program;
    writeFileSync(this.#file, "");
  }

  async go(broker: Service | undefined): Promise<void> {
    const { options = {} } = this.#driver;
    const begun = performance.now();
    const queue = await openQueue(this.#url, { name: this.#name, options, requestTimeoutMs: 5000 });
    this.#closings.push(() => queue.close());
    await queue.stats();
    await sleep(this.#driver.makingMs ?? 0);
    for (let worker = 0; worker < workers; worker++) this.#start();
    const submitting = Promise.all([this.#submitNotes(queue), this.#submitTurns(queue)]);
    // It is waited for below, and may fail before.
    submitting.catch(() => undefined);
    await this.#killUntilDone(broker);
    this.#isOver = true;
    await submitting;
    await expect.poll(() => this.#left(queue), { timeout: 60_000, interval: 100 }).toBe(0);
    expect((await queue.dead.list()).rows).toEqual([]);
    await this.#endWorkers();
    // What a worker had taken and not settled would be there again.
    expect(await this.#left(queue)).toBe(0);
    this.#check((performance.now() - begun) / 1000);
  }

  #check(seconds: number): void {
    const history = this.#history();
    const events: Events = { kills: this.#kills, restart: this.#restart };
    const { deliveries, done, turns } = history;
    if (process.env["BK_TEST_KILLS"] !== undefined) {
      const told = { messages: messageCount, kills: this.#kills.size, restarts: this.#restart === undefined ? 0 : 1 };
      const figures = { twice: deliveries - done.size, lost: messageCount - done.size, repeated: this.#repeated, turns };
      process.stderr.write(`${this.#driver.name}: ${JSON.stringify({ ...told, ...figures, seconds: Math.round(seconds) })}\n`);
    }
    expect(done.size).toBe(messageCount);
    expect(this.#kills.size).toBeGreaterThan(0);
    expect(this.#crashed).toBe(0);
    expect(history.unexplained(events)).toEqual([]);
    expect(history.together(events)).toEqual([]);
  }

  #history(): History {
    return new History(readFileSync(this.#file, "utf8"));
  }

  /** What the engine says is left to do. */
  async #left(queue: Queue): Promise<number> {
    const { waiting = 0, delayed = 0, running = 0 } = await queue.stats();
    return waiting + delayed + running;
  }

  #start(): void {
    const args = [this.#url, this.#name, this.#file, JSON.stringify(this.#driver.options ?? {})];
    if (this.#locks !== undefined) args.push(this.#locks);
    const child = fork(this.#program.path, args, { execArgv: ["--no-warnings"] });
    this.#children.add(child);
    child.once("message", () => this.#working.add(child));
    child.once("exit", (code) => {
      this.#children.delete(child);
      this.#working.delete(child);
      if (code === null || this.#isOver) return;
      this.#crashed++;
      this.#start();
    });
  }

  async #killUntilDone(broker: Service | undefined): Promise<void> {
    for (;;) {
      await sleep(killEveryMs);
      const { done, turns } = this.#history();
      [this.#doneCount, this.#turnCount] = [done.size, turns];
      if (this.#doneCount >= messageCount) return;
      const working = [...this.#working];
      const victim = working[Math.floor(Math.random() * working.length)];
      // On a machine on which processes take long to start some are left to work.
      if (victim !== undefined && working.length > workers / 2) {
        this.#kills.set(victim.pid!, Date.now());
        victim.kill("SIGKILL");
        await once(victim, "exit");
        this.#start();
      }
      if (broker !== undefined && this.#restart === undefined && this.#doneCount * 2 >= messageCount) {
        const from = this.#driver.forgetsAcknowledgements === true ? 0 : Date.now() - visibilityMs;
        await broker.kill(this.#driver.node);
        await broker.start();
        this.#restart = { from, to: Date.now() + visibilityMs };
      }
    }
  }

  async #submitNotes(queue: Queue): Promise<void> {
    const jobs = defineJobs({ note: { run: () => undefined } });
    let next = 0;
    const produce = async (): Promise<void> => {
      while (next < messageCount) {
        const own = next++;
        while (own > this.#doneCount + mostAhead) await sleep(20);
        await this.#untilTaken(() => jobs.submit(queue, "note", String(own)));
      }
    };
    await Promise.all(Array.from({ length: producers }, produce));
  }

  /** Messages of which only one of a key may be handled at a time, by each of the means that there are. */
  async #submitTurns(queue: Queue): Promise<void> {
    const { dedupe, groups } = queue.capabilities();
    const jobs: Jobs<{ turn: unknown }> = defineJobs({ turn: { run: () => undefined } }, await this.#withLocks());
    const all: Promise<void>[] = [];
    let turns = 0;
    const repeat = async (submit: () => Promise<Receipt>): Promise<void> => {
      while (!this.#isOver) {
        if (turns < this.#turnCount + mostTurns && !(await this.#untilTaken(submit)).duplicate) turns++;
        await sleep(turnEveryMs);
      }
    };
    for (const key of keys) {
      if (dedupe === "pending") all.push(repeat(() => jobs.submit(queue, "turn", `dedupe-${key}`, { dedupeKey: key })));
      if (groups) all.push(repeat(() => jobs.submit(queue, "turn", `group-${key}`, { groupKey: key })));
      if (this.#locks !== undefined)
        all.push(repeat(() => jobs.submit(queue, "turn", `unique-${key}`, { unique: { key, ttlMs: visibilityMs, retryMs: 50 } })));
    }
    await Promise.all(all);
  }

  async #withLocks(): Promise<{ readonly locks?: Cache }> {
    if (this.#locks === undefined) return {};
    const locks = await openCache(this.#locks, { prefix: this.#name });
    this.#closings.push(() => locks.close());
    return { locks };
  }

  /** Submits until the engine says that it has the message: what it does not say is tried again, as an app would. */
  async #untilTaken(submit: () => Promise<Receipt>): Promise<Receipt> {
    for (;;) {
      try {
        return await submit();
      } catch (error) {
        expect(["unavailable", "timeout"]).toContain((error as { code?: string }).code);
        this.#repeated++;
        await sleep(100);
      }
    }
  }

  /** They finish what they have and end by themselves. */
  async #endWorkers(): Promise<void> {
    const ends = [...this.#working].map(async (child) => {
      const end = once(child, "exit");
      child.send("end");
      expect(await end).toEqual([0, null]);
    });
    await Promise.all(ends);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    const left = [...this.#children].map(async (child) => {
      const end = once(child, "exit");
      child.kill("SIGKILL");
      await end;
    });
    await Promise.all(left);
    for (const close of this.#closings.splice(0)) await close();
  }
}
