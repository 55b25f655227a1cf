// Schedules: what is due is submitted once, by one of all that share their claims, and nothing is lost on the way.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";

import { type Log, silentLog, testClock, type TestClock } from "@bk/core";
import { type Claims, type Cron, type CronDue, type CronOptions, openCron } from "@bk/queue";

const start = Date.UTC(2026, 0, 1, 10, 0, 0);
const opened: Cron[] = [];
const folders: string[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((cron) => cron.close()));
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** A store that several schedulers share, with the time of one of them. */
function sharedClaims(clock: TestClock): Claims & { readonly kept: Map<string, { value: string; ends: number }>; broken: boolean } {
  const kept = new Map<string, { value: string; ends: number }>();
  const read = (key: string): string | undefined => ((kept.get(key)?.ends ?? 0) > clock.now() ? kept.get(key)!.value : undefined);
  const write = (key: string, value: string, ttlMs: number): void =>
    void kept.set(key, { value, ends: ttlMs === 0 ? Infinity : clock.now() + ttlMs });
  const store = {
    kept,
    broken: false,
    async add(key: string, value: string, { ttlMs }: { ttlMs: number }) {
      if (store.broken) throw new Error("the store is away");
      if (read(key) !== undefined) return false;
      write(key, value, ttlMs);
      return true;
    },
    async get(key: string) {
      if (store.broken) throw new Error("the store is away");
      return read(key);
    },
    put: async (key: string, value: string, { ttlMs }: { ttlMs: number }) => write(key, value, ttlMs),
    del: async (key: string) => kept.delete(key),
  };
  return store;
}

async function open(options: Partial<CronOptions>): Promise<{ cron: Cron; due: CronDue[] }> {
  const due: CronDue[] = [];
  const cron = await openCron({ submit: (one) => void due.push(one), ...options });
  opened.push(cron);
  return { cron, due };
}

/** Lets promises and file reads come to rest. */
async function rest(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves time on in steps of a second, as a schedule sees it. */
async function pass(clock: TestClock, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await rest();
    clock.advance(1_000);
  }
  await rest();
}

/** Moves time on until something has come of it: files are read in their own time. */
async function passUntil(clock: TestClock, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !holds(); i++) {
    await pass(clock, 1);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  expect(holds()).toBe(true);
}

function recording(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (message: string): void => void lines.push(message);
  return { lines, debug: write, info: write, warn: write, error: write };
}

const ticks = (due: readonly CronDue[]): string[] => due.map(({ id, tick }) => `${id} ${tick.toISOString().slice(11, 19)}`);

