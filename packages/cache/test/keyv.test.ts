import * as vitest from "vitest";
import keyvTestSuite, { keyvIteratorTests } from "@keyv/test-suite";
import Keyv from "keyv";
import type { Cache } from "@bk/cache";
import type { TestCacheStore } from "@bk/cache/testing";
import { keyvStore } from "../src/keyv.js";
import { fixtures } from "./fixtures.js";
import { isWanted } from "./test-fixture.js";

// Their copy of vitest has the same functions, and types of its own.
const theirs = vitest as unknown as Parameters<typeof keyvTestSuite>[0];

for (const fixture of fixtures.filter(isWanted)) {
  vitest.describe(`driver: ${fixture.name}`, () => {
    let store: TestCacheStore;
    let cache: Cache;
    vitest.beforeAll(async () => {
      store = await fixture.open();
      cache = await store.openCache();
    });
    vitest.afterAll(async () => {
      await cache.close();
      await store.clean();
    });
    keyvTestSuite(theirs, Keyv, () => keyvStore(cache));
    if (fixture.listsKeys) keyvIteratorTests(theirs, Keyv, () => keyvStore(cache));
  });
}
