import { fixture } from "../src/drivers/postgres/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
