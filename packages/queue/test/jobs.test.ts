import { onAbort, testClock } from "@bk/core";
import { openCache } from "@bk/cache";
import { type BusLike, defineJobs, type JobContext, type LocksLike, openCron, openPubSub, openQueue } from "@bk/queue";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { until } from "../src/testing/queue/suite.js";

const open = () => openQueue("local:");
const fast = { backoff: { delayMs: 0 }, closeTimeoutMs: 1000, graceMs: 0 } as const;

/** The calls of a queue as members of an object of their own. */
const bare = (queue: Awaited<ReturnType<typeof open>>) => ({
  name: queue.name,
  submit: queue.submit.bind(queue),
  listen: queue.listen.bind(queue),
  cancel: queue.cancel.bind(queue),
  stats: queue.stats.bind(queue),
});

/** Locks as a cache gives them, in this process. */
function locksInMemory(): LocksLike & { readonly held: Set<string>; lose(key: string): void } {
  const held = new Set<string>();
  const controllers = new Map<string, AbortController>();
  return {
    held,
    lose: (key) => controllers.get(key)?.abort(new Error("lost")),
    lock: async (key) => {
      if (held.has(key)) return null;
      held.add(key);
      const controller = new AbortController();
      controllers.set(key, controller);
      return { signal: controller.signal, release: async () => held.delete(key) };
    },
  };
}

