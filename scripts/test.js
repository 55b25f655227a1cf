// `npm test`: makes the clone ready, then runs test/run.ts.
import { makeReady } from "./ready.js";

makeReady();
process.argv.splice(2, 0, "test/run.ts");
await import("./run-ts.js");
