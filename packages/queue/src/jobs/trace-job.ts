// Tracing: runs of jobs are reported on the channel `bk:job:run` of `node:diagnostics_channel`. Where nobody listens nothing is made.

import { findNodeModule } from "@bk/core";

import type { JobContext } from "./job-context.js";

/** One run of a job: what goes through the five channels of the TracingChannel `bk:job:run`. */
export interface JobEvent {
  readonly job: string;
  readonly queue: string;
  readonly id: string;
  readonly attempt: number;
  /** How long it took, once it has ended (`asyncStart`, `asyncEnd`). */
  durationMs?: number;
  /** What it failed with. */
  error?: unknown;
}

const channel = findNodeModule("node:diagnostics_channel")?.tracingChannel?.<unknown, JobEvent>("bk:job:run");

/** Runs a job, and reports it. */
export function tracedJob<T>({ job, queue, id, attempt }: JobContext, run: () => Promise<T>): Promise<T> {
  if (channel === undefined || channel.hasSubscribers === false) return run();
  const startedAt = performance.now();
  const event: JobEvent = { job, queue, id, attempt };
  return channel.tracePromise(() => run().finally(() => (event.durationMs = performance.now() - startedAt)), event);
}
