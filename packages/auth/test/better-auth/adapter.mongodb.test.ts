import { fixture } from "../../../db/src/drivers/mongodb/fixture.js";
import { testBetterAuth } from "./test-adapter.js";

await testBetterAuth(fixture);
