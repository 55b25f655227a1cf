// What is larger than DynamoDB takes at once: refused before it does harm, or done in another way.

import { afterEach, describe, expect, it } from "vitest";
import { fixture } from "../../src/drivers/dynamodb/fixture.js";
import { defineTables, openDb, type TableDefinitions } from "../../src/index.js";
import { openProxy } from "./dynamodb-proxy.js";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const tables = defineTables({
  note: { id: { primary: 1 }, text: {}, bytes: { type: "blob" }, n: { type: "int" } },
});

async function open<T extends TableDefinitions>(definitions: T, more: { readonly url?: string } = {}) {
  const place = (await fixture.open())!;
  const { url = place.url } = more;
  const db = await openDb({ url, options: place.options ?? {}, tables: definitions });
  cleanups.push(place.clean, () => db.close());
  return { db, url };
}

async function synced() {
  const { db, url } = await open(tables);
  await db.sync();
  return { db, url };
}

const tooLarge = { code: "too-large", outcome: "none" };
const megabyte = "x".repeat(1_000_000);

/** Conditions nested in each other, which hold for no row unless `n` is a number below their depth. */
function nested(depth: number): object {
  if (depth === 0) return { text: "none" };
  return depth % 2 === 0 ? { $and: [{ text: { $ne: `no ${depth}` } }, nested(depth - 1)] } : { $or: [{ n: depth }, nested(depth - 1)] };
}

