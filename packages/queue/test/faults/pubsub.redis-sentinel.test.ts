// The primary of three sentinels is killed while messages are published, and while services call each other.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openPubSub, openService } from "@bk/queue";
import { killRedis, primaryOf } from "../../../../test/redis-primary.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { collector } from "../../src/testing/collector.js";
import { canRun, idOf } from "../test-pubsub.js";

const fixture = { name: "redis-sentinel", env: "BK_TEST_REDIS_SENTINEL" };

describe.skipIf(!canRun(fixture) || process.env["BK_TEST_QUICK"] === "1")(`driver: ${idOf(fixture.name)}`, { timeout: 120_000 }, () => {
  let server: Service;
  beforeAll(async () => {
    server = await startService("redis-sentinel");
  }, 180_000);
  afterAll(() => server?.stop());

  it("subscriptions and services hold again at the new primary, and subscribers are told that they have missed something", async () => {
    await using bus = await openPubSub(server.url);
    await using other = await openPubSub(server.url);
    await using math = await openService("math", { url: server.url });
    await using client = await openService("client", { url: server.url });
    const [got, missed] = [collector(), collector()];
    await bus.subscribe("news", (value) => got.add(value), { onMissed: (told) => missed.add(told) });
    await math.expose({ same: (n: number) => n });
    await other.publish("news", "before");
    await got.has(1);
    expect(await client.request("math.same", 1)).toBe(1);

    await killRedis(await primaryOf(server.url));
    await missed.has(1);
    expect(missed.items[0]).toEqual({ reason: "disconnected" });
    const before = got.items.length;
    const codes = new Set<string>();
    const tell = (error: { code: string }): undefined => void codes.add(error.code);
    while (got.items.length === before) await other.publish("news", "after", { timeoutMs: 2000 }).catch(tell);
    expect(got.items.at(-1)).toBe("after");
    let answer: unknown;
    while (answer === undefined) answer = await client.request("math.same", 2, { timeoutMs: 2000, attempts: 5 }).catch(tell);
    expect(answer).toBe(2);
    for (const code of codes) expect(["unavailable", "timeout"]).toContain(code);
  });
});
