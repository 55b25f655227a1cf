// One run of a job, here and now: it is checked and run as a worker does it, in a queue of this process alone.

import { BkError } from "@bk/core";
import { type Jobs, openQueue } from "@bk/queue";

/** Resolves when the job has ended. @throws what it failed with; BkError `invalid` for an unknown one and a wrong input */
export async function runOnce(jobs: Jobs, name: string, input?: unknown): Promise<void> {
  const queue = await openQueue("local:", { name: "command" });
  try {
    const ended = new Promise<void>((done, failed) => {
      queue.on("done", () => done());
      queue.on("dead", ({ error }) => failed(error instanceof Error ? error : new BkError("internal", "the job failed", { cause: error })));
    });
    await jobs.submit(queue, name, input, { maxAttempts: 1 });
    const listener = await jobs.work(queue, { concurrency: 1 });
    try {
      await ended;
    } finally {
      await listener.close();
    }
  } finally {
    await queue.close();
  }
}
