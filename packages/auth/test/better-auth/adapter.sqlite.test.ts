import { fixture } from "../../../db/src/drivers/sqlite/fixture.js";
import { testBetterAuth } from "./test-adapter.js";

// In memory: what files have of their own is not asked here.
await testBetterAuth({ ...fixture, open: () => Promise.resolve({ url: "sqlite::memory:", clean: () => Promise.resolve() }) });
