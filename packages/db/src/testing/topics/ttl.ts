// Expired rows are missing rows, for every call, whenever the engine removes them.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import { refuses, valuesOf, walk } from "../expectations.js";
import { movableClock } from "../movable-clock.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  session: { owner: { primary: 1 }, id: { primary: 2 }, n: { type: "int" }, place: { index: 1 }, ends: { type: "ttl" } },
  claim: { id: { primary: 1 }, name: { unique: 1 }, ends: { type: "ttl" } },
});

// Far ahead: engines that remove rows by their own clock leave these alone.
const start = Date.UTC(2100, 0, 1);
const clock = movableClock(start);

export function ttl(suite: Suite): void {
  suite.topic("ttl", { tables, db: { clock } }, ({ promise }) => {
    promise("a row is there until it expires, and missing from then on", async ({ db, fresh }) => {
      const owner = fresh();
      const now = clock.now();
      const row = { owner, id: "a", n: 1, place: owner, ends: now + 1000 };
      await db.put("session", row);
      expect(await db.get("session", { owner, id: "a" })).toEqual(row);
      clock.advance(999);
      expect(await db.get("session", { owner, id: "a" })).toEqual(row);
      clock.advance(1);
      expect(await db.get("session", { owner, id: "a" })).toBeUndefined();
      expect(await db.get("session", { owner, id: "a" }, { select: ["n"] })).toBeUndefined();
      expect(await db.list("session", [{ owner, id: "a" }])).toEqual([]);
      expect((await db.select("session", { owner })).rows).toEqual([]);
      expect((await db.select("session", { place: owner })).rows).toEqual([]);
      expect(await db.count("session", { owner })).toBe(0);
      for await (const found of db.scan("session", { owner })) expect(found).toBeUndefined();
    });

    promise("an expired row is missing for writes", async ({ db, fresh }) => {
      const owner = fresh();
      const over = { owner, id: "a", n: 5, ends: clock.now() - 1 };
      const key = { owner, id: "a" };
      await db.put("session", over);
      expect(await db.update("session", { ...key, n: 1 })).toEqual({ affected: 0 });
      await refuses(db.update("session", { ...key, n: 1 }, { mustMatch: true }), "not-found");
      expect(await db.del("session", key)).toEqual({ affected: 0 });
      expect(await db.del("session", key, { returning: "old" })).toEqual({ affected: 0 });
      expect(await db.updateAll("session", { owner }, { n: 1 })).toEqual({ affected: 0 });
      expect(await db.delAll("session", { owner })).toEqual({ affected: 0 });
      expect(await db.put("session", over, { returning: "old" })).toEqual({ affected: 1 });
      expect(await db.add("session", { ...key, n: 2 })).toEqual({ affected: 1 });
      expect(await db.get("session", key)).toEqual({ ...key, n: 2, place: null, ends: null });
      await refuses(db.add("session", key), "already-exists");
    });

    promise("incr and upsert begin a new row where the old one has expired", async ({ db, fresh }) => {
      const owner = fresh();
      for (const id of ["a", "b"]) await db.put("session", { owner, id, n: 5, place: "old", ends: clock.now() });
      await db.incr("session", { owner, id: "a", n: 1 });
      await db.update("session", { owner, id: "b", n: 1 }, { upsert: true });
      expect((await db.select("session", { owner })).rows).toEqual(["a", "b"].map((id) => ({ owner, id, n: 1, place: null, ends: null })));
    });

    promise("a unique value of an expired row is free", async ({ db, capabilities, fresh }) => {
      if (capabilities.unique === "none") return;
      for (const write of ["add", "put", "update"] as const) {
        const [name, id] = [fresh(), fresh()];
        await db.put("claim", { id: fresh(), name, ends: clock.now() - 1 });
        if (write === "update") await db.put("claim", { id });
        expect(await db[write]("claim", { id, name })).toEqual({ affected: 1 });
        expect((await db.select("claim", { name })).rows).toEqual([{ id, name, ends: null }]);
        await refuses(db.put("claim", { id: fresh(), name }), "already-exists");
      }
    });

    promise("rows without a time, or with one ahead, stay; an update may set another", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("session", { owner, id: "a" });
      await db.put("session", { owner, id: "b", ends: clock.now() + 10 });
      await db.update("session", { owner, id: "b", ends: clock.now() + 5000 });
      clock.advance(1000);
      expect(valuesOf((await db.select("session", { owner })).rows, "id")).toEqual(["a", "b"]);
      await db.update("session", { owner, id: "b", ends: null });
      clock.advance(10_000);
      expect(await db.count("session", { owner })).toBe(2);
    });

    promise("pages are full of rows that have not expired", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(
        Array.from({ length: 60 }, (_, i) => ({
          op: "put",
          table: "session",
          row: {
            owner,
            id: String(i).padStart(2, "0"),
            ends: i % 3 === 0 ? null : i % 3 === 1 ? clock.now() - i : clock.now() + 1_000_000,
          },
        })),
      );
      for (const count of [1, 7, 40]) {
        const pages = await walk(db, "session", { owner }, { count });
        expect(pages.flatMap(({ rows }) => rows)).toHaveLength(40);
        for (const { rows, next } of pages) if (next !== undefined) expect(rows).toHaveLength(count);
      }
    });
  });
}