describe("cron", () => {
  it("submits what is due, with the time of the tick", async () => {
    const clock = testClock({ now: start });
    const { due, cron } = await open({
      clock,
      entries: [
        { id: "often", cron: "*/10 * * * * *", job: "mail.send", input: { a: [1] }, options: { uniqueKey: "x" } },
        { cron: "0 * * * * *", job: "sweep" },
        { id: "off", cron: "* * * * * *", job: "never", disabled: true },
      ],
    });
    await pass(clock, 61);
    expect(ticks(due)).toEqual([
      "often 10:00:10",
      "often 10:00:20",
      "often 10:00:30",
      "often 10:00:40",
      "often 10:00:50",
      "often 10:01:00",
      "sweep 0 * * * * * 10:01:00",
    ]);
    expect(due[0]).toMatchObject({ job: "mail.send", input: { a: [1] }, options: { uniqueKey: "x" }, reason: "tick" });
    expect(await cron.list()).toMatchObject([
      { id: "off", disabled: true },
      { id: "often", paused: false, source: "inline", timeZone: "UTC", next: new Date(start + 70_000), last: new Date(start + 60_000) },
      { id: "sweep 0 * * * * *", next: new Date(start + 120_000) },
    ]);
    expect((await cron.list())[0]).not.toHaveProperty("next");
  });

  it("of several schedulers whose clocks differ by seconds one submits each tick", async () => {
    const clocks = [0, 2_000, -3_000].map((skew) => testClock({ now: start + skew, seed: 7 + skew }));
    const claims = sharedClaims(clocks[0]!);
    const all = await Promise.all(clocks.map((clock) => open({ clock, claims, entries: [{ id: "a", cron: "*/5 * * * * *" }] })));
    for (let i = 0; i < 40; i++) for (const clock of clocks) await pass(clock, 1);
    const submitted = all.flatMap(({ due }) => ticks(due)).sort();
    expect(new Set(submitted).size).toBe(submitted.length);
    // The first one is seen by the clock that is late alone.
    expect(submitted.slice(0, 8)).toEqual([0, 5, 10, 15, 20, 25, 30, 35].map((s) => `a 10:00:${String(s).padStart(2, "0")}`));
  });

  it("a tick whose scheduler died after it had claimed it is submitted by another; one that is done is not", async () => {
    const clock = testClock({ now: start });
    const claims = sharedClaims(clock);
    await claims.add(`cron:default:${start + 10_000}:a`, "claimed", { ttlMs: 30_000 });
    const { due } = await open({ clock, claims, entries: [{ id: "a", cron: "10 0 * * * *" }] });
    await pass(clock, 15);
    expect(due).toEqual([]);
    await pass(clock, 40);
    expect(ticks(due)).toEqual(["a 10:00:10"]);
    await pass(clock, 60);
    expect(due).toHaveLength(1);
  });

  it("a submit that fails, and a store that is away, are tried again; the tick is not lost and not doubled", async () => {
    const clock = testClock({ now: start });
    const claims = sharedClaims(clock);
    const log = recording();
    let failures = 2;
    const due: CronDue[] = [];
    const submit = (one: CronDue): void => {
      if (failures-- > 0) throw new Error("the broker is away");
      due.push(one);
    };
    opened.push(await openCron({ clock, claims, log, submit, entries: [{ id: "a", cron: "10 0 * * * *" }] }));
    claims.broken = true;
    await pass(clock, 13);
    claims.broken = false;
    await pass(clock, 60);
    expect(ticks(due)).toEqual(["a 10:00:10"]);
    expect(log.lines.filter((line) => line.includes("tried again")).length).toBeGreaterThanOrEqual(3);
  });

  it("a tick that nobody can submit is given up and said so, and the next one comes all the same", async () => {
    const clock = testClock({ now: start });
    const log = recording();
    let isAway = true;
    const due: CronDue[] = [];
    const submit = async (one: CronDue): Promise<void> => {
      if (isAway) throw new Error("away");
      due.push(one);
    };
    opened.push(await openCron({ clock, log, submit, entries: [{ id: "a", cron: "0 30 * * * *" }] }));
    clock.set(start + 30 * 60_000);
    await pass(clock, 3_700);
    expect(log.lines).toContain("cron: a tick was given up");
    isAway = false;
    await pass(clock, 120);
    expect(ticks(due)).toEqual(["a 11:30:00"]);
  });

  it("leaves out what was missed, or makes up for the last of it", async () => {
    const clock = testClock({ now: start });
    const log = recording();
    const { due } = await open({
      clock,
      log,
      entries: [
        { id: "skip", cron: "0 0 * * * *" },
        { id: "catch", cron: "0 0 * * * *", catchUp: "once" },
      ],
    });
    // The machine was asleep for three and a half hours.
    await rest();
    clock.set(start + 3.5 * 3_600_000);
    await pass(clock, 2);
    expect(due).toMatchObject([{ id: "catch", tick: new Date(start + 3 * 3_600_000), reason: "catch-up" }]);
    expect(log.lines).toContain("cron: a tick was missed");
  });

  it("a tick that is a little late is submitted", async () => {
    const clock = testClock({ now: start });
    const { due } = await open({ clock, entries: [{ id: "a", cron: "0 1 * * * *" }] });
    await rest();
    clock.set(start + 90_000);
    await rest();
    expect(due).toMatchObject([{ tick: new Date(start + 60_000), reason: "tick" }]);
  });

  it("after a restart makes up once for what was missed meanwhile, on one of all", async () => {
    const clock = testClock({ now: start });
    const claims = sharedClaims(clock);
    const entries = [{ id: "a", cron: "0 0 * * * *", catchUp: "once" }] as const;
    // One that never ran makes up for nothing.
    const first = await open({ clock, claims, entries });
    await pass(clock, 3);
    expect(first.due).toEqual([]);
    clock.set(start + 3_600_000);
    await pass(clock, 2);
    expect(first.due).toHaveLength(1);
    await first.cron.close();
    clock.set(start + 4.2 * 3_600_000);
    const [second, third] = await Promise.all([open({ clock, claims, entries }), open({ clock, claims, entries })]);
    await pass(clock, 40);
    expect([...second.due, ...third.due]).toMatchObject([{ tick: new Date(start + 4 * 3_600_000), reason: "catch-up" }]);
  });

  it("a clock that is put back does not submit a tick again", async () => {
    const clock = testClock({ now: start });
    let shift = 0;
    const skewed = { ...clock, now: () => clock.now() + shift };
    const { due } = await open({ clock: skewed, entries: [{ id: "a", cron: "*/5 * * * * *" }] });
    await pass(clock, 12);
    shift = -8_000;
    await pass(clock, 12);
    expect(ticks(due)).toEqual(["a 10:00:05", "a 10:00:10", "a 10:00:15"]);
  });

  it("jitter holds a tick back, on one scheduler", async () => {
    const clock = testClock({ now: start, seed: 3 });
    const claims = sharedClaims(clock);
    const entries = [{ id: "a", cron: "10 0 * * * *", jitterMs: 20_000 }];
    const [one, two] = await Promise.all([open({ clock, claims, entries }), open({ clock, claims, entries })]);
    await pass(clock, 11);
    expect([...one.due, ...two.due]).toEqual([]);
    await pass(clock, 30);
    expect([...one.due, ...two.due]).toHaveLength(1);
  });

  it("run submits at once; pause and resume count on all schedulers", async () => {
    const clock = testClock({ now: start });
    const claims = sharedClaims(clock);
    const entries = [{ id: "a", cron: "*/10 * * * * *", job: "x" }];
    const [one, two] = await Promise.all([open({ clock, claims, entries, submit: () => "receipt" }), open({ clock, claims, entries })]);
    expect(await one.cron.run("a")).toBe("receipt");
    await two.cron.run("a");
    expect(two.due).toMatchObject([{ reason: "manual", job: "x", tick: new Date(start) }]);
    await one.cron.pause("a");
    expect(await two.cron.list()).toMatchObject([{ paused: true }]);
    await pass(clock, 25);
    expect(two.due).toHaveLength(1);
    await two.cron.resume("a");
    await one.cron.close();
    await pass(clock, 10);
    expect(ticks(two.due).slice(1)).toEqual(["a 10:00:30"]);
    await expect(two.cron.run("b")).rejects.toMatchObject({ code: "not-found" });
    await expect(one.cron.list()).rejects.toMatchObject({ code: "closed" });
    await expect(one.cron.run("a")).rejects.toMatchObject({ code: "closed" });
  });

  it("close waits for what is being submitted, and gives back what it had not begun", async () => {
    const clock = testClock({ now: start });
    const claims = sharedClaims(clock);
    let finish!: () => void;
    const begun = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
    const cron = await openCron({
      clock,
      claims,
      submit: begun,
      entries: [
        { id: "a", cron: "5 0 * * * *" },
        { id: "late", cron: "5 0 * * * *", jitterMs: 60_000 },
      ],
    });
    await pass(clock, 6);
    expect(begun).toHaveBeenCalledTimes(1);
    let isClosed = false;
    const closing = cron.close().then(() => (isClosed = true));
    await rest();
    expect(isClosed).toBe(false);
    finish();
    await closing;
    expect(claims.kept.get(`cron:default:${start + 5_000}:a`)?.value).toBe("done");
    expect(claims.kept.has(`cron:default:${start + 5_000}:late`)).toBe(false);
  });

  it("takes its values when it is called", async () => {
    const clock = testClock({ now: start });
    const input = { to: "a@b.c" };
    const { due, cron } = await open({ clock, entries: [{ id: "a", cron: "*/10 * * * * *", input }] });
    input.to = "changed";
    await pass(clock, 11);
    (due[0]!.input as { to: string }).to = "changed by who took it";
    await pass(clock, 10);
    expect(due[1]!.input).toEqual({ to: "a@b.c" });
    cron.set([{ id: "b", cron: "*/5 * * * * *" }]);
    await pass(clock, 5);
    expect(ticks(due).slice(2)).toEqual(["b 10:00:25"]);
  });
});

