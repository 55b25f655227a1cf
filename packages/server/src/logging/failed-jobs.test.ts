import type { Log } from "@bk/core";
import { defineJobs, openQueue } from "@bk/queue";
import { expect, it, vi } from "vitest";

import { logFailedJobs } from "./failed-jobs.js";

it("a run of a job that fails is told, without what the app says of it, and one that does not is not", async () => {
  const told: unknown[] = [];
  const end = logFailedJobs({ error: (message, fields) => void told.push([message, fields]) } as Log as never);
  const queue = await openQueue("local:", { name: "mails" });
  const jobs = defineJobs({
    send: { run: (input) => (input === 1 ? Promise.reject(new Error("to ann@example.com")) : Promise.resolve()) },
  });
  const listener = await jobs.work(queue);
  await jobs.submit(queue, "send", 2);
  await jobs.submit(queue, "send", 1);
  await vi.waitFor(() => expect(told).toHaveLength(1));
  expect(told).toEqual([
    ["the job send failed", { queue: "mails", id: expect.any(String), attempt: 1, name: "Error", at: expect.any(Array) }],
  ]);
  expect(JSON.stringify(told)).not.toContain("ann@");
  await listener.close();
  await queue.close();
  end();
});
