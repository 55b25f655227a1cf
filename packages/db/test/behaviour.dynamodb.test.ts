import { fixture } from "../src/drivers/dynamodb/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
