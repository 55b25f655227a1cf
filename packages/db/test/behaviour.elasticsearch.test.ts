import { fixture } from "../src/drivers/elasticsearch/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
