// Memory stays flat however many jobs go through.

import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleProgram, type Program } from "../../../../test/bundle-program.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { askRedis } from "../../../../test/services/redis.js";
import { canRun, idOf } from "../test-pubsub.js";

/** How many jobs: all by `BK_TEST_LEAKS=1000000`, a part of it in an ordinary run. */
const jobs = Number(process.env["BK_TEST_LEAKS"] ?? 40_000);
const steps = 10;
const MB = 1024 * 1024;
const most = 20 * MB;

let program: Program;
beforeAll(async () => {
  program = await bundleProgram(new URL("worker.ts", import.meta.url));
});
afterAll(() => program?.remove());

/** What was in use after each step, the first two left out: buffers and code have their size by then. */
async function usedAfterSteps(url: string, afterStep: () => Promise<void> = async () => undefined): Promise<number[]> {
  const child = fork(program.path, [url, randomUUID(), String(jobs), String(steps)], { execArgv: ["--expose-gc"] });
  const ended = once(child, "exit");
  const used: number[] = [];
  const seen: Promise<void>[] = [];
  let done = 0;
  child.on("message", (told: { done: number; usedBytes: number }) => {
    used.push(told.usedBytes);
    done = told.done;
    seen.push(afterStep());
  });
  const begun = performance.now();
  expect(await ended).toEqual([0, null]);
  await Promise.all(seen);
  expect(used.length).toBe(steps);
  expect(done).toBe(jobs);
  if (process.env["BK_TEST_LEAKS"] !== undefined) {
    const seconds = Math.round((performance.now() - begun) / 1000);
    process.stderr.write(`${url}: ${jobs} jobs, ${seconds} s, MB in use: ${used.map((bytes) => (bytes / MB).toFixed(1)).join(" ")}\n`);
  }
  return used.slice(2);
}

function expectFlat(used: readonly number[]): void {
  expect(Math.max(...used) - used[0]!).toBeLessThan(most);
}

describe.runIf(canRun({ name: "local", env: undefined }))(`driver: ${idOf("local")}`, () => {
  it("jobs leave no memory behind", { timeout: 1_200_000 }, async () => {
    expectFlat(await usedAfterSteps("local:"));
  });
});

describe.runIf(canRun({ name: "redis", env: "BK_TEST_REDIS" }))(`driver: ${idOf("redis")}`, () => {
  let server: Service;
  beforeAll(async () => {
    server = await startService("redis");
  }, 180_000);
  afterAll(() => server?.stop());

  it("jobs leave no memory behind, here and in the server", { timeout: 1_200_000 }, async () => {
    const port = Number(new URL(server.url).port);
    const inServer: number[] = [];
    const look = async (): Promise<void> => {
      const info = (await askRedis(port, "INFO", "memory")) ?? "";
      inServer.push(Number(/used_memory:(\d+)/.exec(info)![1]));
    };
    expectFlat(await usedAfterSteps(server.url, look));
    expectFlat(inServer.slice(2));
  });
});
