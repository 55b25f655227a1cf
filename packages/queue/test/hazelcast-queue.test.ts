// What other consumers make up for when one ends in the middle of a step, and that nothing is left over.

import { type Clock, silentLog, systemClock } from "@bk/core";
import { Client, HazelcastJsonValue } from "hazelcast-client";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { queueFixture } from "../src/drivers/hazelcast/fixture.js";
import { hazelcastQueue } from "../src/drivers/hazelcast/queue.js";
import type { NewMessage, QueueDriver } from "../src/queue/driver.js";
import { canRun, idOf } from "./test-pubsub.js";

const never = new AbortController().signal;
const message = (id: string, more: Partial<NewMessage> = {}): NewMessage => ({
  id,
  body: `"${id}"`,
  delayMs: 0,
  priority: 0,
  groupKey: undefined,
  dedupeKey: undefined,
  ...more,
});
const one = { count: 1, visibilityMs: 30_000, waitMs: 0, signal: never };

describe.skipIf(!canRun(queueFixture))(`driver: ${idOf("hazelcast")}`, () => {
  let store: Awaited<ReturnType<typeof queueFixture.open>>;
  let client: Awaited<ReturnType<typeof Client.newHazelcastClient>>;
  let opened: QueueDriver[] = [];
  let aheadMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };

  beforeAll(async () => {
    store = await queueFixture.open();
    const { host, pathname } = new URL(store.url);
    client = await Client.newHazelcastClient({
      clusterName: pathname.slice(1),
      network: { clusterMembers: [host] },
      properties: { "hazelcast.logging.level": "OFF" },
    });
  });
  afterEach(async () => {
    aheadMs = 0;
    await Promise.all(opened.map((driver) => driver.close()));
    opened = [];
  });
  afterAll(async () => {
    await client.shutdown();
    await store.clean();
  });

  async function open(queue: string): Promise<QueueDriver> {
    const driver = await hazelcastQueue({ url: store.url, queue, options: store.options, clock, log: silentLog });
    opened.push(driver);
    await driver.ready?.();
    return driver;
  }
  const nameOf = (queue: string): string => `${store.options.prefix}${queue}`;

  it("a message whose hint was lost with a consumer is found", async () => {
    const driver = await open("hints");
    await driver.submit([message("lost"), message("kept")]);
    const hints = await client.getQueue<string>(nameOf("hints"));
    expect(await hints.poll()).toMatch(/ lost$/);
    expect(await driver.take(one)).toMatchObject([{ id: "kept" }]);
    expect(await driver.take(one)).toEqual([]);
    aheadMs = 3000;
    expect(await driver.take({ ...one, waitMs: 10_000 })).toMatchObject([{ id: "lost", attempt: 1 }]);
  });

  it("it is found too while others keep the queue from being empty", async () => {
    const driver = await open("busy");
    await driver.submit([message("lost")]);
    const hints = await client.getQueue<string>(nameOf("busy"));
    await hints.poll();
    aheadMs = 3000;
    await driver.submit([message("b"), message("c"), message("d")]);
    const taken = [...(await driver.take(one)), ...(await driver.take(one))];
    aheadMs = 3500;
    taken.push(...(await driver.take(one)));
    expect(taken.map(({ id }) => id)).toContain("lost");
  });

  it("hints that are too many, or of what is gone, hand out nothing twice", async () => {
    const driver = await open("more");
    await driver.submit([message("a")]);
    const hints = await client.getQueue<string>(nameOf("more"));
    await hints.addAll(["1 a", "1 nothing", "2 a"]);
    expect(await driver.take({ ...one, count: 10 })).toMatchObject([{ id: "a" }]);
    expect(await driver.take({ ...one, count: 10 })).toEqual([]);
  });

  it("what is taken back leaves nothing, with a dedupeKey or without", async () => {
    const driver = await open("removed");
    await driver.submit([message("a"), message("b", { dedupeKey: "k" }), message("c", { delayMs: 60_000 }), message("d")]);
    expect(await driver.remove!(["a", "b", "c", "none"])).toBe(3);
    expect(await driver.purge!()).toBe(1);
    expect(await (await client.getQueue(nameOf("removed"))).size()).toBe(0);
    expect(await (await client.getMap(nameOf("removed"))).size()).toBe(0);
  });

  it("a dead message whose consumer ended in the middle is one dead message, and its key is free", async () => {
    const driver = await open("dying");
    const messages = await client.getMap<string, HazelcastJsonValue>(nameOf("dying"));
    const dying = (id: string) => ({ s: "x", due: 1, m: id, id, n: 2, at: 1000, error: "failed", body: '"x"' });
    await messages.set("=k", new HazelcastJsonValue(JSON.stringify(dying("a"))));
    await messages.set("=l", new HazelcastJsonValue(JSON.stringify(dying("b"))));
    expect(await driver.stats()).toMatchObject({ dead: 2 });
    // The one by whoever wants the key, the other by the next look.
    expect(await driver.submit([message("again", { dedupeKey: "k" })])).toEqual([{ id: "again", duplicate: false }]);
    expect(await driver.take({ ...one, count: 10 })).toMatchObject([{ id: "again" }]);
    expect(await driver.stats()).toEqual({ waiting: 0, delayed: 0, running: 1, dead: 2 });
    const { rows } = await driver.dead!.list(10, undefined);
    expect(rows).toEqual(["a", "b"].map((id) => ({ id, body: '"x"', error: "failed", attempts: 2, lastTime: 1000 })));
    expect(await driver.dead!.retry("all")).toBe(1);
    expect((await driver.dead!.list(10, undefined)).rows).toMatchObject([{ id: "a" }]);
  });

  it("a reply to a renewal that was lost does not lose the message", async () => {
    const driver = await open("renewed");
    await driver.submit([message("a")]);
    const [taken] = await driver.take(one);
    const copy = { ...taken! };
    expect(await driver.extend([taken!], 60_000)).toEqual([true]);
    // The consumer knows only what it read before.
    expect(await driver.settle([{ taken: copy, verdict: { kind: "done" } }])).toEqual([true]);
    expect(await driver.settle([{ taken: taken!, verdict: { kind: "done" } }])).toEqual([false]);
  });
});
