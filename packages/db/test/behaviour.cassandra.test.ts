import { fixture } from "../src/drivers/cassandra/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
