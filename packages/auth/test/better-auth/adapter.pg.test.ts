import { fixture } from "../../../db/src/drivers/postgres/fixture.js";
import { testBetterAuth } from "./test-adapter.js";

await testBetterAuth(fixture);
