// The behaviour suite on the memory driver in a worker: no modules of Node, no code from strings.
import { openDb } from "@bk/db";
import { testDriver } from "@bk/db/testing";
import { runTests } from "./vitest.js";

testDriver({
  id: "memory",
  openStore() {
    const url = `memory:${crypto.randomUUID()}`;
    return Promise.resolve({ openDb: (settings) => openDb({ url, ...settings }), clean: () => Promise.resolve() });
  },
});

// What `workerd test` looks for.
export default {
  async test(): Promise<void> {
    const { passed, failed, skipped } = await runTests(console.log);
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    if (failed > 0 || passed === 0) throw new Error("the suite failed");
  },
};
