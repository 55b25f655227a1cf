import { defineTables, openDb } from "@bk/db";
import { testDriver } from "@bk/db/testing";
import { describe, expect, it } from "vitest";

import { movableClock } from "../../../src/testing/movable-clock.js";
import { EngineError, MapEngine } from "../map-engine.js";
import { versionOnlyDriver, type VersionedStore } from "./version-only-driver.js";

const newStore = (): VersionedStore => ({ engine: new MapEngine(), versions: new Map(), last: 0 });

testDriver({
  id: "version-only",
  async openStore() {
    const store = newStore();
    return { openDb: (settings) => openDb({ ...settings, driver: versionOnlyDriver(store) }), clean: async () => undefined };
  },
});

const tables = defineTables({
  user: { id: { primary: 1 }, email: { unique: 1 }, n: { type: "int" } },
  session: { id: { primary: 1 }, token: { unique: 1 }, end: { type: "ttl" } },
});

const isWriteOf = (table: string, verb: string) => (shape: { verb: string; table: { name: string } }) =>
  shape.table.name === table && shape.verb === verb;

/** The next command of this kind fails as if the process had died before it, or right after it was sent. */
function dieAt({ engine }: VersionedStore, isIt: (shape: { verb: string; table: { name: string } }) => boolean): void {
  engine.before = (shape) => {
    if (!isIt(shape)) return;
    engine.before = () => undefined;
    throw new Error("the process is gone");
  };
}

