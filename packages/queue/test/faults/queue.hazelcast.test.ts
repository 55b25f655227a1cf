// A cluster whose only member is killed and started again: it has forgotten everything, and the same queue goes on.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openQueue } from "@bk/queue";
import { type Service, startService } from "../../../../test/services/index.js";
import { queueFixture } from "../../src/drivers/hazelcast/fixture.js";
import { collector } from "../../src/testing/collector.js";
import { canRun, idOf } from "../test-pubsub.js";

describe.skipIf(!canRun(queueFixture) || process.env["BK_TEST_QUICK"] === "1")(
  `driver: ${idOf(queueFixture.name)}`,
  { timeout: 180_000 },
  () => {
    let server: Service;
    beforeAll(async () => {
      server = await startService("hazelcast");
    }, 180_000);
    afterAll(() => server?.stop());

    it("a listener and a producer go on after the server was killed and started", async () => {
      await using queue = await openQueue<string>(server.url, { options: { connectTimeoutMs: 500 } });
      const got = collector<string>();
      await queue.listen((message) => void got.add(message), { concurrency: 3 });
      await queue.submit("before");
      await got.has(1);
      await server.kill();
      // The loss may be noticed by it, or before it.
      await expect(queue.submit("away")).rejects.toMatchObject({ code: "unavailable" });
      await expect(queue.submit("away again")).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
      await server.start();
      await expect.poll(() => queue.submit("after").then(Boolean, () => false), { timeout: 50_000 }).toBe(true);
      await expect.poll(() => got.items, { timeout: 50_000 }).toContain("after");
      await queue.idle({ timeoutMs: 20_000 });
      expect(got.items).not.toContain("away again");
      expect(await queue.stats()).toEqual({ waiting: 0, delayed: 0, running: 0, dead: 0 });
    });
  },
);
