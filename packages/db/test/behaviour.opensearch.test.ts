import { opensearchFixture } from "../src/drivers/elasticsearch/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(opensearchFixture);
