import { threadsFixture } from "../src/drivers/sqlite/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(threadsFixture);
