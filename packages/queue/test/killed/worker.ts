// A consumer in a process of its own, to be killed: writes each message down, in one write, and is done with it.
import { appendFileSync } from "node:fs";
import { defineJobs, openQueue } from "@bk/queue";

const [url, name, file, options] = process.argv.slice(2);
const queue = await openQueue(url!, { name: name!, options: JSON.parse(options ?? "{}") as Record<string, unknown> });
const jobs = defineJobs({
  write: {
    run: async (input, { attempt }) => {
      // Long enough to be killed in the middle.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      appendFileSync(file!, `${String(input)} ${attempt}\n`);
    },
  },
});
await jobs.work(queue, { concurrency: 10, visibilityTimeoutMs: 1500, maxAttempts: 0, waitMs: 1000 });
process.send?.("ready");
