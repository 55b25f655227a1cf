import { fixture } from "../src/drivers/sqlite/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
