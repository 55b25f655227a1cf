// Real processes that are killed in the middle of their work: nothing is lost, and what runs twice has a kill to explain it.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { defineJobs, openQueue, type Queue } from "@bk/queue";
import { expect } from "vitest";

const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const program = fileURLToPath(new URL("worker.ts", import.meta.url));

/** How many messages: all by `BK_TEST_KILLS=10000`, a part of it in an ordinary run. */
const messageCount = Number(process.env["BK_TEST_KILLS"] ?? 1500);
const workers = 4;
const concurrency = 10;
const killEveryMs = 300;

export interface KilledPlace {
  readonly url: string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Called once, when half of the messages are done: the broker is restarted, say. */
  readonly halfWay?: (queue: Queue) => Promise<void>;
}

export interface KillFigures {
  readonly kills: number;
  readonly deliveries: number;
  readonly twice: number;
}

/** @returns what happened, for who wants to tell it */
export async function killWorkers({ url, options = {}, halfWay }: KilledPlace): Promise<KillFigures> {
  const folder = mkdtempSync(join(tmpdir(), "bk-killed-"));
  const file = join(folder, "done");
  writeFileSync(file, "");
  const name = `killed-${process.pid}-${Date.now()}`;
  const jobs = defineJobs({ write: { run: () => undefined } });
  const queue = await openQueue(url, { name, options });
  const children = new Set<ChildProcess>();
  /** Those that have begun to consume: killing others would only show how long a process takes to start. */
  const working = new Set<ChildProcess>();
  const doneIds = (): string[] =>
    readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(" ")[0]!);
  const start = (): void => {
    const child = fork(program, [url, name, file, JSON.stringify(options)], { execArgv: ["--conditions=bk-source", `--import=${loader}`] });
    children.add(child);
    child.once("message", () => working.add(child));
    child.once("exit", () => {
      children.delete(child);
      working.delete(child);
    });
  };
  let kills = 0;
  try {
    for (let worker = 0; worker < workers; worker++) start();
    const ids = Array.from({ length: messageCount }, (_, index) => String(index));
    const submitting = Promise.all(ids.map((id) => jobs.submit(queue, "write", id)));
    let isHalf = false;
    for (let isDone = false; !isDone;) {
      await new Promise((resolve) => setTimeout(resolve, killEveryMs));
      const count = new Set(doneIds()).size;
      isDone = count >= messageCount;
      if (isDone) break;
      const [victim] = [...working].sort(() => Math.random() - 0.5);
      if (victim !== undefined) {
        victim.kill("SIGKILL");
        await once(victim, "exit");
        kills++;
        start();
      }
      if (!isHalf && count * 2 >= messageCount) {
        isHalf = true;
        await halfWay?.(queue);
      }
    }
    await submitting;
    await queue.idle({ timeoutMs: 60_000 });
    const done = doneIds();
    expect(new Set(done).size).toBe(messageCount);
    expect((await queue.dead.list()).rows).toEqual([]);
    const twice = done.length - new Set(done).size;
    // A kill ends what its process had, and nothing else comes again; with a restart of the broker what it had not yet written comes again too.
    if (halfWay === undefined) expect(twice).toBeLessThanOrEqual(kills * concurrency);
    expect(kills).toBeGreaterThan(0);
    const figures = { kills, deliveries: done.length, twice };
    if (process.env["BK_TEST_KILLS"] !== undefined) process.stderr.write(`${JSON.stringify({ messages: messageCount, ...figures })}\n`);
    return figures;
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(
      [...children].map((child) => (child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined)),
    );
    await queue.purge().catch(() => undefined);
    await queue.close();
    rmSync(folder, { recursive: true });
  }
}
