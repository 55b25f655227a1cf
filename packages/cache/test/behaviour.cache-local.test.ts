import { fixture } from "../src/drivers/local/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
