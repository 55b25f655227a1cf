import { fixture } from "../src/drivers/shared/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
