// Where the rows of a batch transaction must lie: refused as a whole, before anything is done.

import { systemClock } from "@bk/core";
import { defineTables, openDb } from "@bk/db";
import { kvDriver } from "@bk/db/kv";
import { describe, expect, it } from "vitest";

import type { Capabilities } from "../../src/driver.js";
import { arrayStore } from "../../src/testing/array-store.js";

const tables = defineTables({
  left: { part: { primary: 1 }, at: { type: "int", primary: 2 }, n: { type: "int" } },
  right: { part: { primary: 1 }, n: { type: "int" } },
  far: { part: { primary: 1 }, n: { type: "int" } },
});

async function open(atomic: Capabilities["atomic"]) {
  const driver = kvDriver("atomic", arrayStore(), {
    clock: systemClock,
    classify: () => undefined,
    placeOf: ({ name }) => (name === "far" ? "far" : `near/${name}`),
    capabilities: { atomic },
  });
  const db = await openDb({ driver, tables });
  await db.sync();
  return db;
}

type Open = Awaited<ReturnType<typeof open>>;

async function countAll(db: Open): Promise<number> {
  const counts = await Promise.all((["left", "right", "far"] as const).map((table) => db.count(table, {}, { scan: true })));
  return counts.reduce((sum, count) => sum + count, 0);
}

const refused = { code: "unsupported", outcome: "none", detail: { capability: "atomic" } };
const left = (part: string, at: number) => ({ table: "left", op: "put", row: { part, at } }) as const;

describe("rows of one transaction", () => {
  it("are of one table under one hash key, where the engine asks for that", async () => {
    await using db = await open({ within: "partition" });
    await db.bulk([left("a", 1), left("a", 2)], { atomic: true });
    expect(await countAll(db)).toBe(2);
    await expect(db.bulk([left("a", 3), left("b", 1)], { atomic: true })).rejects.toMatchObject(refused);
    const overTables = db.transaction(async (tx) => {
      await tx.put("left", { part: "a", at: 3 });
      await tx.put("right", { part: "a" });
    });
    await expect(overTables).rejects.toMatchObject({ ...refused, driver: "atomic" });
    // What it has read must still be so when it writes: that counts too.
    const afterReading = db.transaction(async (tx) => {
      await tx.get("left", { part: "b", at: 1 });
      await tx.put("left", { part: "a", at: 3 });
    });
    await expect(afterReading).rejects.toMatchObject(refused);
    await db.transaction(async (tx) =>
      tx.list("left", [
        { part: "a", at: 1 },
        { part: "b", at: 1 },
      ]),
    );
    expect(await countAll(db)).toBe(2);
  });

  it("are of tables in one slot, where the engine asks for that", async () => {
    await using db = await open({ within: "slot" });
    await db.transaction(async (tx) => {
      await tx.put("left", { part: "a", at: 1 });
      await tx.put("right", { part: "b" });
    });
    const apart = db.transaction(async (tx) => {
      await tx.put("right", { part: "c" });
      await tx.put("far", { part: "c" });
    });
    await expect(apart).rejects.toMatchObject(refused);
    expect(await countAll(db)).toBe(2);
  });

  it("are no more than the engine takes", async () => {
    await using db = await open({ rows: 3, within: "database" });
    const many = [1, 2, 3, 4].map((at) => left(`p${at}`, at));
    await expect(db.bulk(many, { atomic: true })).rejects.toMatchObject({
      code: "too-large",
      outcome: "none",
      detail: { capability: "atomic" },
    });
    expect(await countAll(db)).toBe(0);
    await db.bulk(many.slice(1), { atomic: true });
    expect(await countAll(db)).toBe(3);
  });
});
