// Servers that die, connections that break and answers that do not come, while messages are published.

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { openPubSub, type PubSub, type PubSubOptions } from "@bk/queue";
import { type FaultProxy, openFaultProxy } from "../../../../test/fault-proxy.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { collector } from "../../src/testing/collector.js";
import { refused } from "../../src/testing/refused.js";
import { canRun, idOf, type PubSubFixture } from "../test-pubsub.js";

/** A server, and a proxy before it. */
export interface BehindProxy {
  readonly server: Service;
  readonly proxy: FaultProxy;
}

/** Registers the fault tests of a driver, on a server of their own; `service` is its name in test/services, or starts it. */
export function testPubSubFaults(fixture: Pick<PubSubFixture, "name" | "env">, service: string | (() => Promise<BehindProxy>)): void {
  if (!canRun(fixture) || process.env["BK_TEST_QUICK"] === "1") {
    describe("not run here", () => it.skip(idOf(fixture.name), () => undefined));
    return;
  }
  describe(`driver: ${idOf(fixture.name)}`, { timeout: 90_000 }, () => {
    let server: Service;
    let proxy: FaultProxy;
    let opened: PubSub[] = [];
    let count = 0;
    const fresh = (): string => `faults${++count}`;

    beforeAll(async () => {
      if (typeof service !== "string") return void ({ server, proxy } = await service());
      server = await startService(service);
      proxy = await openFaultProxy(server.url);
    }, 180_000);
    afterEach(async () => {
      await proxy.mode("pass");
      proxy.cutAll();
      await Promise.all(opened.map((bus) => bus.close()));
      opened = [];
    });
    afterAll(async () => {
      await proxy?.close();
      await server?.stop();
    });

    async function open(url: string, options: PubSubOptions = {}): Promise<PubSub> {
      const bus = await openPubSub(url, { drainTimeoutMs: 200, ...options });
      opened.push(bus);
      return bus;
    }

    /** Publishes numbers until one arrives after `seen`. */
    async function untilHeard(bus: PubSub, channel: string, got: { readonly items: unknown[] }): Promise<void> {
      const before = got.items.length;
      for (let n = 0; got.items.length === before; n++) await bus.publish(channel, `probe ${n}`).catch(() => undefined);
    }

    it("subscriptions hold again after the server was killed and started, and are told that they have missed something", async () => {
      const [bus, other] = [await open(server.url), await open(server.url)];
      const channel = fresh();
      const [got, missed, patterned] = [collector(), collector(), collector()];
      await bus.subscribe(channel, (value) => got.add(value), { onMissed: (told) => missed.add(told) });
      if (bus.capabilities.wildcards) await bus.subscribe(`${channel}.*`, (value) => patterned.add(value));
      await other.publish(channel, "before");
      await got.has(1);
      expect(missed.items).toEqual([]);
      await server.kill();
      // It may fail in either way, before or after the loss is noticed.
      await expect(bus.publish(channel, "away", { timeoutMs: 300 })).rejects.toThrow();
      await server.start();
      await missed.has(1);
      expect(missed.items[0]).toEqual({ reason: "disconnected" });
      await untilHeard(other, channel, got);
      const at = got.items.length;
      await bus.publish(channel, "after");
      await expect.poll(() => got.items.slice(at)).toContain("after");
      if (!bus.capabilities.wildcards) return;
      await bus.publish(`${channel}.x`, "by pattern");
      await patterned.has(1);
      expect(patterned.items).toEqual(["by pattern"]);
    });

    it("while the server is away calls are refused in time and nothing piles up; then the same bus works", async () => {
      const bus = await open(proxy.url(server.url), { options: { connectTimeoutMs: 300 } });
      const channel = fresh();
      await bus.publish(channel, 1);
      await proxy.mode("refuse");
      proxy.cutAll();
      // What is sent before the loss is noticed may have arrived.
      await bus.publish(channel, 2).catch(() => undefined);
      await refused(bus.publish(channel, 3), "unavailable", "none");
      await refused(
        bus.subscribe(channel, () => 0),
        "unavailable",
        "none",
      );
      const many = await Promise.allSettled(Array.from({ length: 3000 }, () => bus.publish(channel, 4)));
      for (const each of many) expect(each).toMatchObject({ status: "rejected", reason: { code: "unavailable", outcome: "none" } });
      await proxy.mode("pass");
      const got = collector();
      await expect
        .poll(
          () =>
            bus
              .subscribe(channel, (value) => got.add(value))
              .then(
                () => true,
                () => false,
              ),
          { timeout: 10_000 },
        )
        .toBe(true);
      await untilHeard(bus, channel, got);
      expect(got.items).not.toContain(3);
      expect(got.items).not.toContain(4);
    });

    it("a bus that is opened while the server is away works once it is there", async () => {
      await proxy.mode("refuse");
      const bus = await open(proxy.url(server.url), { options: { connectTimeoutMs: 20_000 } });
      const channel = fresh();
      const got = collector();
      const subscribed = bus.subscribe(channel, (value) => got.add(value), { timeoutMs: 30_000 });
      await refused(bus.publish(channel, 1, { timeoutMs: 100 }), "timeout", "none");
      await proxy.mode("pass");
      await subscribed;
      await bus.publish(channel, 2);
      await got.has(1);
      expect(got.items).toEqual([2]);
    });

    it("connections that break are made again, however often", async () => {
      const bus = await open(proxy.url(server.url));
      const channel = fresh();
      const [got, missed] = [collector(), collector()];
      await bus.subscribe(channel, (value) => got.add(value), { onMissed: (told) => missed.add(told) });
      for (let round = 1; round <= 3; round++) {
        proxy.cutAll();
        await missed.has(round);
        await untilHeard(bus, channel, got);
      }
    });

    it("tells when its connection stands, is lost, and stands again", async () => {
      const bus = await open(proxy.url(server.url));
      const channel = fresh();
      const told: string[] = [];
      for (const name of ["connect", "reconnect", "ready", "disconnect", "close"] as const) bus.on(name, () => told.push(name));
      const [got, missed] = [collector(), collector()];
      await bus.subscribe(channel, (value) => got.add(value), { onMissed: (about) => missed.add(about) });
      await untilHeard(bus, channel, got);
      expect(told).toEqual(["connect", "ready"]);
      proxy.cutAll();
      await missed.has(1);
      await untilHeard(bus, channel, got);
      await bus.close();
      expect(told.slice(0, 5)).toEqual(["connect", "ready", "disconnect", "reconnect", "ready"]);
      expect(told.at(-1)).toBe("close");
    });

    it("a server that does not answer is a timeout, and close ends all the same", async () => {
      const bus = await open(proxy.url(server.url));
      const channel = fresh();
      await bus.publish(channel, 1);
      await proxy.mode("hang");
      await refused(bus.publish(channel, 2, { timeoutMs: 100 }), "timeout", "unknown");
      const controller = new AbortController();
      const cancelled = bus.publish(channel, 3, { signal: controller.signal });
      controller.abort();
      await refused(cancelled, "cancelled");
      const waiting = bus.publish(channel, 4).catch((error: unknown) => error);
      await bus.close();
      opened = [];
      await refused(bus.publish(channel, 5), "closed", "none");
      expect(await waiting).toMatchObject({ name: "QueueError" });
    });

    it("close ends while the server is away", async () => {
      await proxy.mode("refuse");
      const bus = await open(proxy.url(server.url), { drainTimeoutMs: 50 });
      const publishing = bus.publish(fresh(), 1);
      const subscribing = bus.subscribe(fresh(), () => 0);
      const failed = [refused(publishing, "closed", "none"), refused(subscribing, "closed", "none")];
      await bus.close();
      await Promise.all(failed);
      opened = [];
    });
  });
}
