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

/** Whether transactions are refused, as they must be where nothing tells which calls belong to one. */
async function refusesTransactions(): Promise<boolean> {
  const db = await openDb({ url: "memory:", tables: { note: { id: { primary: 1 } } } });
  try {
    await db.transaction((tx) => tx.get("note", { id: "a" }));
    return false;
  } catch (error) {
    if ((error as { code?: unknown }).code === "unsupported") return true;
    throw error;
  } finally {
    await db.close();
  }
}

// What `workerd test` looks for.
export default {
  async test(_control: unknown, env: { readonly transactions: boolean }): Promise<void> {
    if ((await refusesTransactions()) === env.transactions) throw new Error(`transactions: expected ${env.transactions}`);
    const needs = (name: string): boolean =>
      /> transactions >|> rolling deployments >|bulk checks each item|transaction|atomic|a call takes its values when it is made/.test(
        name,
      );
    const { passed, failed, skipped } = await runTests(console.log, (name) => env.transactions || !needs(name));
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    if (failed > 0 || passed === 0) throw new Error("the suite failed");
  },
};
