// The behaviour suite for authors of drivers, to be called in a file of vitest.

import { describe } from "vitest";
import { type CacheDriverUnderTest, Suite } from "./suite.js";
import { collectionTopics } from "./topics/collections.js";
import { loadingTopics } from "./topics/loading.js";
import { lockTopics } from "./topics/locks.js";
import { timeTopics } from "./topics/time.js";
import { valueTopics } from "./topics/values.js";

export type { CacheDriverUnderTest, KnownDefect, TestCacheStore } from "./suite.js";

/** Registers every test of what a cache promises, for one driver. Capabilities choose; what is not claimed has to be `unsupported`. */
export function testCacheDriver(driver: CacheDriverUnderTest): void {
  describe(`driver: ${driver.id}`, () => {
    const suite = new Suite(driver);
    valueTopics(suite);
    timeTopics(suite);
    collectionTopics(suite);
    lockTopics(suite);
    loadingTopics(suite);
    suite.end();
  });
}
