// `npm test`: makes the clone ready, then is test/run.ts. One process, so that signals reach it.
import { makeReady } from "./ready.js";

makeReady();
// Tests that start programs of the packages start what was just built.
process.env.BK_TEST_BUILT = "1";
const { register } = await import("tsx/esm/api");
register();
await import("../test/run.js");