describe("jobs", () => {
  it("run with the input that the schema makes", async () => {
    const seen: unknown[] = [];
    const jobs = defineJobs({
      "mail.send": {
        input: z.object({ to: z.string(), copies: z.number().default(1) }),
        run: ({ to, copies }, { job, id, attempt }) => void seen.push([to, copies, job, typeof id, attempt]),
      },
      plain: { run: (input) => void seen.push(input) },
    });
    await using queue = await open();
    await jobs.submit(queue, "mail.send", { to: "a" });
    await jobs.submit(queue, "plain", [1]);
    await jobs.work(queue, fast);
    await queue.idle();
    expect(seen).toEqual([["a", 1, "mail.send", "string", 1], [1]]);
    expect(jobs.names).toEqual(["mail.send", "plain"]);
  });

  it("with a wrong input or an unknown name are refused when they are submitted, without the values", async () => {
    const jobs = defineJobs({ send: { input: z.object({ to: z.string() }), run: () => undefined } });
    await using queue = await open();
    // @ts-expect-error a number is no text
    const wrong = jobs.submit(queue, "send", { to: 4711 });
    await expect(wrong).rejects.toMatchObject({ code: "invalid", message: expect.stringMatching(/send is not valid: to$/) });
    // @ts-expect-error there is none of this name
    await expect(jobs.submit(queue, "toString", {})).rejects.toMatchObject({ code: "invalid" });
    await expect(jobs.submitSpec(queue, "constructor")).rejects.toMatchObject({ code: "invalid" });
    expect(await queue.stats()).toMatchObject({ waiting: 0 });
  });

  it("that others put into the queue are dead when they are not defined, not valid or no jobs", async () => {
    let ran = 0;
    const jobs = defineJobs({ send: { input: z.object({ to: z.string() }), run: () => void ran++ } });
    await using queue = await open();
    const foreign = [
      { steps: [[["constructor", 1]]] },
      { steps: [[["send", { to: 1 }]]] },
      { steps: [] },
      { job: "send" },
      1,
      null,
      { steps: [[[]]] },
    ];
    await queue.submitMany(foreign.map((message) => ({ message })));
    await jobs.work(queue, fast);
    await queue.idle();
    expect(ran).toBe(0);
    expect((await queue.dead.list()).rows.map(({ attempts }) => attempts)).toEqual(foreign.map(() => 1));
  });

  it("that are to run last wait for the others, and not for each other", async () => {
    const log: unknown[] = [];
    const jobs = defineJobs({ work: { run: async (input) => void log.push(input) } });
    await using queue = await open();
    await jobs.submit(queue, "work", "last", { runLast: true });
    await jobs.submit(queue, "work", "also last", { runLast: true });
    for (const each of [1, 2, 3]) await jobs.submit(queue, "work", each);
    await jobs.work(queue, { ...fast, maxAttempts: 1 });
    await queue.idle();
    expect(log.slice(0, 3)).toEqual([1, 2, 3]);
    expect(log.slice(3).sort()).toEqual(["also last", "last"]);
  });

  it("cannot be the last where the engine does not tell what waits", async () => {
    const jobs = defineJobs({ work: { run: () => undefined } });
    await using queue = await open();
    const blind = { ...bare(queue), capabilities: () => ({ ...queue.capabilities(), stats: ["dead"] as const }) };
    await expect(jobs.submit(blind, "work", 1, { runLast: true })).rejects.toMatchObject({
      code: "unsupported",
      detail: { capability: "stats" },
    });
    expect(await queue.stats()).toMatchObject({ waiting: 0 });
  });

  it("run in sequence and in parallel, as the spec says", async () => {
    const log: string[] = [];
    const work = async (_input: unknown, { job }: JobContext): Promise<void> => {
      log.push(`+${job}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      log.push(`-${job}`);
    };
    const jobs = defineJobs({ a: { run: work }, b: { run: work }, c: { run: work } });
    await using queue = await open();
    await jobs.submitSpec(queue, { job: ["a", { b: 1, c: 2 }, "a"] });
    await jobs.work(queue, fast);
    await queue.idle();
    expect(log).toEqual(["+a", "-a", "+b", "+c", "-b", "-c", "+a", "-a"]);
    for (const spec of [[], {}, [[]], 1, null, ["a", 2]])
      await expect(jobs.submitSpec(queue, spec as never)).rejects.toMatchObject({ code: "invalid" });
  });

  it("that fail are tried again as a whole, with all errors", async () => {
    const errors: unknown[] = [];
    let attempts = 0;
    const fail = (): void => {
      if (++attempts <= 2) throw new Error(`failed ${attempts}`);
    };
    const jobs = defineJobs({ x: { run: fail }, y: { run: fail } });
    await using queue = await open();
    queue.on("failed", ({ error }) => errors.push(error));
    await jobs.submitSpec(queue, { x: null, y: null });
    await jobs.work(queue, fast);
    await queue.idle();
    expect(attempts).toBe(4);
    expect(errors).toEqual([expect.any(AggregateError)]);
  });

  it("stop beside one that failed when they are told to", async () => {
    let reason: unknown;
    const jobs = defineJobs({
      fails: {
        maxAttempts: 1,
        run: () => {
          throw new Error("first");
        },
      },
      waits: {
        run: (_input, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              reason = signal.reason;
              reject(signal.reason as Error);
            });
          }),
      },
    });
    await using queue = await open();
    await jobs.submitSpec(queue, { waits: null, fails: null }, { stopOnError: true, maxAttempts: 1 });
    await jobs.work(queue, fast);
    await queue.idle();
    expect(reason).toMatchObject({ message: "first" });
  });

  it("have a time limit of their own", async () => {
    const reports: unknown[] = [];
    const jobs = defineJobs(
      { endless: { maxRunMs: 10, maxAttempts: 1, run: () => new Promise(() => undefined) } },
      { graceMs: 5, after: ({ error, context }) => void reports.push([context.job, (error as Error).message, context.signal.aborted]) },
    );
    await using queue = await open();
    await jobs.submit(queue, "endless");
    await jobs.work(queue, fast);
    await queue.idle();
    expect(reports).toEqual([["endless", "the job ran longer than 10 ms", true]]);
    expect((await queue.dead.list()).rows.length).toBe(1);
  });

  it("that are unique run one at a time, and wait or are dropped meanwhile", async () => {
    const locks = locksInMemory();
    let running = 0;
    let most = 0;
    const ran: unknown[] = [];
    const run = async (input: unknown): Promise<void> => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      ran.push(input);
    };
    const jobs = defineJobs(
      {
        waits: { unique: { ttlMs: 1000, key: "same", retryMs: 2 }, run },
        drops: { unique: { ttlMs: 1000, key: (input) => `drop ${String(input)}`, drop: true }, run },
      },
      { locks },
    );
    await using queue = await open();
    for (const input of [1, 2, 3]) await jobs.submit(queue, "waits", input);
    await jobs.work(queue, { ...fast, concurrency: 5 });
    await queue.idle();
    expect(most).toBe(1);
    expect(ran.sort()).toEqual([1, 2, 3]);
    for (const _each of [1, 2, 3]) await jobs.submit(queue, "drops", "a");
    await queue.idle();
    expect(ran).toEqual([1, 2, 3, "a"]);
    expect(locks.held.size).toBe(0);
    expect(() => defineJobs({ x: { unique: { ttlMs: 1 }, run } })).toThrow(expect.objectContaining({ code: "invalid" }));
  });

  it("that lose their lock are told to stop", async () => {
    const locks = locksInMemory();
    let reason: unknown;
    const jobs = defineJobs(
      {
        one: {
          unique: { ttlMs: 1000, key: "k" },
          run: (_input, { signal }) =>
            new Promise<void>((resolve) => {
              signal.addEventListener("abort", () => {
                reason = signal.reason;
                resolve();
              });
              locks.lose("job:k");
            }),
        },
      },
      { locks },
    );
    await using queue = await open();
    await jobs.submit(queue, "one");
    await jobs.work(queue, fast);
    await queue.idle();
    expect(reason).toMatchObject({ message: expect.stringContaining("lock") });
  });

  it("stay in the queue while the store of locks is away", async () => {
    let isAway = true;
    const locks = locksInMemory();
    const away: LocksLike = { lock: (key, options) => (isAway ? Promise.reject(new Error("away")) : locks.lock(key, options)) };
    const ran: unknown[] = [];
    const jobs = defineJobs({ one: { maxAttempts: 1, unique: { ttlMs: 1000, retryMs: 1 }, run: () => void ran.push(1) } }, { locks: away });
    await using queue = await open();
    let failures = 0;
    queue.on("failed", () => {
      if (++failures === 3) isAway = false;
    });
    await jobs.submit(queue, "one");
    await jobs.work(queue, fast);
    await queue.idle();
    expect(ran).toEqual([1]);
    expect(failures).toBe(3);
  });

  it("are cancelled in all processes that have the bus, by tag and id, and not tried again", async () => {
    await using bus = await openPubSub("local:");
    const make = () =>
      defineJobs(
        {
          long: {
            run: (_input, { signal }) =>
              new Promise((_resolve, reject) => {
                signal.addEventListener("abort", () => reject(signal.reason as Error));
              }),
          },
        },
        { bus },
      );
    const [here, there] = [make(), make()];
    await using queue = await open();
    await there.work(queue, { ...fast, concurrency: 5 });
    await here.submit(queue, "long", 1, { tag: "t" });
    await here.submit(queue, "long", 2, { tag: "other" });
    await until(() => there.running.length === 2, "both run");
    expect(await here.cancel({ tag: "t" })).toBe(0);
    await until(() => there.running.length === 1, "one was cancelled");
    const waiting = await here.submit(queue, "long", 3, { delayMs: 3_600_000 });
    expect(await here.cancel({ id: waiting.id }, { queue })).toBe(1);
    expect(await there.cancel({ name: "long" })).toBe(1);
    await queue.idle();
    expect(queue.metrics()).toMatchObject({ dropped: 2, failed: 0, dead: 0 });
    await expect(here.cancel({})).rejects.toMatchObject({ code: "invalid" });
  });

  it("that are cancelled while their worker is cut off from the bus are, once it is back, and no others", async () => {
    await using cache = await openCache("local:");
    const clock = testClock();
    const runs = {
      run: (_input: unknown, { signal }: JobContext) => new Promise((_, reject) => onAbort(signal, () => reject(signal.reason as Error))),
    };
    let back!: () => void;
    // Nothing that is published reaches this one.
    const cutOff: BusLike = {
      publish: () => Promise.resolve(),
      subscribe(_channel, _handler, { onMissed } = {}) {
        back = onMissed!;
        return Promise.resolve({ close: () => Promise.resolve() });
      },
    };
    await using bus = await openPubSub("local:");
    const here = defineJobs({ long: runs }, { bus, locks: cache, clock });
    const there = defineJobs({ long: runs }, { bus: cutOff, locks: cache, clock });
    await using queue = await open();
    await there.work(queue, { ...fast, concurrency: 5 });
    const running = async (count: number): Promise<void> => until(() => there.running.length === count, `${count} run`);
    await here.submit(queue, "long", 1, { tag: "t" });
    await here.submit(queue, "long", 2, { tag: "other" });
    await running(2);
    expect(await here.cancel({ tag: "t" })).toBe(0);
    clock.advance(1);
    // It began afterwards: it was not meant.
    const { id } = await here.submit(queue, "long", 3, { tag: "t" });
    await running(3);
    back();
    await until(() => queue.metrics().dropped === 1, "one was cancelled");
    await here.cancel({ id });
    back();
    await until(() => queue.metrics().dropped === 2, "another one was cancelled");
    expect(there.running).toHaveLength(1);
    await there.cancel({ name: "long" });
    await queue.idle();
    expect(queue.metrics()).toMatchObject({ dropped: 3, failed: 0, dead: 0 });
  });

  it("tell their progress to other processes", async () => {
    await using bus = await openPubSub("local:");
    const jobs = defineJobs({ steps: { run: (_input, { progress }) => progress({ done: 1 }) } }, { bus });
    await using queue = await openQueue("local:", { name: "work" });
    const seen: unknown[] = [];
    await jobs.onProgress((event) => seen.push(event));
    const { id } = await jobs.submit(queue, "steps");
    await jobs.work(queue, fast);
    await until(() => seen.length === 1, "it was told");
    expect(seen).toEqual([{ id, queue: "work", job: "steps", value: { done: 1 } }]);
  });
});

it("jobs are submitted by schedules", async () => {
  const jobs = defineJobs({ tick: { input: z.object({ n: z.number() }), run: () => undefined } });
  await using queue = await openQueue("local:");
  const cron = await openCron({ jobs, queue, entries: [{ id: "a", cron: "0 0 1 1 * *", job: "tick", input: { n: 1 } }] });
  await cron.run("a");
  await cron.close();
  expect(await queue.stats()).toMatchObject({ waiting: 1 });
});
