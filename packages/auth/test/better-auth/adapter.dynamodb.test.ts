import { fixture } from "../../../db/src/drivers/dynamodb/fixture.js";
import { testBetterAuth } from "./test-adapter.js";

await testBetterAuth(fixture, true);
