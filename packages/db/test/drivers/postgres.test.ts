import { silentLog, systemClock } from "@bk/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Driver, Reply } from "../../src/driver.js";
import { fixture } from "../../src/drivers/postgres/fixture.js";
import { postgresDriver } from "../../src/drivers/postgres/index.js";
import { isWanted } from "../fixtures.js";
import { checkAgainstMemory, modelTable } from "./driver-model.js";

/** As the core would tell the error. */
async function classified(driver: Driver, call: Parameters<Driver["execute"]>): Promise<Reply> {
  try {
    return await driver.execute(...call);
  } catch (error) {
    if (driver.classify(error)?.code === "internal") console.log(error);
    throw Object.assign(new Error("classified", { cause: error }), driver.classify(error));
  }
}

describe.skipIf(!isWanted(fixture))("driver: pg", () => {
  let instance: NonNullable<Awaited<ReturnType<typeof fixture.open>>>;
  let driver: Driver;

  beforeAll(async () => {
    instance = (await fixture.open())!;
    driver = (await postgresDriver({ url: instance.url, options: instance.options ?? {}, clock: systemClock, log: silentLog })) as Driver;
  });

  afterAll(async () => {
    await driver.close();
    await instance.clean();
  });

  it.each([1, 2, 3])("answers random commands as the memory driver does, seed %i", async (seed) => {
    await driver.native!(`DROP TABLE IF EXISTS "item"`);
    await driver.execute(driver.compile({ verb: "define", table: modelTable, step: { kind: "table" } }), []);
    for (const index of [...modelTable.indexes, ...modelTable.uniques])
      await driver.execute(driver.compile({ verb: "define", table: modelTable, step: { kind: "index", index } }), []);
    await checkAgainstMemory({ ...driver, execute: (...call) => classified(driver, call) }, seed, 1_500);
    expect(seed).toBeGreaterThan(0);
  });
});
