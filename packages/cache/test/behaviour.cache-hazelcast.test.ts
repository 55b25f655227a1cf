import { fixture } from "../src/drivers/hazelcast/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
