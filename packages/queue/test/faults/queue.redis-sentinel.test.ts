// The primary of three sentinels is killed while a work queue is in use.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openQueue } from "@bk/queue";
import { killRedis, primaryOf } from "../../../../test/redis-primary.js";
import { type Service, startService } from "../../../../test/services/index.js";
import { askRedis } from "../../../../test/services/redis.js";
import { collect, dataOf, until } from "../../src/testing/queue/suite.js";
import { canRun, idOf } from "../test-pubsub.js";

const fixture = { name: "redis-sentinel", env: "BK_TEST_REDIS_SENTINEL" };

describe.skipIf(!canRun(fixture) || process.env["BK_TEST_QUICK"] === "1")(`driver: ${idOf(fixture.name)}`, { timeout: 120_000 }, () => {
  let server: Service;
  beforeAll(async () => {
    server = await startService("redis-sentinel");
  }, 180_000);
  afterAll(() => server?.stop());

  it("what the replica had is done at the new primary, keys hold, and consumers go on by themselves", async () => {
    await using queue = await openQueue(server.url, { name: "failover", requestTimeoutMs: 5000 });
    await using other = await openQueue(server.url, { name: "failover", requestTimeoutMs: 5000 });
    const early = Array.from({ length: 40 }, (_, n) => n);
    await queue.submitMany(early.map((message) => ({ message })));
    const kept = await queue.submit("kept", { dedupeKey: "k", delayMs: 3_600_000 });
    const primary = await primaryOf(server.url);
    await copied(primary);
    const { seen } = await collect(
      other,
      { concurrency: 2, visibilityTimeoutMs: 2000, waitMs: 500 },
      () => new Promise((resolve) => setTimeout(resolve, 20)),
    );
    await until(() => seen.length > 10, "some are done");
    await killRedis(primary);

    const codes = new Set<string>();
    const during: unknown[] = [];
    const deadline = Date.now() + 60_000;
    // Until ten in a row went well: some may be acknowledged by the old primary still, and be lost with it.
    for (let n = 0; during.length < 10; n++) {
      if (Date.now() > deadline) expect.fail(`no new primary: ${[...codes].join(" ")}`);
      const submitted = await queue.submit(`during ${n}`).catch((error: unknown) => error as { code: string });
      if ("code" in submitted) {
        codes.add(submitted.code);
        during.length = 0;
      } else during.push(`during ${n}`);
    }
    expect(codes.size).toBeGreaterThan(0);
    for (const code of codes) expect(["unavailable", "timeout"]).toContain(code);
    expect(await primaryOf(server.url)).not.toBe(primary);
    await until(() => [...early, ...during].every((each) => dataOf(seen).includes(each)), "all are done");
    expect(await queue.submit("again", { dedupeKey: "k" })).toEqual({ id: kept.id, duplicate: true });
    await until(async () => {
      const { waiting, running } = await queue.stats();
      return waiting === 0 && running === 0;
    }, "nothing is left");
    expect(await queue.stats()).toMatchObject({ delayed: 1, dead: 0 });
  });
});

/** Waits until the replica has all that was written. */
async function copied(primary: number): Promise<void> {
  await until(async () => {
    const info = (await askRedis(primary, "INFO", "replication")) ?? "";
    return /offset=(\d+)/.exec(info)?.[1] === /master_repl_offset:(\d+)/.exec(info)?.[1];
  }, "the replica has it");
}
