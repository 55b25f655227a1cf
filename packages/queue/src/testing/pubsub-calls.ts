// What publishing promises: values, sizes, limits, the end.

import { expect, it } from "vitest";

import { collector, gate } from "./collector.js";
import type { PubSubContext } from "./pubsub-context.js";
import { refused } from "./refused.js";

export function pubSubCalls({ open, fresh }: PubSubContext): void {
  it("reaches every subscriber, here and on another connection, in order", async () => {
    const channel = fresh();
    const [sender, other] = [await open(), await open()];
    const got = [collector<number>(), collector<number>(), collector<number>()];
    await sender.subscribe<number>(channel, (n) => got[0]!.add(n));
    await sender.subscribe<number>(channel, (n) => got[1]!.add(n));
    await other.subscribe<number>(channel, (n) => got[2]!.add(n));
    const numbers = Array.from({ length: 500 }, (_, n) => n);
    await Promise.all(numbers.map((n) => sender.publish(channel, n)));
    for (const { has, items } of got) {
      await has(numbers.length);
      expect(items).toEqual(numbers);
    }
  });

  it("takes what nobody listens to", async () => {
    const bus = await open();
    expect(await bus.publish(fresh(), "nobody")).toBeUndefined();
  });

  it("carries any JSON value as it is", async () => {
    const bus = await open();
    const channel = fresh();
    const values = [
      null,
      0,
      "",
      false,
      -1.5,
      "ünï → 😀 \u0000",
      [],
      [[1, [2]]],
      {},
      { a: { b: [null, true] }, ключ: "x" },
      "x".repeat(100_000),
    ];
    const got = collector();
    await bus.subscribe(channel, (value) => got.add(value));
    for (const value of values) await bus.publish(channel, value);
    await got.has(values.length);
    expect(got.items).toEqual(values);
  });

  it("sends what the message was when it was called, and gives each subscriber its own", async () => {
    const bus = await open();
    const channel = fresh();
    const got = collector<{ list: number[] }>();
    for (let i = 0; i < 2; i++)
      await bus.subscribe<{ list: number[] }>(channel, (value) => {
        got.add({ list: [...value.list] });
        value.list.push(99);
      });
    const message = { list: [1] };
    const published = bus.publish(channel, message);
    message.list.push(2);
    await published;
    await got.has(2);
    expect(got.items).toEqual([{ list: [1] }, { list: [1] }]);
  });

  it("carries bytes and texts as bytes with the codec raw", async () => {
    const bus = await open({ codec: "raw" });
    const channel = fresh();
    const got = collector<Uint8Array>();
    await bus.subscribe<Uint8Array>(channel, (value) => got.add(value));
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
    const published = bus.publish(channel, bytes);
    bytes[0] = 77;
    await published;
    await bus.publish(channel, new Uint8Array(0));
    await bus.publish(channel, "é");
    await got.has(3);
    expect(got.items.map((each) => [...each])).toEqual([Array.from({ length: 256 }, (_, at) => at), [], [0xc3, 0xa9]]);
    await refused(bus.publish(channel, { an: "object" }), "invalid", "none");
  });

  it("refuses what is not JSON, and what is too large, before anything is sent", async () => {
    const bus = await open({ maxMessageBytes: 100 });
    const channel = fresh();
    const got = collector();
    await bus.subscribe(channel, (value) => got.add(value));
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const value of [
      undefined,
      () => 1,
      1n,
      Number.NaN,
      Infinity,
      new Date(),
      new Map(),
      Symbol("s"),
      circle,
      "\ud800",
      { at: new Date() },
    ])
      await refused(bus.publish(channel, value), "invalid", "none");
    const error = await refused(bus.publish(channel, "é".repeat(50)), "too-large", "none");
    expect(error.detail).toMatchObject({ maxBytes: 100 });
    await bus.publish(channel, "é".repeat(49));
    await got.has(1);
    expect(got.items).toEqual(["é".repeat(49)]);
  });

  it("carries a message of the largest size", async () => {
    const bus = await open();
    const channel = fresh();
    const got = collector<string>();
    await bus.subscribe<string>(channel, (value) => got.add(value));
    const largest = "x".repeat(1024 * 1024 - 2);
    await refused(bus.publish(channel, `${largest}x`), "too-large", "none");
    await bus.publish(channel, largest);
    await got.has(1);
    expect(got.items[0] === largest).toBe(true);
  });

  it("leaves out what it cannot read, and goes on", async () => {
    const [json, raw] = [await open(), await open({ codec: "raw" })];
    const channel = fresh();
    const got = collector();
    const subscription = await json.subscribe(channel, (value) => got.add(value));
    for (const bad of ["", "{", Uint8Array.of(0xff, 0xfe), "undefined"]) await raw.publish(channel, bad);
    await raw.publish(channel, '{"a":1}');
    await got.has(1);
    expect(got.items).toEqual([{ a: 1 }]);
    expect(subscription.stats()).toMatchObject({ received: 5, delivered: 1, malformed: 4 });
  });

  it("refuses wrong limits and options, and a signal that has aborted", async () => {
    const bus = await open();
    const channel = fresh();
    for (const timeoutMs of [0, -1, 1.5, Number.NaN, 2 ** 31, "5"])
      await refused(bus.publish(channel, 1, { timeoutMs: timeoutMs as number }), "invalid", "none");
    await refused(bus.publish(channel, 1, { signal: {} as AbortSignal }), "invalid");
    await refused(bus.publish(channel, 1, { signal: AbortSignal.abort() }), "cancelled", "none");
    await refused(
      bus.subscribe(channel, () => 0, { signal: AbortSignal.abort() }),
      "cancelled",
      "none",
    );
    await refused(
      bus.subscribe(channel, () => 0, { concurrency: 0 }),
      "invalid",
    );
    await refused(
      bus.subscribe(channel, () => 0, { misspelt: 1 } as object),
      "invalid",
    );
  });

  it("ends in good order: what is published is sent, handlers end, then every call is refused", async () => {
    const [bus, other] = [await open(), await open()];
    const channel = fresh();
    const [blocked, begun] = [gate(), collector()];
    const [done, seen] = [collector(), collector()];
    const subscription = await bus.subscribe(channel, async (value) => {
      begun.add(value);
      await blocked.promise;
      done.add(value);
    });
    await other.subscribe(channel, (value) => seen.add(value));
    await bus.publish(channel, 1);
    await bus.publish(channel, 2);
    await begun.has(1);
    await seen.has(2);
    await expect.poll(() => subscription.stats().received).toBe(2);
    const last = bus.publish(channel, 3);
    const closed = [bus.close(), bus.close()];
    await refused(bus.publish(channel, 4), "closed", "none");
    await refused(bus.subscribe(channel), "closed", "none");
    blocked.open();
    await Promise.all([last, ...closed]);
    await seen.has(3);
    expect(done.items.slice(0, 2)).toEqual([1, 2]);
    expect(seen.items).toEqual([1, 2, 3]);
    await refused(bus.publish(channel, 5), "closed", "none");
  });

  it("ends within its time although a handler does not", async () => {
    const bus = await open({ drainTimeoutMs: 50 });
    const channel = fresh();
    const aborted = collector();
    await bus.subscribe(channel, async (_value, { signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      aborted.add(signal.reason);
    });
    const began = bus.subscribe(`${channel}.seen`);
    await began;
    await bus.publish(channel, 1);
    await bus.close();
    await aborted.has(aborted.items.length);
    await refused(bus.publish(channel, 1), "closed");
  });
}
