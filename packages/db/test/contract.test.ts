// The contract of the driver's side, over every driver that can run here, and over the toys.

import { randomUUID } from "node:crypto";

import { parseConnectUrl, silentLog, systemClock } from "@bk/core";
import type { Driver } from "@bk/db";
import { describeContract } from "@bk/db/testing";

import { memoryDriver } from "../src/drivers/memory/index.js";
import { driverFor } from "../src/drivers/registry.js";
import { kvDriver } from "../src/engines/kv/engine.js";
import { arrayStore } from "../src/testing/array-store.js";
import { fixtures } from "./all-fixtures.js";
import { isWanted } from "./fixtures.js";
import { endsRefusedDriver } from "./small-drivers/ends-refused/ends-refused-driver.js";
import { lateConnectDriver } from "./small-drivers/late-connect/late-connect-driver.js";
import { MapEngine } from "./small-drivers/map-engine.js";
import { partialGroupsDriver } from "./small-drivers/partial-groups/partial-groups-driver.js";
import { versionOnlyDriver } from "./small-drivers/version-only/version-only-driver.js";

for (const fixture of fixtures.filter(isWanted))
  describeContract(fixture.name, async () => {
    const instance = (await fixture.open())!;
    const { url, options = {} } = instance;
    const open = (await driverFor(parseConnectUrl(url).scheme))!;
    const driver = await open({ url, options, clock: systemClock, log: silentLog });
    const clean = async (): Promise<void> => {
      await driver.close();
      await instance.clean();
    };
    return { driver, clean };
  });

describeContract("arrays", async () => {
  const driver = kvDriver(`arrays ${randomUUID()}`, arrayStore(), { clock: systemClock, classify: () => undefined });
  return { driver, clean: () => driver.close() };
});

const small = {
  "version-only": () => versionOnlyDriver({ engine: new MapEngine(), versions: new Map(), last: 0 }),
  "partial-groups": () => partialGroupsDriver(new MapEngine(), systemClock),
  "ends-refused": () => endsRefusedDriver({ url: "memory:", options: {}, clock: systemClock, log: silentLog }),
  "memory with batch transactions": () =>
    memoryDriver({ url: "memory:", options: {}, clock: systemClock, log: silentLog }, { capabilities: { transactions: "batch" } }),
  "late-connect": () => lateConnectDriver(new MapEngine(), systemClock),
};
for (const [name, open] of Object.entries(small))
  describeContract(name, async () => {
    const driver: Driver = await open();
    return { driver, clean: () => driver.close() };
  });
