// `bk-server job submit|list|run`: jobs of the app, in its queue or here.

import { resolve } from "node:path";

import { BkError } from "@bk/core";
import { type Jobs, openQueue, type Queue } from "@bk/queue";

import { invalidSetting } from "../config/errors.js";
import type { Configuration } from "../settings/configuration.js";
import { importFile } from "../settings/import-file.js";
import { pairOf } from "./fields.js";
import { type JsonOption, tell } from "./output.js";

export interface JobOptions extends JsonOption {
  /** The input as JSON, in place of words. */
  readonly input?: string;
  /** Milliseconds. */
  readonly delay?: string;
  readonly tag?: string;
  /** While a job of this key waits or runs, another one is not added. */
  readonly key?: string;
}

/** The jobs that the setting `jobs` names. */
export async function loadJobs({ config }: Configuration): Promise<Jobs> {
  const file = config.get("jobs");
  if (file === undefined) throw invalidSetting("jobs", "jobs is not given: a file that exports `jobs`, made by defineJobs");
  const { jobs } = (await importFile(resolve(file), (what, cause) => invalidSetting("jobs", `jobs: ${file} ${what}`, cause))) as {
    readonly jobs?: Jobs;
  };
  // Not by its class: the module may have another copy of the package.
  if (typeof jobs?.work !== "function") throw invalidSetting("jobs", `jobs: ${file} does not export "jobs", made by defineJobs`);
  return jobs;
}

async function withQueue<T>({ config }: Configuration, work: (queue: Queue) => Promise<T>): Promise<T> {
  const url = config.get("queue");
  if (url === undefined) throw invalidSetting("queue", "queue is not given: where jobs wait, such as redis://host");
  const queue = await openQueue(url, { name: config.get("queue-name") });
  try {
    return await work(queue);
  } finally {
    await queue.close();
  }
}

/** Puts a job into the queue. */
export async function submitJobCommand(
  configuration: Configuration,
  options: JobOptions,
  name: string,
  words: readonly string[],
): Promise<void> {
  const jobs = await loadJobs(configuration);
  const { tag, key } = options;
  const delayMs = options.delay === undefined ? undefined : wholeNumber("delay", options.delay);
  const submitOptions = {
    ...(tag === undefined ? {} : { tag }),
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(key === undefined ? {} : { dedupeKey: key }),
  };
  const { id, duplicate } = await withQueue(configuration, (queue) => jobs.submit(queue, name, inputOf(options, words), submitOptions));
  tell(options, { id, duplicate: duplicate === true }, duplicate ? `${id} is there already` : id);
}

/** Prints the jobs that the app has, how many wait and run, and those that gave up. */
export async function listJobsCommand(configuration: Configuration, options: JsonOption): Promise<void> {
  const { names } = await loadJobs(configuration);
  await withQueue(configuration, async (queue) => {
    const stats = await queue.stats();
    const counts = Object.entries(stats).flatMap(([name, count]) => (typeof count === "number" ? [`${count} ${name}`] : []));
    tell(options, { jobs: names, ...stats }, `jobs: ${names.join(", ")}`, counts.join(", "));
    const { rows } = await queue.dead.list({ count: 50 });
    for (const row of rows) tell(options, { dead: row }, `dead: ${JSON.stringify(row)}`);
  });
}

/** Runs a job here and now, and ends when it has ended. */
export async function runJobCommand(
  configuration: Configuration,
  options: JobOptions,
  name: string,
  words: readonly string[],
): Promise<void> {
  const jobs = await loadJobs(configuration);
  // A queue of this process alone: the job is checked and run as a worker does it.
  const queue = await openQueue("local:", { name: "command" });
  try {
    const ended = new Promise<void>((done, failed) => {
      queue.on("done", () => done());
      queue.on("dead", ({ error }) => failed(error instanceof Error ? error : new BkError("internal", "the job failed", { cause: error })));
    });
    await jobs.submit(queue, name, inputOf(options, words), { maxAttempts: 1 });
    const listener = await jobs.work(queue, { concurrency: 1 });
    try {
      await ended;
    } finally {
      await listener.close();
    }
  } finally {
    await queue.close();
  }
  tell(options, { ran: name }, `${name} is done`);
}

/** `name=value` words as an object; values are texts unless they are JSON numbers, flags, lists or objects. */
function inputOf({ input }: JobOptions, words: readonly string[]): never {
  if (input !== undefined && words.length > 0)
    throw new BkError("invalid", "give the input by --input or by words", { detail: { field: "input" } });
  if (input !== undefined) return jsonOf(input, "input") as never;
  if (words.length === 0) return undefined as never;
  return Object.fromEntries(words.map(pairOf).map(([name, value]) => [name, valueOf(value)])) as never;
}

function valueOf(text: string): unknown {
  return /^(-?(0|[1-9]\d*)(\.\d+)?|true|false|null|[[{"][^]*)$/.test(text) ? jsonOf(text, "a value") : text;
}

function jsonOf(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new BkError("invalid", `${what} is not valid JSON`, { detail: { field: "input" }, cause });
  }
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new BkError("invalid", `--${name} must be a number of milliseconds`, { detail: { field: name } });
  return Number(text);
}
