// A consumer in a process of its own, to be killed: writes down what it does, each line in one write.
import { appendFileSync } from "node:fs";
import { openCache } from "@bk/cache";
import { defineJobs, type Listener, openQueue } from "@bk/queue";

const [url, name, file, options, locksUrl] = process.argv.slice(2);
const queue = await openQueue(url!, { name: name!, options: JSON.parse(options!) as Record<string, unknown> });
const locks = locksUrl === undefined ? undefined : await openCache(locksUrl, { prefix: name! });
const write = (...words: readonly unknown[]): void => appendFileSync(file!, `${words.join(" ")}\n`);
/** Long enough to be killed in the middle. */
const work = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, Math.random() * 150));

const jobs = defineJobs(
  {
    note: {
      run: async (input) => {
        await work();
        write("done", String(input), process.pid, Date.now());
      },
    },
    turn: {
      run: async (input) => {
        write("begin", String(input), process.pid, Date.now());
        await work();
        write("end", String(input), process.pid, Date.now());
      },
    },
  },
  locks === undefined ? {} : { locks },
);

/** One that starts while the broker is away waits for it, as an app would. */
async function listen(): Promise<Listener> {
  for (;;) {
    try {
      return await jobs.work(queue, { concurrency: 10, visibilityTimeoutMs: 3000, maxAttempts: 0, waitMs: 1000 });
    } catch (error) {
      if (!["unavailable", "timeout"].includes((error as { code: string }).code)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
const listener = await listen();
process.send!("ready");
process.once("message", () => {
  void (async () => {
    await listener.close();
    await Promise.all([queue.close(), locks?.close()]);
    process.disconnect();
  })();
});
