import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { canRun } from "../test-pubsub.js";
import { killWorkers } from "./test-killed.js";

const onServer = { name: "db-pg", env: "BK_TEST_PG" };

describe.skipIf(!canRun({ name: "db", env: undefined }))("driver: queue-db", () => {
  it("workers that are killed lose nothing", { timeout: 600_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "bk-killed-db-"));
    try {
      expect((await killWorkers({ url: `db:sqlite:${join(folder, "queue.db")}` })).deliveries).toBeGreaterThan(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe.skipIf(!canRun(onServer))("driver: queue-db-pg", () => {
  it("workers that are killed lose nothing", { timeout: 600_000 }, async () => {
    expect((await killWorkers({ url: `db:${process.env[onServer.env]!}` })).deliveries).toBeGreaterThan(0);
  });
});
