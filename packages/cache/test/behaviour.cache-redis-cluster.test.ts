import { clusterFixture } from "../src/drivers/redis/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(clusterFixture);
