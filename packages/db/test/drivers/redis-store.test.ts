import { silentLog } from "@bk/core";
import { describe, it } from "vitest";
import { connectRedis } from "../../src/drivers/redis/connection.js";
import { clusterFixture, fixture } from "../../src/drivers/redis/fixture.js";
import { redisOptions } from "../../src/drivers/redis/options.js";
import { redisStore } from "../../src/drivers/redis/store.js";
import { testClock } from "@bk/core";
import { describeKvStore } from "../../src/testing/kv-store-suite.js";

describe("driver: redis", () => {
  for (const { name, env, open } of [fixture, clusterFixture]) {
    if (process.env[env] === undefined) {
      it.skip(`store: ${name} (${env} is not set)`, () => undefined);
      continue;
    }
    describeKvStore(name, async () => {
      const instance = (await open())!;
      const options = redisOptions({ ...instance, log: silentLog, clock: testClock() });
      return { store: redisStore(await connectRedis(options, silentLog), options), clean: () => instance.clean() };
    });
  }
});
