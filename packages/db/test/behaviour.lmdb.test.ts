import { fixture } from "../src/drivers/lmdb/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
