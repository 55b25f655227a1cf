import { fixture } from "../src/drivers/memcached/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(fixture);
