import { fixture } from "../src/drivers/couchdb/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
