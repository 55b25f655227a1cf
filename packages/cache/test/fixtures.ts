// The fixtures of every driver, for tests that run on all of them.

import { fixture as db, memoryFixture } from "../src/drivers/db/fixture.js";
import { fixture as hazelcast } from "../src/drivers/hazelcast/fixture.js";
import { fixture as local } from "../src/drivers/local/fixture.js";
import { fixture as memcached } from "../src/drivers/memcached/fixture.js";
import { clusterFixture, fixture as redis, sentinelFixture } from "../src/drivers/redis/fixture.js";
import { fixture as shared } from "../src/drivers/shared/fixture.js";
import { fixture as tiered } from "../src/drivers/tiered/fixture.js";
import type { Fixture } from "./test-fixture.js";

export const fixtures: readonly (Fixture & { readonly listsKeys: boolean })[] = [
  { ...local, listsKeys: true },
  { ...shared, listsKeys: true },
  { ...redis, listsKeys: true },
  { ...clusterFixture, listsKeys: true },
  { ...sentinelFixture, listsKeys: true },
  { ...tiered, listsKeys: true },
  { ...db, listsKeys: true },
  { ...memoryFixture, listsKeys: true },
  { ...hazelcast, listsKeys: true },
  { ...memcached, listsKeys: false },
];
