import { fixture } from "../src/drivers/mysql/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
