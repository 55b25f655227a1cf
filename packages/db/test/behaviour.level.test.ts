import { fixture } from "../src/drivers/level/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
