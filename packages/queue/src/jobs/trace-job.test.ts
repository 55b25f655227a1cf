import { tracingChannel } from "node:diagnostics_channel";

import { expect, it, vi } from "vitest";

import { openQueue } from "../queue/open-queue.js";
import { defineJobs } from "./define-jobs.js";
import type { JobEvent } from "./trace-job.js";

/** On a busy machine. */
const soon = { timeout: 10_000 };

it("tells of each run of a job, how long it took and what it failed with", async () => {
  const events: JobEvent[] = [];
  const take = (event: unknown): void => void events.push(event as JobEvent);
  const { asyncEnd } = tracingChannel<unknown, JobEvent>("bk:job:run");
  asyncEnd.subscribe(take);
  const queue = await openQueue("local:");
  const failure = new Error("it fails");
  const jobs = defineJobs({
    good: { run: () => Promise.resolve() },
    bad: { maxAttempts: 1, run: () => Promise.reject(failure) },
  });
  const listener = await jobs.work(queue);
  await jobs.submit(queue, "good");
  await jobs.submit(queue, "bad");
  await vi.waitFor(() => expect(events.map(({ job }) => job).sort()).toEqual(["bad", "good"]), soon);
  const [bad, good] = events.toSorted((a, b) => a.job.localeCompare(b.job));
  expect(good).toMatchObject({ queue: "default", attempt: 1, durationMs: expect.any(Number) });
  expect(good!.error).toBeUndefined();
  expect(bad!.error).toBe(failure);
  asyncEnd.unsubscribe(take);
  await listener.close();
  await queue.close();
});
