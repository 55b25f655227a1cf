// Queues and buses by name: what is begun on them goes on when they are replaced.

import { openPubSubs, openQueues } from "@bk/queue";
import { expect, it } from "vitest";
import { until } from "../src/testing/queue/suite.js";

it("a queue is consumed through its replacement, and what runs on the old one is finished there", async () => {
  await using queues = await openQueues({ default: "local:", jobs: "local:" });
  const done: unknown[] = [];
  let finish = (): void => undefined;
  const isFinished = new Promise<void>((resolve) => (finish = resolve));
  let begun = 0;
  await queues.keep("jobs", (queue) =>
    queue.listen(async (message) => {
      begun++;
      if (message === "slow") await isFinished;
      done.push(message);
    }),
  );
  const old = queues.get("jobs");
  expect(old.name).toBe("jobs");
  await old.submit("slow");
  await until(() => begun === 1, "it runs");
  const replaced = queues.reconfigure("jobs", { url: "local:", maxAttempts: 3 });
  await until(() => queues.get("jobs") !== old, "the new one is there");
  await queues.get("jobs").submit("new");
  await until(() => done.length === 1, "the new one is consumed");
  finish();
  await replaced;
  expect(done).toEqual(["new", "slow"]);
  await expect(old.submit("late")).rejects.toMatchObject({ code: "closed" });
});

it("a queue whose new broker is not reached stays as it is", async () => {
  await using queues = await openQueues({ default: "local:" });
  const seen: unknown[] = [];
  await queues.keep("default", (queue) => queue.listen((message) => void seen.push(message)));
  const url = "redis://127.0.0.1:1";
  await expect(queues.reconfigure("default", { url, options: { connectTimeoutMs: 100 } })).rejects.toMatchObject({ code: "unavailable" });
  await queues.get().submit(1);
  await until(() => seen.length === 1, "it is consumed");
});

it("a subscription holds through the replacement of its bus", async () => {
  await using buses = await openPubSubs({ default: "local:" });
  const got: unknown[] = [];
  const kept = await buses.keep("default", (bus) => bus.subscribe("news", (message) => void got.push(message)));
  await buses.get().publish("news", 1);
  await until(() => got.length === 1, "the first has come");
  await buses.reconfigure("default", { url: "local:", prefix: "app." });
  await buses.get().publish("news", 2);
  await until(() => got.length === 2, "the second has come");
  await kept.close();
  await buses.get().publish("news", 3);
  await buses.close();
  expect(got).toEqual([1, 2]);
});
