import { openDb } from "@bk/db";
import { openOutbox, openQueue, type Outbox, queueTables } from "@bk/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../src/testing/queue/suite.js";

const tables = { order: { id: { primary: 1 } }, ...queueTables } as const;

describe("outbox", () => {
  const open = () => openDb({ url: "sqlite::memory:", tables });
  let db: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    db = await open();
    await db.sync();
  });
  afterAll(() => db.close());

  it("relays what was committed, in order, and nothing that was undone", async () => {
    await using queue = await openQueue<number>("local:", { name: "orders" });
    await using outbox = await openOutbox(queue, db, { pollMs: 20 });
    await db.transaction(async () => {
      for (let n = 0; n < 250; n++) await outbox.submit(n, { groupKey: "g" });
    });
    await expect(
      db.transaction(async (tx) => {
        await tx.add("order", { id: "1" });
        await outbox.submit(-1);
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(await outbox.waiting()).toBe(250);
    expect(await queue.stats()).toMatchObject({ waiting: 0 });
    const seen: number[] = [];
    await queue.listen((message) => void seen.push(message), { concurrency: 5 });
    await outbox.relay();
    await until(() => seen.length === 250, "all have come");
    expect(seen).toEqual(Array.from({ length: 250 }, (_, n) => n));
    expect(await outbox.waiting()).toBe(0);
  });

  it("keeps messages while the broker is away, and goes on when it is back", async () => {
    let isAway = true;
    const broker = await openQueue<number>("local:", { name: "away" });
    const target = new Proxy(broker, {
      get(own, name) {
        if (name === "submitMany" && isAway) return () => Promise.reject(new Error("away"));
        const value: unknown = Reflect.get(own, name, own);
        return typeof value === "function" ? (value.bind(own) as unknown) : value;
      },
    });
    const outbox: Outbox<number> = await openOutbox(target, db, { pollMs: 20 });
    await outbox.relay();
    await outbox.submit(1);
    await outbox.submit(2, { delayMs: 0 });
    await until(async () => (await outbox.waiting()) === 2, "both wait");
    isAway = false;
    await until(async () => (await broker.stats()).waiting === 2, "both have been relayed");
    await outbox.close();
    await broker.close();
  });

  it("of several relays one works, and another takes over", async () => {
    await using queue = await openQueue<number>("local:", { name: "two" });
    const first = await openOutbox(queue, db, { pollMs: 20 });
    const second = await openOutbox(queue, db, { pollMs: 20 });
    await first.relay();
    await second.relay();
    await first.submit(1);
    await until(async () => (await queue.stats()).waiting === 1, "the first has relayed");
    await first.close();
    await second.submit(2);
    await until(async () => (await queue.stats()).waiting === 2, "the second has taken over");
    await second.close();
  });
});
