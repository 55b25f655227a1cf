// What is told of the databases, caches, queues and jobs that a process works with.

import { tracingChannel } from "node:diagnostics_channel";

import type { Cache } from "@bk/cache";
import type { CallEvent, Db } from "@bk/db";
import type { JobEvent, Queue } from "@bk/queue";

import type { Metrics, Reading } from "./metrics.js";

/** @returns ends it */
export function measureDb(metrics: Metrics, db: Pick<Db, "metrics">): () => void {
  type Numbers = ReturnType<Db["metrics"]>[string];
  const counter = (name: string, help: string, value: (numbers: Numbers) => number | undefined): void =>
    metrics.read({
      name,
      help,
      type: "counter",
      labels: ["pool"],
      read: () =>
        Object.entries(db.metrics()).flatMap(([pool, numbers]): Reading[] => {
          const now = value(numbers);
          return now === undefined ? [] : [[[pool], now]];
        }),
    });
  counter("bk_pool_req_total", "Commands that were sent to databases", ({ calls }) => calls);
  counter("bk_pool_err_total", "Commands that failed", ({ errors }) => errors);
  counter("bk_pool_retries_total", "Commands that were sent again", ({ retries }) => retries);
  counter("bk_pool_hits_total", "Rows of cached tables that came from the cache", ({ cached }) => cached?.hits);
  counter("bk_pool_misses_total", "Rows of cached tables that the cache did not have", ({ cached }) => cached?.misses);
  const times = metrics.histogram({ name: "bk_table_seconds", help: "Calls on tables", labels: ["pool", "table", "verb"] });
  const failed = metrics.counter({ name: "bk_table_err_total", help: "Calls on tables that failed", labels: ["pool", "table", "code"] });
  const { asyncEnd } = tracingChannel<unknown, CallEvent>("bk:db:call");
  const onCall = (message: unknown): void => {
    const { pool, table, verb, durationMs, error } = message as CallEvent;
    // What is on no table, such as a transaction, is in its calls; a name that is no table's never comes to a pool.
    if (pool === undefined || table === undefined || durationMs === undefined) return;
    times.observe([pool, table, verb], durationMs / 1000);
    if (error !== undefined) failed.add([pool, table, error.code ?? "other"]);
  };
  asyncEnd.subscribe(onCall);
  return () => void asyncEnd.unsubscribe(onCall);
}

export function measureCache(metrics: Metrics, cache: Cache): void {
  const shared = cache.capabilities.scope !== "process";
  type Numbers = Awaited<ReturnType<Cache["stats"]>>;
  const read = (name: string, help: string, type: "counter" | "gauge", value: (numbers: Numbers) => number | undefined): void =>
    metrics.read({
      name,
      help,
      type,
      shared: shared && type === "gauge",
      async read() {
        const now = value(await cache.stats());
        return now === undefined ? [] : [[[], now]];
      },
    });
  read("bk_cache_hits_total", "Values that the cache had", "counter", ({ hits }) => hits);
  read("bk_cache_misses_total", "Values that the cache did not have", "counter", ({ misses }) => misses);
  read("bk_cache_inserted_total", "Values that were written to the cache", "counter", ({ sets }) => sets);
  read("bk_cache_deleted_total", "Values that were removed from the cache", "counter", ({ deletes }) => deletes);
  read("bk_cache_count", "Values in the cache", "gauge", ({ count }) => count);
  read("bk_cache_size_bytes", "Bytes of the cache", "gauge", ({ bytes }) => bytes);
}

const outcomes = ["submitted", "duplicates", "done", "failed", "dead", "dropped", "lost"] as const;

/** @param isShared  all processes see the same messages */
export function measureQueues(metrics: Metrics, queues: readonly Pick<Queue, "name" | "metrics" | "stats">[], isShared: boolean): void {
  if (queues.length === 0) return;
  metrics.read({
    name: "bk_queue_messages_total",
    help: "Messages of queues, by what became of them",
    type: "counter",
    labels: ["queue", "outcome"],
    read: () => queues.flatMap((queue) => outcomes.map((outcome): Reading => [[queue.name, outcome], queue.metrics()[outcome]])),
  });
  metrics.read({
    name: "bk_queue_handler_seconds_total",
    help: "Time that handlers of messages took",
    type: "counter",
    labels: ["queue"],
    read: () => queues.map((queue) => [[queue.name], queue.metrics().handlerMs / 1000]),
  });
  metrics.read({
    name: "bk_queue_running",
    help: "Handlers that run",
    labels: ["queue"],
    read: () => queues.map((queue) => [[queue.name], queue.metrics().running]),
  });
  metrics.read({
    name: "bk_queue_messages",
    help: "Messages in queues, by their state",
    labels: ["queue", "state"],
    shared: isShared,
    async read() {
      const all = await Promise.all(
        queues.map(async (queue) => ({ name: queue.name, states: await queue.stats({ timeoutMs: queueTimeoutMs }) })),
      );
      return all.flatMap(({ name, states }) => Object.entries(states).map(([state, count]): Reading => [[name, state], count as number]));
    },
  });
}

/** Nobody who asks for numbers waits for a queue that is away. */
const queueTimeoutMs = 1000;

/** @returns ends it */
export function measureJobs(metrics: Metrics): () => void {
  const times = metrics.histogram({ name: "bk_job_seconds", help: "Runs of jobs", labels: ["job"] });
  const failed = metrics.counter({ name: "bk_job_failed_total", help: "Runs of jobs that failed", labels: ["job"] });
  const { asyncEnd } = tracingChannel<unknown, JobEvent>("bk:job:run");
  const onEnd = (message: unknown): void => {
    const { job, durationMs, error } = message as JobEvent;
    times.observe([job], durationMs! / 1000);
    if (error !== undefined) failed.add([job]);
  };
  asyncEnd.subscribe(onEnd);
  return () => void asyncEnd.unsubscribe(onEnd);
}
