import { fixture } from "../../../db/src/drivers/cassandra/fixture.js";
import { testBetterAuth } from "./test-adapter.js";

await testBetterAuth(fixture, true);
