import { setFixture } from "../src/drivers/mongodb/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(setFixture);
