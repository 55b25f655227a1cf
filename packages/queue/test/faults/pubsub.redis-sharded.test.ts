// Sharded channels of a cluster whose node is killed, and whose slots move to another node.

import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openPubSub, type PubSub } from "@bk/queue";
import { type Service, startService } from "../../../../test/services/index.js";
import { shardedPubSubFixture } from "../../src/drivers/redis/fixture.js";
import { slotOf } from "../../src/drivers/redis/slots.js";
import { collector } from "../../src/testing/collector.js";
import { canRun, idOf } from "../test-pubsub.js";

const { name } = shardedPubSubFixture;
const options = { sharded: true };
/** The nodes share the slots out evenly when the cluster is made. */
const nodeOf = (channel: string): number => Math.floor((slotOf(channel) * 3) / 16_384);
/** A channel of each node. */
const channels = [0, 1, 2].map((node) => Array.from({ length: 50 }, (_, n) => `news.${n}`).find((channel) => nodeOf(channel) === node)!);

describe.skipIf(!canRun(shardedPubSubFixture) || process.env["BK_TEST_QUICK"] === "1")(
  `driver: ${idOf(name)}`,
  { timeout: 120_000 },
  () => {
    let server: Service;
    beforeAll(async () => {
      server = await startService("redis-cluster");
    }, 180_000);
    afterAll(() => server?.stop());

    const portsOf = (): number[] => [...server.url.matchAll(/:(\d+)/g)].map(([, port]) => Number(port));

    /** Publishes until a message arrives. */
    async function untilHeard(bus: PubSub, channel: string, got: { readonly items: unknown[] }): Promise<void> {
      const before = got.items.length;
      for (let n = 0; got.items.length === before; n++)
        await bus.publish(channel, `after ${n}`, { timeoutMs: 2000 }).catch(() => undefined);
    }

    it("channels of a node that was killed and started hold again; only their subscribers are told, and the others go on", async () => {
      await using bus = await openPubSub(server.url, { options });
      await using other = await openPubSub(server.url, { options });
      const all = await Promise.all(
        channels.map(async (channel) => {
          const [got, missed] = [collector(), collector()];
          await bus.subscribe(channel, (value) => got.add(value), { onMissed: (told) => missed.add(told) });
          await other.publish(channel, "before");
          await got.has(1);
          return { channel, got, missed };
        }),
      );
      await server.kill(1);
      await server.start();
      await all[1]!.missed.has(1);
      expect(all[1]!.missed.items).toEqual([{ reason: "disconnected" }]);
      for (const { channel, got } of all) await untilHeard(other, channel, got);
      expect(all[0]!.missed.items).toEqual([]);
      expect(all[2]!.missed.items).toEqual([]);
    });

    it("a channel whose slot has moved is subscribed to where it is now", async () => {
      await using bus = await openPubSub(server.url, { options });
      await using other = await openPubSub(server.url, { options });
      const [channel] = channels;
      const [got, missed] = [collector(), collector()];
      await bus.subscribe(channel!, (value) => got.add(value), { onMissed: (told) => missed.add(told) });
      await other.publish(channel!, "before");
      await got.has(1);
      const nodes = portsOf().map((port) => new Redis(port));
      try {
        const target = String(await nodes[2]!.cluster("MYID"));
        // The new owner first, so that there always is one.
        for (const node of [...nodes].reverse()) await node.cluster("SETSLOT", slotOf(channel!), "NODE", target);
      } finally {
        for (const node of nodes) node.disconnect();
      }
      await missed.has(1);
      await untilHeard(other, channel!, got);
      await other.publish(channel!, "last");
      await expect.poll(() => got.items.at(-1)).toBe("last");
      // Who comes later finds it too, though it knows the old place.
      const late = collector();
      await other.subscribe(channel!, (value) => late.add(value));
      await bus.publish(channel!, "to both");
      await late.has(1);
      expect(late.items).toEqual(["to both"]);
    });

    it("patterns are refused, and so is the option where there is no cluster", async () => {
      await using bus = await openPubSub(server.url, { options });
      await expect(bus.subscribe("news.*", () => 0)).rejects.toMatchObject({ code: "unsupported", outcome: "none" });
      await expect(openPubSub("redis://127.0.0.1", { options })).rejects.toMatchObject({ code: "invalid", detail: { field: "sharded" } });
    });
  },
);
