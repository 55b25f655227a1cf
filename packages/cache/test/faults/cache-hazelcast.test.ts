// A cluster whose only member is killed and started again.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openCache } from "@bk/cache";
import { type Service, startService } from "../../../../test/services/index.js";
import { fixture } from "../../src/drivers/hazelcast/fixture.js";
import { isWanted } from "../test-fixture.js";

const runs = isWanted(fixture) && process.env["BK_TEST_QUICK"] !== "1";

describe.runIf(runs)("driver: cache-hazelcast", { timeout: 180_000 }, () => {
  let server: Service;
  beforeAll(async () => {
    server = await startService("hazelcast");
  }, 180_000);
  afterAll(() => server?.stop());

  it("calls are refused while it is away, and the same cache goes on when it is back", async () => {
    await using cache = await openCache(server.url, { timeoutMs: 5000 });
    await cache.put("a", 1);
    await server.kill();
    await expect
      .poll(() => cache.put("a", 2).then(undefined, (error: unknown) => error))
      .toMatchObject({ code: "unavailable", outcome: "none" });
    await server.start();
    await expect
      .poll(
        () =>
          cache.put("a", 3).then(
            () => true,
            () => false,
          ),
        { timeout: 50_000 },
      )
      .toBe(true);
    expect(await cache.get("a")).toBe(3);
  });
});
