// Rows that are marked as deleted are as if missing, unless a call says that it wants them.

import { expect } from "vitest";

import { defineTables, table } from "../../schema/define-tables.js";
import type { AnyDb } from "../any-db.js";
import { refuses, valuesOf } from "../expectations.js";
import { movableClock } from "../movable-clock.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  post: table(
    {
      owner: { primary: 1 },
      id: { primary: 2 },
      place: { index: 1 },
      name: { unique: 1 },
      n: { type: "int" },
      tags: { type: "set" },
      mtime: { type: "now" },
      deletedAt: { type: "timestamp" },
    },
    { softDelete: "deletedAt" },
  ),
  session: table({ id: { primary: 1 }, n: { type: "int" }, gone: { type: "bigint" }, ends: { type: "ttl" } }, { softDelete: "gone" }),
  plain: { id: { primary: 1 } },
});

const clock = movableClock(Date.UTC(2100, 0, 1));
const withDeleted = { deleted: true };

async function deletedRow(db: AnyDb, owner: string, more: Readonly<Record<string, unknown>> = {}): Promise<{ owner: string; id: string }> {
  const key = { owner, id: "a" };
  await db.put("post", { ...key, n: 5, place: owner, ...more });
  expect(await db.del("post", key)).toEqual({ affected: 1 });
  return key;
}

