// What subscriptions promise: their end, slow ones, failing ones, iteration.

import { expect, it } from "vitest";

import { collector, gate } from "./collector.js";
import type { PubSubContext } from "./pubsub-context.js";
import { refused } from "./refused.js";

export function pubSubSubscribers({ open, fresh }: PubSubContext): void {
  it("closing one subscription leaves the others of its channel", async () => {
    const bus = await open();
    const channel = fresh();
    const [first, second] = [collector(), collector()];
    const one = await bus.subscribe(channel, (value) => first.add(value));
    await bus.subscribe(channel, (value) => second.add(value));
    await bus.publish(channel, 1);
    await first.has(1);
    await second.has(1);
    await one.close();
    await one.close();
    expect(await one.closed).toBeUndefined();
    await bus.publish(channel, 2);
    await second.has(2);
    expect(first.items).toEqual([1]);
    const third = collector();
    await bus.subscribe(channel, (value) => third.add(value));
    await bus.publish(channel, 3);
    await third.has(1);
    expect(third.items).toEqual([3]);
  });

  it("a channel can be left and subscribed to again at once", async () => {
    const bus = await open();
    const channel = fresh();
    const got = collector<string>();
    for (let round = 0; round < 20; round++) {
      const subscription = await bus.subscribe(channel, (value) => got.add(`${round} ${String(value)}`));
      const closing = subscription.close();
      const next = await bus.subscribe(channel, (value) => got.add(`${round} again ${String(value)}`));
      await bus.publish(channel, round);
      await got.has(round + 1);
      await Promise.all([closing, next.close()]);
    }
    expect(got.items).toEqual(Array.from({ length: 20 }, (_, round) => `${round} again ${round}`));
  });

  it("its signal ends it, and many on one signal are no leak", async () => {
    const bus = await open();
    const channel = fresh();
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    const controller = new AbortController();
    const [got, all] = [collector(), collector()];
    const subscriptions = await Promise.all(
      Array.from({ length: 30 }, () => bus.subscribe(channel, (value) => got.add(value), { signal: controller.signal })),
    );
    await bus.subscribe(channel, (value) => all.add(value));
    await bus.publish(channel, 1);
    await got.has(30);
    controller.abort();
    await Promise.all(subscriptions.map(({ closed }) => closed));
    await bus.publish(channel, 2);
    await all.has(2);
    expect(got.items).toHaveLength(30);
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });

  it("a handler that fails is counted, and the next message comes", async () => {
    const logged: string[] = [];
    const drop = (): void => undefined;
    const bus = await open({ log: { debug: drop, info: drop, warn: drop, error: (message) => logged.push(message) } });
    const channel = fresh();
    const got = collector<number>();
    const subscription = await bus.subscribe<number>(channel, (n) => {
      got.add(n);
      if (n === 1) throw new Error("thrown");
      return n === 2 ? Promise.reject(new Error("rejected")) : undefined;
    });
    for (const n of [1, 2, 3]) await bus.publish(channel, n);
    await got.has(3);
    expect(got.items).toEqual([1, 2, 3]);
    expect(subscription.stats()).toMatchObject({ received: 3, delivered: 3, failed: 2, waiting: 0 });
    expect(logged).toHaveLength(2);
  });

  it("hands out one message after the other, or as many at once as it is told", async () => {
    const bus = await open();
    const channel = fresh();
    for (const concurrency of [1, 3]) {
      let [running, most] = [0, 0];
      const ended = collector<number>();
      const subscription = await bus.subscribe<number>(
        channel,
        async (n) => {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setImmediate(resolve));
          running--;
          ended.add(n);
        },
        { concurrency },
      );
      for (let n = 0; n < 20; n++) await bus.publish(channel, n);
      await ended.has(20);
      expect(most).toBeLessThanOrEqual(concurrency);
      if (concurrency === 1) expect(ended.items).toEqual(Array.from({ length: 20 }, (_, n) => n));
      await subscription.close();
    }
  });

  it("a slow subscriber is bounded and told once, and others are not held up", async () => {
    const bus = await open();
    const channel = fresh();
    const all = collector<number>();
    await bus.subscribe<number>(channel, (n) => all.add(n));
    const kept = { "drop-oldest": [0, 41, 42, 43, 44, 45, 46, 47, 48, 49], "drop-newest": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] };
    for (const whenFull of ["drop-oldest", "drop-newest"] as const) {
      const [blocked, got, missed] = [gate(), collector<number>(), collector()];
      const slow = await bus.subscribe<number>(
        channel,
        async (n) => {
          got.add(n);
          await blocked.promise;
        },
        { maxWaiting: 9, whenFull, onMissed: (told) => missed.add(told) },
      );
      all.items.length = 0;
      for (let n = 0; n < 50; n++) await bus.publish(channel, n);
      await all.has(50);
      await expect.poll(() => slow.stats().received).toBe(50);
      expect(slow.stats()).toMatchObject({ waiting: 9, dropped: 40 });
      expect(missed.items).toEqual([{ reason: "slow" }]);
      blocked.open();
      await got.has(10);
      expect(got.items).toEqual(kept[whenFull]);
      await slow.close();
    }
  });

  it("what waits is bounded by its bytes too", async () => {
    const bus = await open();
    const channel = fresh();
    const [blocked, got] = [gate(), collector<string>()];
    const slow = await bus.subscribe<string>(
      channel,
      async (text) => {
        got.add(text.slice(0, 1));
        await blocked.promise;
      },
      { maxWaitingBytes: 2500 },
    );
    for (const letter of "abcdef") await bus.publish(channel, letter.repeat(1000));
    await expect.poll(() => slow.stats().received).toBe(6);
    expect(slow.stats()).toMatchObject({ waiting: 2, dropped: 3 });
    blocked.open();
    await got.has(3);
    expect(got.items).toEqual(["a", "e", "f"]);
  });

  it("a slow subscriber is ended, if it says so", async () => {
    const bus = await open();
    const channel = fresh();
    const slow = await bus.subscribe(channel, () => new Promise(() => undefined), { maxWaiting: 2, whenFull: "close" });
    for (let n = 0; n < 4; n++) await bus.publish(channel, n);
    expect(await slow.closed).toMatchObject({ code: "limited" });
  });

  it("is iterated where it has no handler; leaving the loop closes it", async () => {
    const bus = await open();
    const channel = fresh();
    const subscription = await bus.subscribe<number>(channel);
    for (let n = 0; n < 5; n++) await bus.publish(channel, n);
    const got: number[] = [];
    for await (const { data, channel: on } of subscription) {
      expect(on).toBe(channel);
      got.push(data);
      if (data === 3) break;
    }
    expect(got).toEqual([0, 1, 2, 3]);
    expect(await subscription.closed).toBeUndefined();
    const withHandler = await bus.subscribe(channel, () => 0);
    await refused(withHandler[Symbol.asyncIterator]().next(), "invalid");
  });

  it("drain hands out what has come, then closes; close drops it", async () => {
    const bus = await open();
    const channel = fresh();
    for (const end of ["drain", "close"] as const) {
      const [blocked, got] = [gate(), collector<number>()];
      const subscription = await bus.subscribe<number>(channel, async (n) => {
        got.add(n);
        await blocked.promise;
      });
      for (let n = 0; n < 5; n++) await bus.publish(channel, n);
      await expect.poll(() => subscription.stats().received).toBe(5);
      const ended = subscription[end]();
      blocked.open();
      await ended;
      expect(got.items).toEqual(end === "drain" ? [0, 1, 2, 3, 4] : [0]);
      expect(subscription.stats().waiting).toBe(0);
    }
    const stuck = await bus.subscribe(channel, () => new Promise(() => undefined));
    await bus.publish(channel, 1);
    await expect.poll(() => stuck.stats().delivered).toBe(1);
    expect(await stuck.drain(20)).toBe(false);
  });

  it("hundreds of channels on one bus", async () => {
    const [bus, other] = [await open(), await open()];
    const own = fresh();
    const got = collector<string>();
    const channels = Array.from({ length: 300 }, (_, at) => `${own}.${at}`);
    const subscriptions = await Promise.all(
      channels.map((channel) => bus.subscribe(channel, (value) => got.add(`${channel} ${String(value)}`))),
    );
    await Promise.all(channels.map((channel, at) => other.publish(channel, at)));
    await got.has(channels.length);
    expect(new Set(got.items)).toEqual(new Set(channels.map((channel, at) => `${channel} ${at}`)));
    await Promise.all(subscriptions.map((subscription) => subscription.close()));
  });
}
