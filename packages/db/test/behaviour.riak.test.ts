import { vi } from "vitest";

import { fixture } from "../src/drivers/riak/fixture.js";
import { testFixture } from "./test-fixture.js";

// Each row is a request: tests of many pages of many rows take longer than those of other engines.
vi.setConfig({ testTimeout: 120_000 });

testFixture(fixture);