describe("files of cron", () => {
  async function file(text: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "bk-cron-"));
    folders.push(folder);
    const path = join(folder, "crontab");
    await writeFile(path, text);
    return path;
  }

  it("have lines or JSON, beside inline entries; changes are noticed, bad ones leave the schedule, empty ones clear it", async () => {
    const clock = testClock({ now: start });
    const log = recording();
    const path = await file('# every ten seconds\n\n*/10 * * * * * mail.send {"to": "a b"}\r\n@daily report\n');
    const { cron, due } = await open({ clock, log, file: path, entries: [{ id: "inline", cron: "@daily" }] });
    await pass(clock, 11);
    expect(due).toMatchObject([{ job: "mail.send", input: { to: "a b" } }]);
    expect((await cron.list()).map(({ id, source }) => [id, source === path])).toEqual([
      ["inline", false],
      ["mail.send */10 * * * * *", true],
      ["report @daily", true],
    ]);

    await writeFile(path, "*/10 * * * * * mail.send {oops\n");
    const faults = (): string[] => log.lines.filter((line) => line.includes("cannot be used"));
    await passUntil(clock, () => faults().length > 0);
    const before = due.length;
    await pass(clock, 20);
    expect(faults()).toHaveLength(1);
    expect(due).toHaveLength(before + 2);
    await expect(cron.reload()).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining("line 1") as string });

    await writeFile(path, JSON.stringify([{ cron: "*/2 * * * * *", job: "other" }]));
    await passUntil(clock, () => due.some(({ job }) => job === "other"));
    expect((await cron.list()).map(({ id }) => id)).toEqual(["inline", "other */2 * * * * *"]);
    await writeFile(path, "");
    await cron.reload();
    expect((await cron.list()).map(({ id }) => id)).toEqual(["inline"]);
    await rm(path);
    await cron.reload();
    expect(log.lines.some((line) => line.includes("is not there"))).toBe(true);
  });

  it.each([
    ["* * * * mail.send", /line 1: must be six fields/],
    ["0 0 0 * * * mail.send\n99 * * * * * x", /entry 2: the pattern "99/],
    ["[1]", /entry 1: must be an object/],
    ["[{", /is not JSON/],
    ['[{"cron":"@daily","job":"a","extra":1}]', /unknown member "extra"/],
    ['[{"cron":"@daily","job":"a"},{"cron":"@daily","job":"a"}]', /two entries have the id "a @daily"/],
  ])("%j is refused as a whole", async (text, message) => {
    const path = await file(text);
    await expect(openCron({ submit: () => undefined, file: path })).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringMatching(message) as string,
    });
  });
});

