// `bk-server job submit|list|run`: jobs of the app's file and of its modules, in their queues or here.

import { resolve } from "node:path";

import { BkError } from "@bk/core";
import { pushJob } from "@bk/modules/push";
import { type Jobs, openQueue, type Queue } from "@bk/queue";

import { invalidSetting } from "../config/errors.js";
import { modulesQueue, pushQueue } from "../modules/module-jobs.js";
import { runOnce } from "../modules/run-once.js";
import type { Configuration } from "../settings/configuration.js";
import { findModules } from "../settings/find-modules.js";
import { importFile } from "../settings/import-file.js";
import { pairOf } from "./fields.js";
import { type InProcess, withModules } from "./in-process.js";
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

async function withQueue<T>({ config }: Configuration, name: string, work: (queue: Queue) => Promise<T>): Promise<T> {
  const url = config.get("queue");
  if (url === undefined) throw invalidSetting("queue", "queue is not given: where jobs wait, such as redis://host");
  const queue = await openQueue(url, { name });
  try {
    return await work(queue);
  } finally {
    await queue.close();
  }
}

/** The jobs of an app, by where they are described. */
interface AppJobs {
  readonly ofFile: Jobs | undefined;
  readonly ofModules: InProcess["jobs"] | undefined;
}

/** @throws SettingsError where the app has none */
async function withJobs<T>(configuration: Configuration, work: (jobs: AppJobs) => Promise<T>): Promise<T> {
  const hasModules = findModules(configuration.config as never).length > 0;
  const isNone = !hasModules && configuration.push === undefined;
  const ofFile = configuration.config.has("jobs") || isNone ? await loadJobs(configuration) : undefined;
  if (!hasModules) return work({ ofFile, ofModules: undefined });
  return withModules(configuration, ({ jobs }) => work({ ofFile, ofModules: jobs.jobNames.length > 0 ? jobs : undefined }));
}

/** Of two of one name that of a module counts, as everywhere. @throws BkError `invalid` for an unknown one */
function findJob({ ofFile, ofModules }: AppJobs, name: string): { readonly file: Jobs } | { readonly modules: InProcess["jobs"] } {
  if (ofModules?.jobNames.includes(name)) return { modules: ofModules };
  if (ofFile?.names.includes(name)) return { file: ofFile };
  const names = [...(ofFile?.names ?? []), ...(ofModules?.jobNames ?? [])];
  throw new BkError("invalid", `there is no job ${name.slice(0, 100)}; there are ${names.join(", ") || "none"}`, {
    detail: { field: "name" },
  });
}

/** Puts a job into the queue. */
export async function submitJobCommand(
  configuration: Configuration,
  options: JobOptions,
  name: string,
  words: readonly string[],
): Promise<void> {
  const { tag, key } = options;
  const delayMs = options.delay === undefined ? undefined : wholeNumber("delay", options.delay);
  const submitOptions = {
    ...(tag === undefined ? {} : { tag }),
    ...(delayMs === undefined ? {} : { delayMs }),
    ...(key === undefined ? {} : { dedupeKey: key }),
  };
  await withJobs(configuration, async (jobs) => {
    const found = findJob(jobs, name);
    const input = inputOf(options, words);
    const { id, duplicate } = await ("modules" in found
      ? found.modules.submitJob(name, input, submitOptions)
      : withQueue(configuration, configuration.config.get("queue-name"), (queue) => found.file.submit(queue, name, input, submitOptions)));
    tell(options, { id, duplicate: duplicate === true }, duplicate ? `${id} is there already` : id);
  });
}

/** Prints the jobs that the app has and the queues that they wait in: how many wait and run, and those that gave up. */
export async function listJobsCommand(configuration: Configuration, options: JsonOption): Promise<void> {
  await withJobs(configuration, async ({ ofFile, ofModules }) => {
    if (ofFile !== undefined) await listQueue(configuration, options, configuration.config.get("queue-name"), ofFile.names);
    if (ofModules !== undefined) await listQueue(configuration, options, modulesQueue, ofModules.jobNames);
    if (configuration.push !== undefined) await listQueue(configuration, options, pushQueue, [pushJob]);
  });
}

function listQueue(configuration: Configuration, options: JsonOption, name: string, jobs: readonly string[]): Promise<void> {
  return withQueue(configuration, name, async (queue) => {
    const stats = await queue.stats();
    const counts = Object.entries(stats).flatMap(([state, count]) => (typeof count === "number" ? [`${count} ${state}`] : []));
    tell(options, { queue: name, jobs, ...stats }, `queue ${name}: ${counts.join(", ")}`, `jobs: ${jobs.join(", ")}`);
    const { rows } = await queue.dead.list({ count: 50 });
    for (const row of rows) tell(options, { queue: name, dead: row }, `dead: ${JSON.stringify(row)}`);
  });
}

/** Runs a job here and now, and ends when it has ended. */
export async function runJobCommand(
  configuration: Configuration,
  options: JobOptions,
  name: string,
  words: readonly string[],
): Promise<void> {
  await withJobs(configuration, async (jobs) => {
    const found = findJob(jobs, name);
    const input = inputOf(options, words);
    await ("modules" in found ? found.modules.runJob(name, input) : runOnce(found.file, name, input));
  });
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
