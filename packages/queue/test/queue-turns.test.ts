import { openQueue } from "@bk/queue";
import { describe, expect, it } from "vitest";
import { canRun } from "./test-pubsub.js";

describe.runIf(canRun({ name: "local", env: undefined }))("driver: queue-local", () => {
  it("very many messages whose handlers end at once leave others their turn, and are settled meanwhile", async () => {
    await using queue = await openQueue("local:");
    const count = 100_000;
    await queue.submitMany(Array.from({ length: count }, (_, message) => ({ message })));
    let done = 0;
    await queue.listen(() => void done++, { concurrency: 100 });
    await new Promise((resolve) => setTimeout(resolve, 0));
    const { waiting = 0, running = 0 } = await queue.stats();
    expect(done).toBeLessThan(count);
    // What is done and still counts as running would come back after a while.
    expect(running).toBeLessThan(count / 2);
    expect(waiting).toBeGreaterThan(0);
    await queue.idle();
    expect(done).toBe(count);
    expect(queue.metrics().lost).toBe(0);
  });
});
