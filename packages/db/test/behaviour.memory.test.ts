import { fixture } from "../src/drivers/memory/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
