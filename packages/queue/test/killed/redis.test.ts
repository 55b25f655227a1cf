import { randomUUID } from "node:crypto";
import { startService } from "../../../../test/services/index.js";
import { describe, expect, it } from "vitest";
import { canRun } from "../test-pubsub.js";
import { killWorkers } from "./test-killed.js";

const here = { name: "redis", env: "BK_TEST_REDIS" };

describe.skipIf(!canRun(here))("driver: queue-redis", () => {
  it("workers that are killed lose nothing", { timeout: 600_000 }, async () => {
    const figures = await killWorkers({ url: process.env[here.env]!, options: { prefix: `bk-test-${randomUUID()}:` } });
    expect(figures.deliveries).toBeGreaterThan(0);
  });

  it("and neither does a server that is killed in the middle and started again", { timeout: 600_000 }, async () => {
    const server = await startService("redis");
    try {
      const figures = await killWorkers({
        url: server.url,
        halfWay: async () => {
          await server.kill();
          await server.start();
        },
      });
      expect(figures.deliveries).toBeGreaterThan(0);
    } finally {
      await server.stop();
    }
  });
});
