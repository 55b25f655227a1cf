import { mariadbFixture } from "../../../db/src/drivers/mysql/fixture.js";
import { testBetterAuth } from "./test-adapter.js";

await testBetterAuth(mariadbFixture, true);
