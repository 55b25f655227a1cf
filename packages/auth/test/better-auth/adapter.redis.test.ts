import { fixture } from "../../../db/src/drivers/redis/fixture.js";
import { testBetterAuth } from "./test-adapter.js";

await testBetterAuth(fixture);
