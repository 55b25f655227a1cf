// Runs jobs in this process, which a primary started.

import { openQueue } from "@bk/queue";

import { watchStuck } from "../processes/watch-stuck.js";
import type { Configuration } from "../settings/configuration.js";
import { measureProcess } from "../metrics/process-metrics.js";
import { measureJobs, measureQueue } from "../metrics/work-metrics.js";
import { loadJobs } from "./job.js";
import { processMetrics } from "./process-metrics.js";
import { processLog } from "./process-log.js";
import { reloader, stopSignals, supervision } from "./process-parts.js";

/** The promise does not resolve: the process ends once its jobs have, when it is told to. */
export async function workHere(configuration: Configuration): Promise<void> {
  const { config } = configuration;
  const processed = processLog(configuration);
  const { log } = processed;
  const stop = stopSignals();
  const { metrics, tell, onFault } = processMetrics(configuration, log);
  const supervised = supervision(configuration, {
    drain: stop.now,
    reload: reloader(config, processed),
    logLevel: processed.level.set,
    tell,
    onFault,
  });
  const jobs = await loadJobs(configuration);
  const queue = await openQueue(config.get("queue")!, { name: config.get("queue-name"), log });
  if (config.get("metrics")) {
    measureProcess(metrics);
    processed.measure(metrics);
    measureJobs(metrics);
    measureQueue(metrics, queue, true);
  }
  const maxRunMs = config.get("job-max-run");
  const listener = await jobs.work(queue, {
    concurrency: config.get("job-concurrency"),
    closeTimeoutMs: configuration.limits.shutdownMs,
    ...(maxRunMs === undefined ? {} : { maxRunMs }),
  });
  queue.on("stuck", () => stop.now("a job that goes on past its time"));
  supervised?.ready();
  watchStuck(stuckAfterMs);
  log.info(`${await stop.asked}: finishing jobs`);
  supervised?.close();
  await listener.close();
  await queue.close();
  await config.close();
  if (config.get("metrics")) await supervised?.last(await metrics.collect());
  await processed.close();
  // A handler that never ends would keep the process.
  process.exit(0);
}

/** Jobs may compute for longer than requests. */
const stuckAfterMs = 30_000;