export function softDelete(suite: Suite): void {
  suite.topic("soft delete", { tables, db: { clock } }, ({ promise }) => {
    promise("del marks the row with the time, and gives it as it was", async ({ db, fresh }) => {
      const key = { owner: fresh(), id: "a" };
      await db.put("post", { ...key, n: 1 });
      clock.advance(10);
      const row = { ...key, place: null, name: null, n: 1, tags: null, mtime: clock.now() - 10, deletedAt: null };
      expect(await db.del("post", key, { where: { n: 2 } })).toEqual({ affected: 0 });
      await refuses(db.del("post", key, { where: { n: 2 }, mustMatch: true }), "condition-failed");
      expect(await db.del("post", key, { returning: "old" })).toEqual({ affected: 1, row });
      expect(await db.get("post", key, withDeleted)).toEqual({ ...row, mtime: clock.now(), deletedAt: new Date(clock.now()) });
      expect(await db.del("post", key)).toEqual({ affected: 0 });
      await refuses(db.del("post", key, { mustMatch: true }), "not-found");
    });

    promise("reads leave deleted rows out, and show them where the call says so", async ({ db, fresh }) => {
      const owner = fresh();
      const key = await deletedRow(db, owner);
      await db.put("post", { owner, id: "b", place: owner });
      const ids = async (calls: Promise<{ rows: Record<string, unknown>[] }>): Promise<unknown[]> => valuesOf((await calls).rows, "id");
      expect(await db.get("post", key)).toBeUndefined();
      expect(await db.get("post", key, { select: ["n"] })).toBeUndefined();
      expect(valuesOf(await db.list("post", [key, { owner, id: "b" }]), "id")).toEqual(["b"]);
      expect(await ids(db.select("post", { owner }))).toEqual(["b"]);
      expect(await ids(db.select("post", { place: owner }, { sort: "id" }))).toEqual(["b"]);
      expect(await db.count("post", { owner })).toBe(1);
      expect(await db.get("post", key, withDeleted)).toMatchObject({ n: 5, deletedAt: expect.any(Date) });
      expect(valuesOf(await db.list("post", [key, { owner, id: "b" }], withDeleted), "id")).toEqual(["a", "b"]);
      expect(await ids(db.select("post", { owner }, withDeleted))).toEqual(["a", "b"]);
      expect(await ids(db.select("post", { owner, deletedAt: { $not_null: true } }, withDeleted))).toEqual(["a"]);
      expect(await db.count("post", { owner }, withDeleted)).toBe(2);
      const scanned: unknown[] = [];
      for await (const row of db.scan("post", { owner }, withDeleted)) scanned.push(row["id"]);
      expect(scanned).toEqual(["a", "b"]);
      for await (const row of db.scan("post", { owner })) expect(row["id"]).toBe("b");
    });

    promise("a deleted row is missing for writes, which begin a new one", async ({ db, fresh }) => {
      const owner = fresh();
      const key = await deletedRow(db, owner);
      expect(await db.update("post", { ...key, n: 1 })).toEqual({ affected: 0 });
      await refuses(db.update("post", { ...key, n: 1 }, { mustMatch: true }), "not-found");
      await refuses(db.incr("post", { ...key, n: 1 }, { mustMatch: true }), "not-found");
      expect(await db.updateAll("post", { owner }, { n: 1 })).toEqual({ affected: 0 });
      expect(await db.delAll("post", { owner })).toEqual({ affected: 0 });
      expect(await db.incr("post", { ...key, n: 1 }, { returning: "new" })).toMatchObject({
        affected: 1,
        row: { n: 1, place: null, deletedAt: null },
      });
      await deletedRow(db, owner);
      expect(await db.update("post", { ...key, n: 2 }, { upsert: true })).toEqual({ affected: 1 });
      await refuses(db.add("post", key), "already-exists");
      await deletedRow(db, owner);
      expect(await db.add("post", { ...key, n: 3 })).toEqual({ affected: 1 });
      await deletedRow(db, owner);
      expect(await db.put("post", { ...key, n: 4 }, { returning: "old" })).toEqual({ affected: 1 });
      expect(await db.get("post", key)).toMatchObject({ n: 4, place: null, deletedAt: null });
      await refuses(db.add("post", key, withDeleted), "already-exists");
    });

    promise("delAll marks every row that its filter matches", async ({ db, fresh }) => {
      const owner = fresh();
      for (let n = 0; n < 5; n++) await db.put("post", { owner, id: `${n}`, n });
      expect(await db.delAll("post", { owner, n: { $ge: 3 } })).toEqual({ affected: 2 });
      expect(await db.delAll("post", { owner })).toEqual({ affected: 3 });
      expect(await db.delAll("post", { owner })).toEqual({ affected: 0 });
      expect(await db.count("post", { owner })).toBe(0);
      expect(await db.count("post", { owner }, withDeleted)).toBe(5);
    });

    promise("with deleted, rows are brought back and deleted for good", async ({ db, fresh }) => {
      const owner = fresh();
      const key = await deletedRow(db, owner);
      expect(await db.update("post", { ...key, deletedAt: null }, withDeleted)).toEqual({ affected: 1 });
      expect(await db.get("post", key)).toMatchObject({ n: 5, deletedAt: null });
      await db.del("post", key);
      await db.put("post", { owner, id: "b" });
      expect(await db.del("post", key, { ...withDeleted, returning: "old" })).toMatchObject({ affected: 1, row: { n: 5 } });
      expect(await db.get("post", key, withDeleted)).toBeUndefined();
      expect(await db.delAll("post", { owner, deletedAt: { $le: new Date(clock.now()) } }, withDeleted)).toEqual({ affected: 0 });
      expect(await db.delAll("post", { owner }, withDeleted)).toEqual({ affected: 1 });
      expect(await db.count("post", { owner }, withDeleted)).toBe(0);
    });

    promise("a deleted row keeps its unique values, for it may come back", async ({ db, fresh }) => {
      const owner = fresh();
      const key = await deletedRow(db, owner, { name: owner });
      await refuses(db.add("post", { owner, id: "b", name: owner }), "already-exists");
      expect(await db.add("post", { ...key, name: owner })).toEqual({ affected: 1 });
      await db.del("post", key);
      await db.del("post", key, withDeleted);
      expect(await db.add("post", { owner, id: "b", name: owner })).toEqual({ affected: 1 });
    });

    promise("bulk and transactions see and mark the same", async ({ db, capabilities, fresh }) => {
      const owner = fresh();
      const key = await deletedRow(db, owner);
      await db.put("post", { owner, id: "b", n: 1 });
      const item = { table: "post" };
      const results = await db.bulk([
        { ...item, op: "update", row: { ...key, n: 1 } },
        { ...item, op: "del", key: { owner, id: "b" } },
        { ...item, op: "add", row: { owner, id: "b", n: 2 } },
        { ...item, op: "del", key, options: withDeleted },
      ]);
      expect(results).toEqual([0, 1, 1, 1].map((affected) => ({ affected })));
      expect(await db.get("post", { owner, id: "b" })).toMatchObject({ n: 2 });
      if (capabilities.transactions === "none" || (capabilities.transactions === "batch" && capabilities.unique === "claims")) return;
      await db.transaction(async (tx) => {
        await tx.del("post", { owner, id: "b" });
        expect(await tx.get("post", { owner, id: "b" })).toBeUndefined();
        await tx.add("post", { owner, id: "c" });
      });
      expect(await db.get("post", { owner, id: "b" }, withDeleted)).toMatchObject({ n: 2, deletedAt: expect.any(Date) });
    });

    promise("deleted rows expire as others do", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("session", { id, n: 1, ends: clock.now() + 1000 });
      await db.del("session", id);
      expect(await db.get("session", id, withDeleted)).toMatchObject({ gone: clock.now() });
      expect(await db.get("session", id)).toBeUndefined();
      clock.advance(1000);
      expect(await db.get("session", id, withDeleted)).toBeUndefined();
      expect(await db.add("session", { id, n: 2 }, withDeleted)).toEqual({ affected: 1 });
    });

    promise("a page token with deleted rows is invalid without them", async ({ db, fresh }) => {
      const owner = fresh();
      for (const id of ["a", "b", "c"]) await db.put("post", { owner, id });
      const { next } = await db.select("post", { owner }, { count: 1, deleted: true });
      expect((await db.select("post", { owner }, { count: 1, deleted: true, start: next! })).rows).toMatchObject([{ id: "b" }]);
      await refuses(db.select("post", { owner }, { count: 1, start: next! }), "invalid");
    });

    promise("within a scope, a deleted row of others stays theirs", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      for (const [id, place] of [
        ["a", a],
        ["b", b],
      ])
        await db.put("post", { owner: a, id, place });
      await db.delAll("post", { owner: a });
      const own = db.scope({ post: { where: { place: a }, set: { place: a } } });
      await refuses(own.put("post", { owner: a, id: "b" }), "denied");
      await refuses(own.add("post", { owner: a, id: "b" }), "already-exists");
      await refuses(own.incr("post", { owner: a, id: "b", n: 1 }), "denied");
      expect(await own.get("post", { owner: a, id: "b" }, withDeleted)).toBeUndefined();
      expect(await own.count("post", {}, { scan: true, deleted: true })).toBe(1);
      expect(await own.add("post", { owner: a, id: "a", n: 1 })).toEqual({ affected: 1 });
      expect(await own.del("post", { owner: a, id: "a" })).toEqual({ affected: 1 });
      expect(await db.count("post", { owner: a })).toBe(0);
      expect(await db.count("post", { owner: a }, withDeleted)).toBe(2);
    });

    promise("the option is for tables that keep deleted rows", async ({ db, fresh }) => {
      await refuses(db.get("plain", fresh(), withDeleted), "invalid");
      await refuses(db.del("plain", fresh(), withDeleted), "invalid");
      await refuses(db.get("post", { owner: fresh(), id: "a" }, { deleted: 1 }), "invalid");
    });
  });
}
