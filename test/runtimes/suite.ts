// The behaviour suite on the drivers that need no server, as one program for any runtime: its arguments are the drivers.
import { openDb } from "@bk/db";
import { testDriver } from "@bk/db/testing";
import { fixture as memory } from "../../packages/db/src/drivers/memory/fixture.js";
import { fixture as sqlite, threadsFixture } from "../../packages/db/src/drivers/sqlite/fixture.js";
import { runTests } from "./vitest.js";

const fixtures = { memory, sqlite, "sqlite-threads": threadsFixture };

for (const name of process.argv.slice(2) as (keyof typeof fixtures)[]) {
  testDriver({
    id: name,
    async openStore() {
      const {
        url,
        options = {},
        clean,
      } = (await fixtures[name].open())! as { url: string; options?: Record<string, unknown>; clean(): Promise<void> };
      return { openDb: (settings) => openDb({ url, options, ...settings }), clean };
    },
  });
}

const { passed, failed, skipped } = await runTests(console.log);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
