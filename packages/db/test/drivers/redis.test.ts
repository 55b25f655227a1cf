import { silentLog, systemClock } from "@bk/core";
import { describe, it } from "vitest";
import { redisDriver } from "../../src/drivers/redis/index.js";
import { clusterFixture, fixture, type RedisInstance } from "../../src/drivers/redis/fixture.js";
import type { Driver } from "../../src/driver.js";
import { checkAgainstMemory } from "./driver-model.js";

type Open = { readonly driver: Driver; readonly instance: RedisInstance };

describe("driver: redis", () => {
  for (const { name, env, open } of [fixture, clusterFixture]) {
    describe.skipIf(process.env[env] === undefined)(`${name} (${env})`, () => {
      async function withDriver(work: (opened: Open) => Promise<void>): Promise<void> {
        const instance = (await open())!;
        const driver = (await redisDriver({ ...instance, clock: systemClock, log: silentLog })) as Driver;
        try {
          await work({ driver, instance });
        } finally {
          await driver.close();
          await instance.clean();
        }
      }

      it.each([1, 2, 3, 4])("answers random commands as the memory driver does (seed %i)", (seed) =>
        withDriver(({ driver }) => checkAgainstMemory(driver, seed, 300)),
      );
    });
  }
});
