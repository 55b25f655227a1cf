// `npm test`: makes the clone ready, then is test/run.ts. One process, so that signals reach it.
import { makeReady } from "./ready.js";

makeReady();
const { register } = await import("tsx/esm/api");
register();
await import("../test/run.js");
