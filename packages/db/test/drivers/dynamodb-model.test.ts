// Random commands on DynamoDB and on the memory driver give the same answers.

import { silentLog, systemClock } from "@bk/core";
import { afterEach, describe, it } from "vitest";
import { fixture } from "../../src/drivers/dynamodb/fixture.js";
import { dynamodbDriver } from "../../src/drivers/dynamodb/index.js";
import { checkAgainstMemory, modelTable } from "./driver-model.js";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

describe.skipIf(process.env[fixture.env] === undefined)("driver: dynamodb", () => {
  it.each([1, 2, 3, 4])("answers random commands as the memory driver does (seed %i)", async (seed) => {
    const place = (await fixture.open())!;
    const driver = await dynamodbDriver({ url: place.url, options: place.options ?? {}, clock: systemClock, log: silentLog });
    cleanups.push(place.clean, () => driver.close());
    await driver.execute(driver.compile({ verb: "define", table: modelTable, step: { kind: "table" } }), []);
    await checkAgainstMemory(driver, seed, 300);
  });
});
