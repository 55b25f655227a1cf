import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "@bk/core";
import { openDb } from "@bk/db";
import { describeKvStore, testDriver } from "@bk/db/testing";

import { driverOver, jsonFileStore } from "./json-file-driver.js";

testDriver({
  id: "json-file",
  async openStore() {
    const folder = await mkdtemp(join(tmpdir(), "bk-json-file-"));
    const store = await jsonFileStore(join(folder, "data.json"));
    // All databases of a test share the file; it is closed when the last of them is done.
    const shared = { ...store, close: async () => undefined };
    return {
      openDb: (settings) => openDb({ ...settings, driver: driverOver(shared, settings.clock ?? systemClock) }),
      async clean() {
        await store.close();
        await rm(folder, { recursive: true });
      },
    };
  },
});

describeKvStore("json file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "bk-json-file-"));
  return { store: await jsonFileStore(join(folder, "data.json")), clean: () => rm(folder, { recursive: true }) };
});
