import { systemClock } from "@bk/core";
import { defineTables, openDb } from "@bk/db";
import { openCache } from "../../open-cache.js";
import type { TestCacheStore } from "../../testing/index.js";
import { cacheTable, dbStore } from "./index.js";

const tables = defineTables({ bk_cache: cacheTable });

const fixtureOf = (name: string, url: string) => ({
  name,
  env: undefined,
  async open(): Promise<TestCacheStore> {
    let time = Date.now();
    const clock = { ...systemClock, now: () => time };
    const db = await openDb({ url, tables, clock });
    await db.sync();
    return {
      openCache: (options) => openCache(dbStore(db), { clock, timeoutMs: 25_000, ...options }),
      pass: async (ms) => void (time += ms),
      clean: () => db.close(),
    };
  },
});

export const fixture = fixtureOf("cache-db", "sqlite::memory:");
export const memoryFixture = fixtureOf("cache-db-memory", "memory:");
