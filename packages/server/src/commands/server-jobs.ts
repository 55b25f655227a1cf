// Where the jobs of a server wait: those of its modules, and those of the app's own file.

import type { Log } from "@bk/core";
import type { SystemOptions } from "@bk/modules";
import { type Jobs, type ListenOptions, openQueue, type Queue } from "@bk/queue";

import { invalidSetting } from "../config/errors.js";
import { type JobsOptions, modulesQueue } from "../modules/module-jobs.js";
import type { BkServer } from "../server.js";
import type { Configuration } from "../settings/configuration.js";
import { loadJobs } from "./job.js";

export interface ServerJobs {
  /** For `createServer`. */
  readonly ofModules: JobsOptions | false;
  /** That of modules, and whether others reach it. */
  readonly queues: readonly Queue[];
  readonly isShared: boolean;
  readonly runsHere: boolean;
  /** What admins may see and do of them. */
  system(server: () => BkServer): Pick<SystemOptions, "queues" | "submitJob" | "cancelJobs">;
  close(): Promise<void>;
}

/**
 * Jobs of modules run in job processes, where there is a queue. Without one they run in the only process that there is.
 *
 * @param onStuck  a job goes on past its time
 */
export async function serverJobs(configuration: Configuration, log: Log, onStuck: () => void): Promise<ServerJobs> {
  const { config } = configuration;
  const url = config.get("queue");
  const isWorker = config.get("role") === "worker";
  if (url === undefined) {
    const isAlone = config.get("job-workers") === 0 && config.get("workers") <= 1;
    const queues = isAlone ? [await openQueue("local:", { name: modulesQueue, log })] : [];
    return {
      ofModules: isAlone ? { queue: queues[0]!, work: true } : false,
      queues,
      isShared: false,
      runsHere: isAlone,
      system: () => ({}),
      close: async () => queues[0]?.close(),
    };
  }
  const name = config.get("queue-name");
  if (name === modulesQueue) throw invalidSetting("queue-name", `queue-name: ${modulesQueue} is the queue of modules; choose another name`);
  const [own, queue] = [await openQueue(url, { name, log }), await openQueue(url, { name: modulesQueue, log })];
  queue.on("stuck", onStuck);
  let read: Promise<Jobs | undefined> | undefined;
  const ofApp = (): Promise<Jobs | undefined> => (read ??= config.has("jobs") ? loadJobs(configuration) : Promise.resolve(undefined));
  return {
    ofModules: { queue, work: isWorker ? listening(configuration) : false },
    queues: [queue],
    isShared: true,
    runsHere: isWorker,
    system: (server) => ({
      queues: { [name]: shownQueue(own), [modulesQueue]: shownQueue(queue) },
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
    async close() {
      await own.close();
      await queue.close();
    },
  };
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