describe("options of cron", () => {
  const submit = (): void => undefined;
  it.each([
    [{}, /needs jobs and queue, or submit/],
    [{ submit, queue: {} }, /give submit, or jobs and queue/],
    [{ submit, name: "a b" }, /the name of a schedule/],
    [{ submit, timezone: "UTC" }, /unknown option "timezone"/],
    [{ submit, timeZone: "Nowhere", entries: [{ cron: "@daily" }] }, /"Nowhere" is no time zone/],
    [{ submit, catchUp: "all" }, /catchUp must be none or once/],
    [{ submit, lateMs: 5 }, /lateMs/],
    [{ submit, entries: [{ cron: "@daily", jitterMs: -1 }] }, /inline, entry 1: jitterMs/],
    [{ submit, entries: [{ cron: "@daily", input: () => 1 }] }, /holds something that is no plain data/],
    [{ submit, entries: [{ cron: "@daily", job: 5 }] }, /job must be the name/],
  ])("%j is refused", async (options, message) => {
    await expect(openCron(options as unknown as CronOptions)).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringMatching(message) as string,
    });
  });

  it("jobs and a queue are handed the job, its input and its options", async () => {
    const clock = testClock({ now: start });
    const calls: unknown[] = [];
    const queue = { name: "q" };
    const jobs = { submit: async (...args: unknown[]) => void calls.push(args) };
    const cron = await openCron({
      clock,
      jobs,
      queue,
      log: silentLog,
      entries: [{ cron: "*/5 * * * * *", job: "a", input: 1, options: { priority: 2 } }],
    });
    opened.push(cron);
    await pass(clock, 6);
    expect(calls).toEqual([[queue, "a", 1, { priority: 2 }]]);
  });
});
