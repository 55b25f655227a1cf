// Where the jobs of a server wait: those of its modules, those of the app's own file, and messages to devices.

import type { Log } from "@bk/core";
import type { SystemOptions } from "@bk/modules";
import type { PushOptions } from "@bk/modules/push";
import { type Jobs, type ListenOptions, openQueue, type Queue } from "@bk/queue";

import { invalidSetting } from "../config/errors.js";
import { type JobsOptions, modulesQueue, pushQueue } from "../modules/module-jobs.js";
import type { BkServer } from "../server.js";
import type { Configuration } from "../settings/configuration.js";
import { findModules } from "../settings/find-modules.js";
import { loadJobs } from "./job.js";

export interface ServerJobs {
  /** For `createServer`. */
  readonly ofModules: JobsOptions | false;
  /** How messages to devices are sent; undefined where none are. */
  readonly push: Pick<PushOptions, "queue" | "work"> | undefined;
  /** Those of modules and of messages, and whether others reach them. */
  readonly queues: readonly Queue[];
  readonly isShared: boolean;
  /** Jobs of modules run in this process. */
  readonly runsHere: boolean;
  /** What admins may see and do of them. */
  system(server: () => BkServer): Pick<SystemOptions, "queues" | "submitJob" | "cancelJobs">;
  close(): Promise<void>;
}

/** Whether job processes have more to do than the jobs of the app's file. */
export function needsServer({ config, push }: Configuration): boolean {
  return push !== undefined || findModules(config as never).length > 0;
}

/**
 * Jobs of modules run in job processes, where there is a queue. Without one they run in the only process that there is. Messages to devices are sent
 * by job processes too; where the server has none or no queue, by those that serve.
 *
 * @param onStuck  a job goes on past its time
 */
export async function serverJobs(configuration: Configuration, log: Log, onStuck: () => void): Promise<ServerJobs> {
  const { config } = configuration;
  const url = config.get("queue");
  const isWorker = config.get("role") === "worker";
  const hasWorkers = config.get("job-workers") > 0;
  const queues: Queue[] = [];
  const open = async (name: string, at: string): Promise<Queue> => {
    const queue = await openQueue(at, { name, log });
    queues.push(queue);
    return queue;
  };
  const sending = async (at: string, isHere: boolean): Promise<ServerJobs["push"]> =>
    configuration.push === undefined ? undefined : { queue: await open(pushQueue, at), work: isHere && listening(configuration) };
  if (url === undefined) {
    const isAlone = !hasWorkers && config.get("workers") <= 1;
    return {
      ofModules: isAlone ? { queue: await open(modulesQueue, "local:"), work: true } : false,
      push: await sending("local:", true),
      queues,
      isShared: false,
      runsHere: isAlone,
      system: () => ({}),
      close: () => closeAll(queues),
    };
  }
  const name = config.get("queue-name");
  if (name === modulesQueue || name === pushQueue)
    throw invalidSetting("queue-name", `queue-name: ${name} is a queue of the server's own; choose another name`);
  const own = await openQueue(url, { name, log });
  const queue = await open(modulesQueue, url);
  const push = await sending(url, isWorker || !hasWorkers);
  for (const each of queues) each.on("stuck", onStuck);
  let read: Promise<Jobs | undefined> | undefined;
  const ofApp = (): Promise<Jobs | undefined> => (read ??= config.has("jobs") ? loadJobs(configuration) : Promise.resolve(undefined));
  return {
    ofModules: { queue, work: isWorker ? listening(configuration) : false },
    push,
    queues,
    isShared: true,
    runsHere: isWorker,
    system: (server) => ({
      queues: Object.fromEntries([own, ...queues].map((each) => [each.name, shownQueue(each)])),
      async submitJob(job, input) {
        const jobs = server().jobNames.includes(job) ? undefined : await ofApp();
        const { id } = await (jobs === undefined ? server().submitJob(job, input) : jobs.submit(own, job, input));
        return { id };
      },
      async cancelJobs(choice) {
        const ofModules = await server().cancelJobs(choice);
        return ofModules + ((await (await ofApp())?.cancel(choice, { queue: own })) ?? 0);
      },
    }),
    close: () => closeAll([own, ...queues]),
  };
}

async function closeAll(queues: readonly Queue[]): Promise<void> {
  for (const queue of queues) await queue.close();
}

function shownQueue(queue: Queue): NonNullable<SystemOptions["queues"]>[string] {
  return { submit: (message) => queue.submit(message), stats: () => queue.stats() };
}

/** How this process runs jobs. */
export function listening({ config, limits }: Configuration): ListenOptions {
  const maxRunMs = config.get("job-max-run");
  return {
    concurrency: config.get("job-concurrency"),
    closeTimeoutMs: limits.shutdownMs,
    ...(maxRunMs === undefined ? {} : { maxRunMs }),
  };
}
