// Tiered caches that tell each other of changes over a pub/sub of @bk/queue.

import { randomUUID } from "node:crypto";
import { type Cache, busOf, openCache } from "@bk/cache";
import { openPubSub, type PubSub } from "@bk/queue";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { type FaultProxy, openFaultProxy } from "../fault-proxy.js";

const store = process.env["BK_TEST_REDIS"];
const buses: readonly (readonly [string, string | undefined])[] = [
  ["redis", process.env["BK_TEST_REDIS"]],
  ["nats", process.env["BK_TEST_NATS"]],
];

describe.each(buses.filter(([, url]) => url !== undefined && store !== undefined))(
  "tiered caches over %s",
  { timeout: 60_000 },
  (_name, url) => {
    let proxy: FaultProxy;
    const opened: { close(): Promise<unknown> }[] = [];
    beforeAll(async () => {
      proxy = await openFaultProxy(url!);
    });
    afterEach(async () => {
      await proxy.mode("pass");
      for (const each of opened.splice(0).reverse()) await each.close();
    });
    afterAll(() => proxy?.close());

    async function open(prefix: string, at: string): Promise<Cache> {
      const pubsub: PubSub = await openPubSub(at, { timeoutMs: 5_000, drainTimeoutMs: 100 });
      const options = { bus: busOf(pubsub, { timeoutMs: 300 }), channel: `bk.cache.${prefix.slice(0, 8)}` };
      const cache = await openCache(`tiered:${store!}`, { prefix, options });
      opened.push(pubsub, cache);
      return cache;
    }

    /** Reads until the value lies in the process of this cache. */
    const held = (cache: Cache, key: string): Promise<void> =>
      expect.poll(async () => [await cache.get(key), cache.peek(key)][1], { timeout: 20_000 }).toBeDefined();

    it("a change of one is heard by the other", async () => {
      const prefix = `${randomUUID()}:`;
      const [one, other] = [await open(prefix, url!), await open(prefix, url!)];
      await one.put("a", 1);
      await held(other, "a");
      await one.put("a", 2);
      await expect.poll(() => other.get("a"), { timeout: 20_000 }).toBe(2);
      await held(other, "a");
      await one.del("a");
      await expect.poll(() => other.get("a"), { timeout: 20_000 }).toBeUndefined();
      await one.putMany({ b: 1, c: 1 });
      await Promise.all([held(other, "b"), held(other, "c")]);
      await one.clear();
      await expect.poll(() => other.getMany(["b", "c"]), { timeout: 20_000 }).toEqual([undefined, undefined]);
    });

    it("while the bus is away nothing hangs, what one changes it reads, and the other hears of it afterwards", async () => {
      const prefix = `${randomUUID()}:`;
      const cut = await open(prefix, proxy.url(url!));
      const other = await open(prefix, url!);
      await cut.put("a", 1);
      await cut.put("b", 1);
      await Promise.all([held(other, "a"), held(cut, "b")]);
      await proxy.mode("refuse");
      proxy.cutAll();
      await cut.put("a", 2, { timeoutMs: 10_000 });
      expect(await cut.get("a")).toBe(2);
      // Nobody can hear of this one while the bus is away.
      await other.put("b", 2);
      await proxy.mode("pass");
      // Both by themselves: the one that was cut off drops what it has, and makes up for what it could not tell.
      await expect.poll(() => cut.get("b"), { timeout: 20_000 }).toBe(2);
      await expect.poll(() => other.get("a"), { timeout: 20_000 }).toBe(2);
    });
  },
);
