// Used signatures in a database: the store that bk-server has by default.
import { authTables, dbNonces, type NonceDb } from "@bk/auth";
import { testClock } from "@bk/core";
import { openDb } from "@bk/db";
import { describe, expect, it, onTestFinished } from "vitest";
import { describeAccounts } from "../../auth/test/nonce-accounts.js";

const clock = testClock({ now: 1_000_000 });

async function openNonceDb(): Promise<NonceDb & AsyncDisposable & { count(table: "bk_nonce"): Promise<number> }> {
  const db = await openDb({ url: "sqlite::memory:", tables: authTables, clock });
  await db.sync();
  return db as unknown as NonceDb & AsyncDisposable & { count(table: "bk_nonce"): Promise<number> };
}

describe("dbNonces", () => {
  describeAccounts(clock, async (maxPerAccount) => {
    const db = await openNonceDb();
    onTestFinished(() => db[Symbol.asyncDispose]());
    return dbNonces(db, { clock, maxPerAccount });
  });

  it("remembers across processes: another store on the same database refuses what was taken", async () => {
    await using db = await openNonceDb();
    const ends = clock.now() + 5000;
    expect(await dbNonces(db, { clock }).take("a", ends, "bob")).toBe(true);
    expect(await dbNonces(db, { clock }).take("a", ends, "bob")).toBe(false);
  });

  it("removes signatures that have ended, and only those", async () => {
    await using db = await openNonceDb();
    const nonces = dbNonces(db, { clock });
    await nonces.take("a", clock.now() + 1000, "bob");
    await nonces.take("b", clock.now() + 60_000, "bob");
    clock.advance(10_000);
    expect(await nonces.take("c", clock.now() + 60_000, "bob")).toBe(true);
    await expect.poll(() => db.count("bk_nonce")).toBe(2);
    expect(await nonces.take("b", clock.now() + 50_000, "bob")).toBe(false);
  });

  it("reports a sweep that failed, and serves all the same", async () => {
    await using db = await openNonceDb();
    const faults: unknown[] = [];
    const failing: NonceDb = {
      add: (...args) => db.add(...args),
      del: (...args) => db.del(...args),
      delAll: () => Promise.reject(new Error("no")),
      capabilities: () => db.capabilities(),
    };
    expect(await dbNonces(failing, { clock, onFault: (error) => faults.push(error) }).take("z", clock.now() + 1, "bob")).toBe(true);
    await expect.poll(() => faults.length).toBe(1);
  });
});
