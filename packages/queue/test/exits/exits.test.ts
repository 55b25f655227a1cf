// Processes that end while submits are under way: what was acknowledged is there.

import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openQueue } from "@bk/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleProgram, type Program } from "../../../../test/bundle-program.js";
import { queueFixture as amqp } from "../../src/drivers/amqp/fixture.js";
import { mysqlQueueFixture, postgresQueueFixture, queueFixture as sqlite } from "../../src/drivers/db/fixture.js";
import { queueFixture as nats } from "../../src/drivers/nats/fixture.js";
import { queueFixture as redis } from "../../src/drivers/redis/fixture.js";
import { queueFixture as sqs } from "../../src/drivers/sqs/fixture.js";
import { collect, dataOf, until } from "../../src/testing/queue/suite.js";
import { canRun, idOf } from "../test-pubsub.js";
import type { QueueFixture } from "../test-queue.js";

const fixtures: readonly QueueFixture[] = [sqlite, postgresQueueFixture, mysqlQueueFixture, redis, nats, amqp, sqs];

let program: Program;
beforeAll(async () => {
  program = await bundleProgram(new URL("submitter.ts", import.meta.url));
});
afterAll(() => program?.remove());

for (const fixture of fixtures.filter(canRun))
  describe(`driver: ${idOf(fixture.name)}`, { timeout: 60_000 }, () => {
    it.each(["exit", "SIGKILL"])("what was acknowledged before the end by %s is there, and the process ends", async (how) => {
      const { url, options = {}, clean } = await fixture.open();
      const folder = mkdtempSync(join(tmpdir(), "bk-exits-"));
      const file = join(folder, "acknowledged");
      const name = `exits-${randomUUID()}`;
      const child = fork(program.path, [url, name, file, how, JSON.stringify(options)], { execArgv: ["--no-warnings"] });
      const ended = once(child, "exit");
      try {
        if (how === "exit") expect(await ended).toEqual([7, null]);
        else {
          await Promise.race([once(child, "message"), ended]);
          child.kill("SIGKILL");
          expect(await ended).toEqual([null, "SIGKILL"]);
        }
        // What is not a whole line was not told to be acknowledged.
        const acknowledged = readFileSync(file, "utf8").split("\n").slice(0, -1);
        expect(acknowledged.length).toBeGreaterThanOrEqual(200);
        await using queue = await openQueue(url, { name, options });
        const { seen, close } = await collect(queue, { concurrency: 50, waitMs: 500 });
        await until(() => seen.length >= acknowledged.length, "they have come");
        await until(async () => ((await queue.stats()).waiting ?? 0) === 0, "all have come");
        await close();
        const got = new Set(dataOf(seen));
        expect(acknowledged.filter((each) => !got.has(each))).toEqual([]);
        // Nothing is there twice.
        expect(got.size).toBe(seen.length);
      } finally {
        child.kill("SIGKILL");
        await clean?.();
        rmSync(folder, { recursive: true });
      }
    });
  });