describe("a driver whose only guard is a version", () => {
  it("computes changes and conditions, each taking effect once, whoever else writes the row", async () => {
    const store = newStore();
    await using one = await openDb({ driver: versionOnlyDriver(store), tables });
    await using other = await openDb({ driver: versionOnlyDriver(store), tables });
    await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 ? one : other).incr("user", { id: "a", n: 1 })));
    expect(await one.get("user", "a")).toMatchObject({ n: 40 });
    const changes = await Promise.all([1, 2, 3, 4].map((n) => one.update("user", { id: "a", n }, { where: { n: 40 } })));
    expect(changes.filter(({ affected }) => affected === 1)).toHaveLength(1);
  });

  it("replaces an expired row by add, of several at once by one alone", async () => {
    const store = newStore();
    const clock = movableClock(1_000_000);
    await using one = await openDb({ driver: versionOnlyDriver(store), tables, clock });
    await using other = await openDb({ driver: versionOnlyDriver(store), tables, clock });
    await one.add("session", { id: "s", token: "t", end: 1_001_000 });
    await expect(one.add("session", { id: "s", token: "t" })).rejects.toMatchObject({ code: "already-exists" });
    clock.advance(2_000);
    const adds = await Promise.allSettled([one, other, one].map((db, i) => db.add("session", { id: "s", token: `t${i}` })));
    expect(adds.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("is refused tables with unique groups where it does not even claim them", async () => {
    const driver = versionOnlyDriver(newStore());
    const without = { ...driver, capabilities: { ...driver.capabilities, unique: "none" as const } };
    await using db = await openDb({ driver: without, tables });
    const refused = { code: "unsupported", outcome: "none", table: "user", detail: { capability: "unique" } };
    await expect(db.put("user", { id: "a" })).rejects.toMatchObject(refused);
    await expect(db.get("user", "a")).rejects.toMatchObject(refused);
    await expect(db.sync()).rejects.toMatchObject({ code: "unsupported" });
  });
});

describe("unique values by claims", () => {
  it("gives a value to one of two writers who want it at once, in whatever process they are", async () => {
    const store = newStore();
    await using one = await openDb({ driver: versionOnlyDriver(store), tables });
    await using other = await openDb({ driver: versionOnlyDriver(store), tables });
    for (let round = 0; round < 20; round++) {
      const email = `e${round}`;
      const writes = await Promise.allSettled([
        one.put("user", { id: `a${round}`, email }),
        other.put("user", { id: `b${round}`, email }),
        other.update("user", { id: `c${round}`, email }, { upsert: true }),
      ]);
      expect(writes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const write of writes) if (write.status === "rejected") expect(write.reason).toMatchObject({ code: "already-exists" });
      expect(await one.count("user", { email }, { consistent: true })).toBe(1);
    }
  });

  it("is refused in transactions, which do not reach the claims, before anything is written", async () => {
    const driver = versionOnlyDriver(newStore());
    let commits = 0;
    const commit = async (): Promise<boolean> => ++commits > 0;
    const batch = { ...driver, capabilities: { ...driver.capabilities, transactions: "batch" as const }, commit };
    await using db = await openDb({ driver: batch, tables });
    const write = db.transaction((tx) => tx.put("user", { id: "a", email: "e" }));
    await expect(write).rejects.toMatchObject({ code: "unsupported", outcome: "none", detail: { capability: "unique" } });
    expect(commits).toBe(0);
    expect(await db.transaction((tx) => tx.get("user", "a"))).toBeUndefined();
  });

  it("finds out the claim of a writer who crashed before its row was written, when its time is over", async () => {
    const store = newStore();
    const clock = movableClock(1_000_000);
    await using db = await openDb({ driver: versionOnlyDriver(store), tables, clock });
    dieAt(store, isWriteOf("user", "put"));
    await expect(db.put("user", { id: "a", email: "e" })).rejects.toMatchObject({ outcome: "unknown" });
    const later = db.put("user", { id: "b", email: "e" });
    clock.advance(6_000);
    expect(await later).toEqual({ affected: 1 });
    await expect(db.put("user", { id: "a", email: "e" })).rejects.toMatchObject({ code: "already-exists" });
  });

  it("finds out at once the claim of a row that was deleted by one who crashed then", async () => {
    const store = newStore();
    await using db = await openDb({ driver: versionOnlyDriver(store), tables });
    await db.put("user", { id: "a", email: "e" });
    dieAt(store, isWriteOf("_bk_unique", "delete"));
    await expect(db.del("user", "a")).rejects.toMatchObject({ outcome: "unknown" });
    expect(await db.get("user", "a")).toBeUndefined();
    expect(await db.put("user", { id: "b", email: "e" })).toEqual({ affected: 1 });
  });

  it("takes back the row of a writer who was so slow that its claim has passed to another row", async () => {
    const store = newStore();
    const clock = movableClock(1_000_000);
    await using slow = await openDb({ driver: versionOnlyDriver(store), tables, clock });
    await using quick = await openDb({ driver: versionOnlyDriver(store), tables, clock });
    await slow.put("user", { id: "old", email: "first", n: 1 });
    const held: { goOn: () => void }[] = [];
    store.engine.before = (shape) =>
      shape.table.name === "user" && (shape.verb === "put" || shape.verb === "update")
        ? new Promise((goOn) => void held.push({ goOn }))
        : undefined;
    const isNew = slow.put("user", { id: "new", email: "e" });
    const isOld = slow.update("user", { id: "old", email: "f" });
    await expect.poll(() => held.length).toBe(2);
    store.engine.before = () => undefined;
    clock.advance(6_000);
    await quick.put("user", { id: "q", email: "e" });
    await quick.put("user", { id: "r", email: "f" });
    for (const { goOn } of held) goOn();
    await expect(isNew).rejects.toMatchObject({ code: "already-exists", outcome: "none", detail: { unique: "email" } });
    await expect(isOld).rejects.toMatchObject({ code: "already-exists", outcome: "none" });
    expect(await slow.get("user", "new")).toBeUndefined();
    expect(await slow.get("user", "old")).toMatchObject({ email: "first", n: 1 });
    await expect(quick.put("user", { id: "s", email: "first" })).rejects.toMatchObject({ code: "already-exists" });
  });

  it("says that nothing is known when the claim of a written row cannot be settled, and keeps its value", async () => {
    const store = newStore();
    await using db = await openDb({ driver: versionOnlyDriver(store), tables, attempts: 1 });
    let writes = 0;
    store.engine.before = (shape) => {
      if (isWriteOf("_bk_unique", "update")(shape) && ++writes === 1) throw new EngineError("down");
    };
    await expect(db.put("user", { id: "a", email: "e" })).rejects.toMatchObject({ code: "unavailable", outcome: "unknown" });
    await expect(db.put("user", { id: "b", email: "e" })).rejects.toMatchObject({ code: "already-exists" });
    expect(await db.put("user", { id: "a", email: "e", n: 1 })).toEqual({ affected: 1 });
  });

  it("never has a value twice, nor keeps one that no row has, among writers of all kinds who crash now and then", async () => {
    const store = newStore();
    const clock = movableClock(1_000_000);
    const dbs = await Promise.all([1, 2, 3].map(() => openDb({ driver: versionOnlyDriver(store), tables, clock })));
    let seed = 7;
    const next = (most: number): number => (seed = (seed * 48_271) % 2_147_483_647) % most;
    store.engine.before = (shape) => {
      // Those who wait for the claim of one who crashed go on when its time is over.
      clock.advance(20);
      if (shape.verb !== "get" && next(25) === 0) throw new Error("the process is gone");
    };
    const outcomes = await Promise.allSettled(
      Array.from({ length: 300 }, async (_, i) => {
        const db = dbs[i % 3]!;
        const id = `i${next(4)}`;
        const email = `e${next(3)}`;
        switch (next(5)) {
          case 0:
            return db.put("user", { id, email });
          case 1:
            return db.add("user", { id, email });
          case 2:
            return db.update("user", { id, email });
          case 3:
            return db.incr("user", { id, n: 1 });
          default:
            return db.del("user", id);
        }
      }),
    );
    for (const outcome of outcomes)
      if (outcome.status === "rejected") expect(["already-exists", "internal", "limited"]).toContain(outcome.reason.code);
    expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(50);
    store.engine.before = () => undefined;
    clock.advance(10_000);
    const [db] = dbs;
    const { rows } = await db!.select("user", {}, { scan: true, consistent: true });
    const emails = rows.map(({ email }) => email).filter((email) => email !== null);
    expect(new Set(emails).size).toBe(emails.length);
    for (const email of ["e0", "e1", "e2"]) {
      const write = db!.put("user", { id: `of ${email}`, email });
      if (emails.includes(email)) await expect(write).rejects.toMatchObject({ code: "already-exists" });
      else expect(await write).toEqual({ affected: 1 });
    }
    await Promise.all(dbs.map((one) => one.close()));
  });
});
