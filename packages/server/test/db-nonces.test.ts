// Used signatures in a database: the store that bk-server has by default.
import { authTables, dbNonces, type NonceDb } from "@bk/auth";
import { testClock } from "@bk/core";
import { openDb } from "@bk/db";
import { describe, expect, it } from "vitest";

const clock = testClock({ now: 1_000_000 });

async function openNonceDb(): Promise<NonceDb & AsyncDisposable & { count(table: "bk_nonce"): Promise<number> }> {
  const db = await openDb({ url: "sqlite::memory:", tables: authTables, clock });
  await db.sync();
  return db as unknown as NonceDb & AsyncDisposable & { count(table: "bk_nonce"): Promise<number> };
}

describe("dbNonces", () => {
  it("one account cannot fill the store: others go on, and it goes on when its own signatures have ended", async () => {
    await using db = await openNonceDb();
    const nonces = dbNonces(db, { clock, maxPerAccount: 3 });
    const ends = clock.now() + 5000;
    for (const key of ["a", "b", "c"]) expect(await nonces.take(key, ends, "eve")).toBe(true);
    const refused = await nonces.take("d", ends, "eve").catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "limited", outcome: "none", detail: { retryAfterMs: expect.any(Number) } });
    expect(await nonces.take("e", ends, "bob")).toBe(true);
    clock.advance((refused as { detail: { retryAfterMs: number } }).detail.retryAfterMs);
    expect(await nonces.take("f", clock.now() + 5000, "eve")).toBe(true);
  });

  it("what is given back can be taken again and takes no room", async () => {
    await using db = await openNonceDb();
    const nonces = dbNonces(db, { clock, maxPerAccount: 1 });
    const ends = clock.now() + 5000;
    for (const _round of [1, 2, 3]) {
      expect(await nonces.take("a", ends, "bob")).toBe(true);
      await nonces.giveBack!("a", ends, "bob");
    }
    expect(await nonces.take("b", ends, "bob")).toBe(true);
  });

  it("of 20 callers at once one takes a key", async () => {
    await using db = await openNonceDb();
    const nonces = dbNonces(db, { clock, maxPerAccount: 50 });
    const taken = await Promise.all(Array.from({ length: 20 }, () => nonces.take("a", clock.now() + 5000, "bob")));
    expect(taken.filter(Boolean)).toHaveLength(1);
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
