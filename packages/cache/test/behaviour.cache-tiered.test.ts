import { fixture } from "../src/drivers/tiered/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
