// Runs of jobs that failed, in the log of whoever runs the server: the queue tries again, and tells nobody before the last attempt.

import { tracingChannel } from "node:diagnostics_channel";

import { type Log, plainText } from "@bk/core";
import type { JobEvent } from "@bk/queue";

import { faultFields } from "../fault-fields.js";

/** @returns ends it */
export function logFailedJobs(log: Log): () => void {
  const { asyncEnd } = tracingChannel<unknown, JobEvent>("bk:job:run");
  const onEnd = (message: unknown): void => {
    const { job, queue, id, attempt, error } = message as JobEvent;
    if (error !== undefined) log.error(`the job ${plainText(job, 100)} failed`, { queue, id, attempt, ...faultFields(error) });
  };
  asyncEnd.subscribe(onEnd);
  return () => void asyncEnd.unsubscribe(onEnd);
}
