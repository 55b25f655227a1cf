// Puts jobs through a queue in this process, and tells its parent how much memory is in use at times. Started with --expose-gc.
import { setImmediate as turn } from "node:timers/promises";
import { openQueue } from "@bk/queue";

const [url, name, total, steps] = [process.argv[2]!, process.argv[3]!, Number(process.argv[4]), Number(process.argv[5])];
const batch = 500;
const queue = await openQueue<number>(url, { name });
let done = 0;
await queue.listen(
  // Some fail the first time, so that what belongs to retries is used too.
  (message, { attempt }) => {
    if (message % 50 === 0 && attempt === 1) throw new Error("once more");
    done++;
  },
  { concurrency: 200, backoff: { delayMs: 0 } },
);

async function usedBytes(): Promise<number> {
  // What waits for the end of this turn is no leak.
  for (let round = 0; round < 3; round++) {
    await turn();
    globalThis.gc!();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

for (let step = 1; step <= steps; step++) {
  const goal = Math.floor((total * step) / steps);
  for (let sent = Math.floor((total * (step - 1)) / steps); sent < goal; sent += batch) {
    const count = Math.min(batch, goal - sent);
    await queue.submitMany(Array.from({ length: count }, (_, at) => ({ message: sent + at })));
    // About as many wait as there would be of a queue in use.
    while (sent + count - done > 2000) await turn();
  }
  await queue.idle();
  process.send!({ done, usedBytes: await usedBytes() });
}
await queue.close();
process.disconnect();
