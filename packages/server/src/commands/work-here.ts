// Runs jobs in this process, which a primary started: those of the app's file, those of modules, and messages to devices.

import type { Log } from "@bk/core";
import { type Listener, openQueue, type Queue } from "@bk/queue";

import { logFailedJobs } from "../logging/failed-jobs.js";
import { measureProcess } from "../metrics/process-metrics.js";
import { measureJobs, measureQueues } from "../metrics/work-metrics.js";
import { watchStuck } from "../processes/watch-stuck.js";
import type { Configuration } from "../settings/configuration.js";
import { attachable } from "./attach.js";
import { loadJobs } from "./job.js";
import { makeServer } from "./make-server.js";
import { upkeep } from "./upkeep.js";
import { processLog } from "./process-log.js";
import { processMetrics } from "./process-metrics.js";
import { finishOnFault, follow, reloader, stopSignals, supervision } from "./process-parts.js";
import { listening, needsServer } from "./server-jobs.js";

/** The promise does not resolve: the process ends once its jobs have, when it is told to. */
export async function workHere(configuration: Configuration): Promise<void> {
  const { config } = configuration;
  const processed = processLog(configuration);
  const { log } = processed;
  const stop = stopSignals();
  const { metrics, tell, onFault } = processMetrics(configuration, log);
  const isMeasured = config.get("metrics");
  const supervised = supervision(configuration, {
    drain: stop.now,
    reload: reloader(config, processed),
    logLevel: processed.level.set,
    tell,
    onFault,
    upkeep: (task) => upkeep(task, configuration, log),
  });
  logFailedJobs(log);
  const onStuck = (): void => stop.now("a job that goes on past its time");
  // Jobs of the app's file need no database.
  const server = needsServer(configuration)
    ? await stop.starting(
        makeServer(configuration, processed, {
          system: { reload: () => config.reload() },
          isShared: supervised !== undefined,
          onStuck,
          metrics: isMeasured ? { registry: metrics } : undefined,
        }),
      )
    : undefined;
  const app = await workForApp(configuration, log, onStuck);
  if (isMeasured) {
    // A server measures its process itself.
    if (server === undefined) measureProcess(metrics);
    processed.measure(metrics);
    measureJobs(metrics);
    measureQueues(metrics, [...(app === undefined ? [] : [app.queue]), ...(server?.sharedQueues ?? [])], true);
  }
  const shell = await attachable(configuration, log, { db: server?.db, config, tables: server?.tables ?? [], queue: app?.queue, log });
  follow(config, processed);
  finishOnFault(processed, stop, supervised);
  supervised?.ready();
  watchStuck(stuckAfterMs);
  log.info(`${await stop.asked}: finishing jobs`);
  shell.close();
  supervised?.close();
  await app?.listener.close();
  await server?.close();
  await app?.queue.close();
  await config.close();
  if (isMeasured) await supervised?.last(await metrics.collect());
  await processed.close();
  // A handler that never ends would keep the process.
  process.exit(0);
}

async function workForApp(
  configuration: Configuration,
  log: Log,
  onStuck: () => void,
): Promise<{ readonly listener: Listener; readonly queue: Queue } | undefined> {
  const { config } = configuration;
  if (!config.has("jobs")) return undefined;
  const jobs = await loadJobs(configuration);
  const queue = await openQueue(config.get("queue")!, { name: config.get("queue-name"), log });
  queue.on("stuck", onStuck);
  return { queue, listener: await jobs.work(queue, listening(configuration)) };
}

/** Jobs may compute for longer than requests. */
const stuckAfterMs = 30_000;
