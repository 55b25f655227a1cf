import { fixture } from "../src/drivers/db/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
