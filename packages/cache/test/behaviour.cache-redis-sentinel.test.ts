import { sentinelFixture } from "../src/drivers/redis/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(sentinelFixture);
