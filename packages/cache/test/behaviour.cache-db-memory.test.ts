import { memoryFixture } from "../src/drivers/db/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(memoryFixture);
