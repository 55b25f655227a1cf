import { mariadbFixture } from "../src/drivers/mysql/fixture.js";
import { testFixture } from "./test-fixture.js";

testFixture(mariadbFixture);
