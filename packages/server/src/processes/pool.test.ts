import type { ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { Socket } from "node:net";

import { silentLog } from "@bk/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Pool, type PoolOptions, StartFailed } from "./pool.js";

/** A process that does what it is told here. */
class Fake extends EventEmitter {
  readonly pid: number;
  connected = true;
  readonly told: string[] = [];

  constructor(pid: number) {
    super();
    this.pid = pid;
  }

  send({ bk }: { readonly bk: string }): boolean {
    this.told.push(bk);
    return true;
  }

  kill(signal: string): boolean {
    this.told.push(signal);
    if (signal === "SIGKILL") this.end(undefined, signal);
    return true;
  }

  says(message: object): void {
    this.emit("message", message);
  }

  end(code: number | undefined, signal?: string): void {
    this.connected = false;
    this.emit("exit", code ?? null, signal ?? null);
    this.emit("disconnect");
  }
}

const fakes: Fake[] = [];
const latest = (): Fake => fakes.at(-1)!;
/** What was begun goes on; timers do so far. */
const pass = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

function poolOf(options: Partial<PoolOptions> = {}): Pool {
  return new Pool({
    role: "web",
    size: 1,
    launch() {
      fakes.push(new Fake(fakes.length + 1));
      return latest() as unknown as ChildProcess;
    },
    log: silentLog,
    readyMs: 30_000,
    endMs: () => 30_000,
    silentMs: 0,
    maxRss: 0,
    maxFiles: 0,
    ...options,
  });
}

async function started(options: Partial<PoolOptions> = {}): Promise<Pool> {
  const pool = poolOf(options);
  const starting = pool.start();
  latest().says({ bk: "ready" });
  await pass();
  for (const fake of fakes.slice(1)) fake.says({ bk: "ready" });
  await starting;
  return pool;
}

const states = (pool: Pool): string[] => pool.states.map(({ pid, state }) => `${pid} ${state}`);

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  fakes.length = 0;
});

test("a process that ends while the one before it finishes is followed by another", async () => {
  const pool = await started();
  const rolled = pool.roll("test");
  await pass();
  const next = latest();
  next.says({ bk: "ready" });
  await pass();
  expect(states(pool)).toEqual(["2 ready", "1 ending"]);
  next.end(1);
  await pass(1000);
  expect(states(pool)).toEqual(["3 starting", "1 ending"]);
  fakes[0]!.end(0);
  await rolled;
  expect(states(pool)).toEqual(["3 starting"]);
});

test("a restart replaces a process that was starting when it was asked for", async () => {
  const pool = await started();
  fakes[0]!.end(1);
  await pass(1000);
  const starting = latest();
  const rolled = pool.roll("test");
  await pass();
  expect(fakes).toHaveLength(2);
  starting.says({ bk: "ready" });
  await pass();
  expect(fakes).toHaveLength(3);
  latest().says({ bk: "ready" });
  await pass();
  starting.end(0);
  await rolled;
  expect(states(pool)).toEqual(["3 ready"]);
});

test("a restart that is asked for while a process is replaced for its size leaves no process behind", async () => {
  const pool = await started({ maxRss: 100 });
  fakes[0]!.says({ bk: "beat", rss: 101 });
  await pass(1000);
  const rolled = pool.roll("test");
  await pass();
  expect(fakes).toHaveLength(2);
  fakes[1]!.says({ bk: "ready" });
  await pass();
  expect(fakes).toHaveLength(3);
  fakes[2]!.says({ bk: "ready" });
  await pass();
  for (const old of fakes.slice(0, 2)) old.end(0);
  await rolled;
  expect(states(pool)).toEqual(["3 ready"]);
});

test("processes are not taken for stuck by a primary that was held up itself", async () => {
  await started({ silentMs: 10_000 });
  // Stopped, as by SIGSTOP or with its machine: no timer runs, and the clock goes on.
  vi.setSystemTime(Date.now() + 60_000);
  await pass(1000);
  expect(fakes[0]!.told).toEqual([]);
  await pass(12_000);
  expect(fakes[0]!.told).toEqual(["SIGTERM"]);
});

test("a process that holds too much from its start is replaced ever less often", async () => {
  await started({ maxRss: 100 });
  const counts: number[] = [];
  for (let minute = 0; minute < 3; minute++) {
    for (let second = 0; second < 60; second++) {
      for (const fake of fakes) {
        if (fake.connected) fake.says({ bk: "ready" });
        if (fake.told.includes("drain")) fake.end(0);
        else fake.says({ bk: "beat", rss: 101 });
      }
      await pass(1000);
    }
    counts.push(fakes.length);
  }
  expect(counts).toEqual([7, 8, 9]);
});

test("connections go past a process that does not take them, unless there is no other", async () => {
  const pool = await started({ size: 2 });
  const [first, second] = [pool.next()!, pool.next()!];
  void first.give(new Socket(), false);
  expect([pool.next(), pool.next()]).toEqual([first, second]);
  await pass(200);
  expect([pool.next(), pool.next(), pool.next()]).toEqual([second, second, second]);
  fakes[1]!.end(1);
  await pass();
  expect(pool.next()).toBe(first);
  fakes[0]!.says({ bk: "taken" });
  expect(first.isHeldUp).toBe(false);
});

test("told to end while the first process starts, no other one is started", async () => {
  const pool = poolOf({ size: 3 });
  const starting = pool.start().catch((error: unknown) => error);
  const ending = pool.end();
  latest().says({ bk: "ready" });
  await pass();
  latest().end(0);
  await ending;
  await starting;
  expect(fakes).toHaveLength(1);
});

test("what keeps the first process from starting is told with its code", async () => {
  const pool = poolOf({ size: 2 });
  const starting = pool.start().catch((error: unknown) => error);
  latest().end(2);
  const error = await starting;
  expect(error).toBeInstanceOf(StartFailed);
  expect((error as StartFailed).exitCode).toBe(2);
  expect(fakes).toHaveLength(1);
});