describe.skipIf(process.env[fixture.env] === undefined)("driver: dynamodb", () => {
  it("a row of 20 MB is too large, and its neighbors of the tick are written", async () => {
    const { db } = await synced();
    const puts = ["a", "b", "big", "c", "d"].map((id) => db.put("note", { id, text: id === "big" ? megabyte.repeat(20) : id }));
    const results = await Promise.allSettled(puts);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled"]);
    await expect(puts[2]).rejects.toMatchObject(tooLarge);
    expect(await db.count("note", {}, { scan: true })).toBe(4);
    await expect(db.put("note", { id: "e", bytes: new Uint8Array(20_000_000) })).rejects.toMatchObject(tooLarge);
    await expect(db.update("note", { id: "a", text: megabyte.repeat(20) })).rejects.toMatchObject(tooLarge);
    await expect(db.update("note", { id: "a", text: megabyte }, { ops: { text: "append" } })).rejects.toMatchObject(tooLarge);
    await expect(db.select("note", { text: megabyte.repeat(20) }, { scan: true })).rejects.toMatchObject(tooLarge);
    expect(await db.get("note", "a")).toMatchObject({ text: "a" });
  });

  it("a transaction over 4 MB is too large, and nothing of it is done", async () => {
    const { db } = await synced();
    for (const rows of [11, 60]) {
      const done = db.transaction(async (tx) => {
        for (let i = 0; i < rows; i++) await tx.put("note", { id: `${i}`, text: megabyte.slice(0, 390_000) });
      });
      await expect(done).rejects.toMatchObject(tooLarge);
    }
    expect(await db.count("note", {}, { scan: true })).toBe(0);
  });

  it("filters and guards longer than an expression are answered all the same", async () => {
    const { db } = await synced();
    for (let n = 0; n < 6; n++) await db.put("note", { id: `k${n}`, text: `t${n}`, n: n * 100 + 1 });
    const list = { $or: { text: Array.from({ length: 1000 }, (_, i) => `t${i + 4}`), n: 1 } };
    expect(await db.count("note", list, { scan: true })).toBe(3);
    expect((await db.select("note", list, { scan: true, select: ["id"] })).rows.map(({ id }) => id).sort()).toEqual(["k0", "k4", "k5"]);
    expect(await db.count("note", nested(301), { scan: true })).toBe(4);
    expect((await db.select("note", nested(301), { scan: true })).rows).toHaveLength(4);
    expect(await db.update("note", { id: "k5", text: "new" }, { where: nested(301) })).toEqual({ affected: 0 });
    expect(await db.update("note", { id: "k1", text: "new" }, { where: nested(301) })).toEqual({ affected: 1 });
    expect(await db.incr("note", { id: "k1", n: 1 }, { where: { text: { $not_in: list.$or.text } }, returning: "new" })).toMatchObject({
      row: { text: "new", n: 102 },
    });
    expect(await db.del("note", "k4", { where: { text: { $not_in: list.$or.text } } })).toEqual({ affected: 0 });
    expect(await db.del("note", "k4", { where: list })).toEqual({ affected: 1 });
  });

  it.each([130, 250, 400])("a table of %i columns has computed changes, unique values and transactions", async (width) => {
    const columns = Object.fromEntries(Array.from({ length: width }, (_, i) => [`c${i}`, { type: i === 0 ? "decimal" : "int" }]));
    const definition = { id: { primary: 1 }, ...columns };
    const wide = { plain: definition, unique: { ...definition, u: { unique: 1 } } } as TableDefinitions;
    const { db } = await open(wide);
    await db.sync();
    const whole = { id: "a", ...Object.fromEntries(Object.keys(columns).map((name, i) => [name, i === 0 ? "0.5" : i])) };
    for (const table of ["plain", "unique"]) {
      await db.put(table, whole);
      await Promise.all(Array.from({ length: 5 }, () => db.incr(table, { id: "a", c0: "1.5", c1: 1 })));
      expect(await db.get(table, "a")).toMatchObject({ c0: "8", c1: 6, c2: 2 });
      expect(await db.update(table, { ...whole, c0: "9" }, { returning: "old" })).toMatchObject({ affected: 1, row: { c0: "8" } });
      await db.transaction(async (tx) => {
        const row = await tx.get(table, "a");
        await tx.update(table, { ...row, id: "a", c2: 77 } as never);
        await tx.put(table, { id: "b" });
      });
      expect(await db.get(table, "a")).toMatchObject({ c0: "9", c1: 1, c2: 77 });
      expect(await db.count(table, {}, { scan: true })).toBe(2);
    }
  });

  it("a transaction sees that a row of many columns has changed since it was read", async () => {
    const columns = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`c${i}`, { type: "int" }]));
    const { db, url } = await open({ plain: { id: { primary: 1 }, ...columns } } as TableDefinitions);
    await db.sync();
    await db.put("plain", { id: "a", c1: 1 });
    const other = await openDb({ url, tables: { plain: { id: { primary: 1 }, c1: { type: "int" } } } });
    cleanups.push(() => other.close());
    let tries = 0;
    await db.transaction(async (tx) => {
      const row = (await tx.get("plain", "a"))!;
      if (tries++ === 0) await other.incr("plain", { id: "a", c1: 10 });
      await tx.update("plain", { id: "a", c1: Number(row["c1"]) + 1 });
    });
    expect(await db.get("plain", "a")).toMatchObject({ c1: 12 });
  });

  it("a stored type that cannot serve the declared one is drift, and without sync an error that names the column", async () => {
    const { db, url } = await open({ big: { id: { primary: 1 }, n: { type: "int64" } } });
    await db.sync();
    await db.put("big", { id: "a", n: 9_007_199_254_740_993n });
    const other = await openDb({ url, tables: { big: { id: { primary: 1 }, n: { type: "int" } } } });
    cleanups.push(() => other.close());
    await expect(other.sync()).rejects.toMatchObject({ code: "drift", table: "big", column: "n" });
    await expect(other.get("big", "a")).rejects.toMatchObject({ code: "drift", column: "n" });
  });

  it("of a group that fails after a part of it was written, only the others fail", async () => {
    const place = (await fixture.open())!;
    const proxy = await openProxy(place.url);
    cleanups.push(place.clean, () => proxy.close());
    const { db } = await open(tables, { url: proxy.url });
    await db.sync();
    await db.put("note", { id: "first" });
    let round = 0;
    proxy.interfere((name, body) => {
      if (name !== "BatchWriteItem") return undefined;
      round++;
      // The second round fails in a way of which it is certain that nothing was done.
      if (round > 1) return { status: 400, body: { __type: "AccessDeniedException", message: "" } };
      const [[table, requests]] = Object.entries(body["RequestItems"] as Record<string, unknown[]>) as [[string, unknown[]]];
      const { length } = requests;
      return () => ({ UnprocessedItems: { [table]: requests.slice(length - 2) } });
    });
    const puts = Array.from({ length: 6 }, (_, n) => db.put("note", { id: `${n}`, n }));
    const results = await Promise.allSettled(puts);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(4);
    for (const result of results)
      if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "denied", outcome: "none" });
    expect(round).toBe(2);
  });

  it("an older definition keeps an index and a unique group after its lease is over, while the newer one fills them", async () => {
    const { db, url } = await open({ person: { id: { primary: 1 }, name: {}, code: { type: "int" } } });
    await db.sync();
    const options = { leaseMs: 100 };
    const newer = await openDb({
      url,
      options,
      tables: { person: { id: { primary: 1 }, name: { index: 1 }, code: { type: "int", unique: 1 } } },
    });
    cleanups.push(() => newer.close());
    let writes = 0;
    let filling = true;
    const writer = (async () => {
      for (; filling; writes++) {
        // DynamoDB Local fails some writes while an index is being made.
        const put = (): Promise<unknown> => db.put("person", { id: `w${writes}`, name: "x", code: writes });
        for (let isDone = false; !isDone;)
          isDone = await put().then(
            () => true,
            (error: { code: string }) => error.code !== "unavailable",
          );
      }
    })();
    await newer.sync();
    filling = false;
    await writer;
    expect(await newer.count("person", { name: "x" })).toBe(writes);
    for (const code of [0, Math.floor(writes / 2), writes - 1])
      await expect(newer.add("person", { id: "late", code })).rejects.toMatchObject({ code: "already-exists" });
  });

  it("a connection that ends as it is used again costs no read, and of a write it is not known", async () => {
    const place = (await fixture.open())!;
    const proxy = await openProxy(place.url);
    cleanups.push(place.clean, () => proxy.close());
    const { db } = await open(tables, { url: proxy.url });
    await db.sync();
    await db.put("note", { id: "a", text: "first" });
    const lost = new Set<string>();
    proxy.interfere((name) => {
      if (lost.has(name) || !["GetItem", "BatchGetItem", "PutItem", "Scan", "DescribeTable"].includes(name)) return undefined;
      lost.add(name);
      return "lose";
    });
    expect(await db.get("note", "a")).toMatchObject({ text: "first" });
    await expect(db.put("note", { id: "b" })).rejects.toMatchObject({ code: "unavailable", outcome: "unknown" });
    // Its rows are read by requests of their own.
    expect(await db.delAll("note", {}, { all: true })).toMatchObject({ affected: 2 });
    expect([...lost]).toEqual(expect.arrayContaining(["Scan"]));
  });
});
