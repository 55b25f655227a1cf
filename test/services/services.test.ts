import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startService, startServices } from "./index.js";
import { isRunning } from "./process-tree.js";
import { startNative } from "./native.js";
import type { Recipe } from "./recipe.js";
import { askRedis, redis } from "./redis.js";
import { wayTo } from "./ways.js";

const CLI = fileURLToPath(new URL("./cli.ts", import.meta.url));
const way = await wayTo(redis);

let folder: string;
let oldTmpdir: string | undefined;
let children: ChildProcess[];

// Everything is made below a temporary folder of the test's own, so that what is left behind can be seen.
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bk-services-test-"));
  oldTmpdir = process.env["TMPDIR"];
  process.env["TMPDIR"] = folder;
  children = [];
});

afterEach(() => {
  if (oldTmpdir === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = oldTmpdir;
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** What is in the temporary folder, but for what tsx keeps there. */
function left(): string[] {
  return readdirSync(folder).filter((name) => !name.startsWith("tsx-"));
}

/** Runs `up redis` in a process of its own until it has printed the URL. */
async function up(): Promise<{ child: ChildProcess; port: number; pid: number }> {
  const child = spawn(process.execPath, ["--import", "tsx", CLI, "up", "redis"], {
    cwd: dirname(CLI),
    env: { ...process.env, BK_TEST_REDIS: "" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const port = Number(/^export BK_TEST_REDIS='redis:\/\/127\.0\.0\.1:(\d+)'$/.exec(line)?.[1]);
  expect(await askRedis(port, "PING")).toBe("+PONG");
  const pid = Number(/process_id:(\d+)/.exec((await askRedis(port, "INFO", "server")) ?? "")?.[1]);
  expect(isRunning(pid)).toBe(true);
  return { child, port, pid };
}

describe.skipIf(way.kind !== "installed")(`with redis-server (${way.kind})`, () => {
  test("a server starts, answers, and its stop leaves no process and no folder", async () => {
    const service = await startService("redis");
    const port = Number(new URL(service.url).port);
    const { pid = 0 } = service;
    expect(await askRedis(port, "PING")).toBe("+PONG");
    expect(left()).toHaveLength(1);
    await service.stop();
    expect(isRunning(pid)).toBe(false);
    expect(left()).toEqual([]);
  });

  test("what was acknowledged survives kill and start, on the same port", async () => {
    const service = await startService("redis");
    const port = Number(new URL(service.url).port);
    const { pid = 0 } = service;
    expect(await askRedis(port, "SET", "kept", "yes")).toBe("+OK");
    await service.kill();
    expect(isRunning(pid)).toBe(false);
    expect(await askRedis(port, "PING")).toBeUndefined();
    await service.start();
    expect(await askRedis(port, "GET", "kept")).toBe("yes");
    await service.stop();
  });

  test("a server whose port is taken says so and leaves nothing", async () => {
    const first = await startService("redis");
    const port = Number(new URL(first.url).port);
    await expect(startService("redis", { port })).rejects.toThrow(`port ${port} is taken`);
    expect(await askRedis(port, "PING")).toBe("+PONG");
    await first.stop();
    expect(left()).toEqual([]);
  });

  test("a server that ends while starting is reported with the end of its log, and leaves nothing", async () => {
    const broken: Recipe = { ...redis, commands: (place) => redis.commands(place).map((command) => [...command, "--maxmemory", "much"]) };
    await expect(startNative(broken, { durable: false })).rejects.toThrow(/redis ended while starting:[^]*maxmemory/);
    expect(left()).toEqual([]);
  });

  test("a program that is not there is reported", async () => {
    const broken: Recipe = { ...redis, commands: () => [["bk-no-such-program"]] };
    await expect(startNative(broken, { durable: false })).rejects.toThrow("bk-no-such-program");
    expect(left()).toEqual([]);
  });

  test("a SIGKILL of the process that started it leaves no server and no folder", async () => {
    const { child, pid } = await up();
    child.kill("SIGKILL");
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
    await expect.poll(() => left(), { timeout: 10_000 }).toEqual([]);
  });

  test("Ctrl-C, even twice, ends `up` with status 0 and leaves no server and no folder", async () => {
    const { child, pid } = await up();
    child.kill("SIGINT");
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(isRunning(pid)).toBe(false);
    expect(left()).toEqual([]);
  });
});

test("a server given by its variable is used as it is, and not started", async () => {
  const old = process.env["BK_TEST_REDIS"];
  process.env["BK_TEST_REDIS"] = "redis://given.example:1";
  try {
    const services = await startServices(["redis"]);
    expect(services.env).toEqual({ BK_TEST_REDIS: "redis://given.example:1" });
    expect(services.notRun).toEqual([]);
    expect(left()).toEqual([]);
    await services.stop();
  } finally {
    if (old === undefined) delete process.env["BK_TEST_REDIS"];
    else process.env["BK_TEST_REDIS"] = old;
  }
});

test("an unknown name is refused", () => {
  expect(() => startService("oracle")).toThrow('unknown service "oracle"');
});
