// Jobs and schedules of modules: one queue, from which this process or others take them.

import { BkError, type Log } from "@bk/core";
import type { Cache } from "@bk/cache";
import type { ModuleJobs, Running } from "@bk/modules";
import {
  type CancelChoice,
  defineJobs,
  type JobDefinition,
  type Jobs,
  type JobSubmitOptions,
  type ListenOptions,
  openCron,
  openQueue,
  type Queue,
  type Receipt,
} from "@bk/queue";

import { runOnce } from "./run-once.js";

/** The queue that jobs of modules wait in has this name, wherever it is. */
export const modulesQueue = "modules";
/** The same for messages to devices. */
export const pushQueue = "push";

export interface JobsOptions {
  /** The URL of a queue of `@bk/queue`, or one that is open already, which stays open. Default: this process's own, and what waits in it ends with it. */
  readonly queue?: string | Queue;
  /** Whether they run in this process, and `cron` submits from here; or how. Default: where `queue` is not given. */
  readonly work?: boolean | ListenOptions;
}

/** What a server does with the jobs of its modules. */
export interface JobCalls {
  /** The names of jobs that modules have. */
  readonly jobNames: readonly string[];
  /**
   * Submits a job of a module, such as `shop.remind`.
   *
   * @throws BkError `invalid` for an unknown one and a wrong input; `unsupported` where the server has no queue
   */
  submitJob(name: string, input?: unknown, options?: JobSubmitOptions): Promise<Receipt>;
  /**
   * Runs a job of a module in this process, now and once, whatever waits; resolves when it has ended.
   *
   * @throws BkError `invalid` for an unknown one and a wrong input; what the job failed with
   */
  runJob(name: string, input?: unknown): Promise<void>;
  /**
   * Cancels jobs of modules: aborts the signals of those that run, on all servers of the bus, and takes the one of the id back if it waits.
   *
   * @returns how many were found here and in the queue; those of other processes are not waited for
   * @throws BkError `invalid` without any choice; `unsupported` where the server has no queue
   */
  cancelJobs(choice: CancelChoice): Promise<number>;
}

export function jobCalls(jobs: RunningJobs | undefined): JobCalls {
  const known = (): RunningJobs => {
    if (jobs === undefined) throw new BkError("invalid", "there are no modules, so there are no jobs", { detail: { field: "name" } });
    return jobs;
  };
  return {
    jobNames: jobs?.names() ?? [],
    submitJob: async (name, input, options) => known().submit(name, input, options),
    runJob: async (name, input) => known().run(name, input),
    cancelJobs: async (choice) => known().cancel(choice),
  };
}

export interface RunningJobs {
  /** What a module submits by. */
  of(module: string): ModuleJobs;
  /** The modules run: their jobs are known from now on. */
  know(running: readonly Running[]): void;
  /** Begins to run what waits. */
  work(): Promise<void>;
  /** Of all of them, once they are known. */
  names(): readonly string[];
  submit(name: string, input?: unknown, options?: JobSubmitOptions): Promise<Receipt>;
  run(name: string, input?: unknown): Promise<void>;
  cancel(choice: CancelChoice): Promise<number>;
  /** Finishes what runs. */
  close(): Promise<void>;
}

export interface Around {
  readonly cache: Cache;
  readonly bus: {
    publish(channel: string, message: unknown): Promise<void>;
    subscribe(
      channel: string,
      handler: (message: unknown) => void,
      options?: { readonly onMissed?: () => void },
    ): Promise<{ close(): Promise<void> }>;
  };
  readonly log: Log;
  readonly closeTimeoutMs: number;
}

/** @param given  `false`: jobs cannot be submitted here */
export function moduleJobs(given: JobsOptions | false, { cache, bus, log, closeTimeoutMs }: Around): RunningJobs {
  let jobs: Jobs | undefined;
  let entries: NonNullable<Running["cron"]> = [];
  let queue: Promise<Queue> | undefined;
  const ends: (() => Promise<unknown>)[] = [];

  function open(): Promise<Queue> {
    if (given === false) throw new BkError("unsupported", "jobs: the server has no queue for them; set queue");
    const place = given.queue ?? "local:";
    if (typeof place !== "string") return Promise.resolve(place);
    return (queue ??= openQueue(place, { name: modulesQueue, log }));
  }

  async function submit(name: string, input?: unknown, options: JobSubmitOptions = {}): Promise<Receipt> {
    if (jobs === undefined) throw new BkError("unavailable", "jobs: the modules are not started yet; submit in begin, or later");
    return jobs.submit(await open(), name, input, options);
  }

  return {
    of: (module) => ({ submit: (name, input, options) => submit(nameIn(module, name), input, options) }),
    know(running) {
      const definitions = running.flatMap(({ name: module, jobs: own = {} }) =>
        Object.entries(own).map(([name, job]) => [jobName(module, name), job] as const),
      );
      entries = running.flatMap(({ name: module, cron = [] }) => cron.map((entry) => ({ ...entry, job: nameIn(module, entry.job) })));
      jobs = defineJobs(Object.fromEntries(definitions) as Readonly<Record<string, JobDefinition>>, { locks: cache, bus, log });
      const unknown = entries.find(({ job }) => !jobs!.names.includes(job));
      if (unknown !== undefined)
        throw new BkError("invalid", `modules: cron names the job ${unknown.job}, which no module has`, { detail: { field: "cron" } });
    },
    async work() {
      if (given === false || !(given.work ?? given.queue === undefined) || jobs!.names.length === 0) return;
      const place = await open();
      const listener = await jobs!.work(place, { closeTimeoutMs, ...(typeof given.work === "object" ? given.work : {}) });
      ends.push(() => listener.close());
      if (entries.length === 0) return;
      const cron = await openCron({
        name: modulesQueue,
        entries,
        submit: ({ job, input, options }) => submit(job!, input, options),
        claims: cache,
        log,
      });
      ends.push(() => cron.close());
    },
    names: () => jobs?.names ?? [],
    submit,
    run: (name, input) => runOnce(jobs!, name, input),
    cancel: async (choice) => jobs!.cancel(choice, { queue: await open() }),
    async close() {
      for (const end of ends.toReversed()) await end();
      await (await queue)?.close();
    },
  };
}

/** A name without a dot is of the module's own. */
const nameIn = (module: string, name: string): string => (name.includes(".") ? name : `${module}.${name}`);

function jobName(module: string, name: string): string {
  if (name.includes("."))
    throw new BkError(
      "invalid",
      `modules: the job ${JSON.stringify(name.slice(0, 60))} of ${module} has a dot in its name; the module's is put before it`,
      { detail: { field: "jobs" } },
    );
  return `${module}.${name}`;
}
