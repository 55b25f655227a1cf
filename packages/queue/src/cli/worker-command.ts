// bk-worker: processes that run the jobs of a module.

import { fork } from "node:child_process";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { type Log, consoleLog } from "@bk/core";

import type { Jobs } from "../jobs/jobs.js";
import { openQueue } from "../queue/open-queue.js";

const usage = `usage: bk-worker MODULE URL [options]
  MODULE                    a file that exports "jobs", made by defineJobs
  URL                       the queue: redis: redis-cluster: redis-sentinel: db:…
  --name=NAME               of the queue; default: default
  --option=KEY=VALUE        a setting of the driver, several times
  --workers=N               processes; default 1
  --concurrency=N           jobs at once in each; default 1
  --visibility-timeout=MS   until the jobs of a process that is gone come back; default 30000
  --max-run=MS              longest time of a job; after its grace its process takes no more, ends when it can, and another takes its place
  --max-lifetime=MS         a process ends after this time, when its jobs have ended, and another takes its place; default: never
  --close-timeout=MS        how long jobs may take to end on SIGTERM; default 30000
`;

const options = {
  name: { type: "string", default: "default" },
  option: { type: "string", multiple: true },
  workers: { type: "string", default: "1" },
  concurrency: { type: "string", default: "1" },
  "visibility-timeout": { type: "string", default: "30000" },
  "max-run": { type: "string" },
  "max-lifetime": { type: "string" },
  "close-timeout": { type: "string", default: "30000" },
  help: { type: "boolean", short: "h" },
} as const;

/** A process that ends sooner than this has crashed at its start: the next one waits. */
const crashMs = 5_000;
const shortestRestMs = 500;
const longestRestMs = 30_000;
/** Set in the processes that work. */
const workerVariable = "BK_WORKER";

/** @returns the exit code: 0, 1 when it failed, 2 when it was not understood */
export async function runWorkerCommand(args: readonly string[]): Promise<number> {
  const log = consoleLog({ level: "info" });
  try {
    const { values, positionals } = parse(args);
    if (values.help === true || positionals.length !== 2) {
      process.stderr.write(usage);
      return values.help === true ? 0 : 2;
    }
    if (process.env[workerVariable] === undefined) return await supervise(args, numberOf(values.workers), log);
    await work(positionals as [string, string], values, log);
    return 0;
  } catch (error) {
    process.stderr.write(`bk-worker: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function numberOf(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`"${text.slice(0, 20)}" is not a number`);
  return Number(text);
}

/** Keeps so many processes running until it is told to end. */
function supervise(args: readonly string[], count: number, log: Log): Promise<number> {
  const program = fileURLToPath(import.meta.url);
  return new Promise((end) => {
    let isEnding = false;
    const children = new Set<ReturnType<typeof fork>>();
    const rests = new Set<ReturnType<typeof setTimeout>>();
    const start = (restMs: number): void => {
      const startedAt = Date.now();
      const child = fork(workerProgram(program), [...args], { env: { ...process.env, [workerVariable]: "1" } });
      children.add(child);
      child.once("exit", (code, signal) => {
        children.delete(child);
        if (isEnding) {
          if (children.size === 0) end(0);
          return;
        }
        const isCrash = code !== 0 && Date.now() - startedAt < crashMs;
        const nextMs = isCrash ? Math.min(longestRestMs, Math.max(shortestRestMs, 2 * restMs)) : 0;
        log.warn("a worker has ended; another takes its place", { code, signal, inMs: nextMs });
        const timer = setTimeout(() => {
          rests.delete(timer);
          start(nextMs);
        }, nextMs);
        rests.add(timer);
      });
    };
    const stop = (): void => {
      if (isEnding) return;
      isEnding = true;
      for (const timer of rests) clearTimeout(timer);
      for (const child of children) child.kill("SIGTERM");
      if (children.size === 0) end(0);
    };
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, stop);
    for (let worker = 0; worker < count; worker++) start(0);
  });
}

/** The program beside this file: of the sources, or as built, where this file may be a part of it. */
function workerProgram(file: string): string {
  return file
    .replace(/[^/\\]+$/, file.endsWith(".ts") ? "bk-worker.ts" : "bk-worker.js")
    .replace(/dist([/\\])bk-worker\.js$/, "dist$1cli$1bk-worker.js");
}

type Values = ReturnType<typeof parse>["values"];

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, allowPositionals: true });
}

async function work([module, url]: readonly [string, string], values: Values, log: Log): Promise<void> {
  const { jobs } = (await import(pathToFileURL(resolve(module)).href)) as { jobs?: Jobs };
  // Not by its class: the module may have another copy of this package.
  if (typeof jobs?.work !== "function") throw new Error(`${module} does not export "jobs", made by defineJobs`);
  const settings = Object.fromEntries(
    (values.option ?? []).map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]),
  );
  const queue = await openQueue(url, { name: values.name, options: settings, log });
  const maxRunMs = values["max-run"] === undefined ? {} : { maxRunMs: numberOf(values["max-run"]) };
  const listener = await jobs.work(queue, {
    concurrency: numberOf(values.concurrency),
    visibilityTimeoutMs: numberOf(values["visibility-timeout"]),
    closeTimeoutMs: numberOf(values["close-timeout"]),
    ...maxRunMs,
  });
  await new Promise<void>((end) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => end());
    // The supervisor is gone: nobody would end this process.
    process.on("disconnect", () => end());
    // What goes on past its time would hold its place for ever.
    queue.on("stuck", () => end());
    if (values["max-lifetime"] !== undefined) setTimeout(end, numberOf(values["max-lifetime"])).unref();
  });
  await listener.close();
  await queue.close();
  // A handler that never ends would keep the process.
  process.exit(0);
}
