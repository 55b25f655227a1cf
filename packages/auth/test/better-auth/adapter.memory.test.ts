import { fixture } from "../../../db/src/drivers/memory/fixture.js";
import { testBetterAuth } from "./test-adapter.js";

await testBetterAuth(fixture);
