// Open tables keep what is not declared.

import { expect } from "vitest";

import { defineTables, table } from "../../schema/define-tables.js";
import { refuses, valuesOf } from "../expectations.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  note: table({ owner: { primary: 1 }, id: { primary: 2 }, text: {} }, { open: true }),
});

export function openTables(suite: Suite): void {
  suite.topic("open tables", { tables }, ({ promise }) => {
    promise("undeclared columns hold any JSON value, and are left out where unset", async ({ db, fresh }) => {
      const owner = fresh();
      const row = {
        owner,
        id: "a",
        text: "t",
        extra: 1,
        list: [1, { a: null }],
        yes: true,
        no: false,
        empty: "",
        zero: 0,
        obj: { "x.y": "é" },
      };
      await db.put("note", row);
      expect(await db.get("note", { owner, id: "a" })).toEqual(row);
      expect((await db.select("note", { owner })).rows).toEqual([row]);
      await db.put("note", { owner, id: "a", other: 2, extra: null });
      expect(await db.get("note", { owner, id: "a" })).toEqual({ owner, id: "a", text: null, other: 2 });
    });

    promise("update sets, changes and unsets them one by one", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("note", { owner, id: "a", x: 1, y: 2 });
      await db.update("note", { owner, id: "a", y: 3, z: { deep: [1] } });
      expect(await db.get("note", { owner, id: "a" })).toEqual({ owner, id: "a", text: null, x: 1, y: 3, z: { deep: [1] } });
      await db.update("note", { owner, id: "a", x: null, y: 1 }, { ops: { y: "unset" } });
      expect(await db.get("note", { owner, id: "a" })).toEqual({ owner, id: "a", text: null, z: { deep: [1] } });
      await db.update("note", { owner, id: "b", x: 1 }, { upsert: true });
      expect(await db.get("note", { owner, id: "b" })).toEqual({ owner, id: "b", text: null, x: 1 });
      expect(await db.updateAll("note", { owner, x: 1 }, { w: "new" })).toEqual({ affected: 1 });
      expect(await db.get("note", { owner, id: "b" })).toMatchObject({ x: 1, w: "new" });
    });

    promise("undeclared columns may be named as what every object inherits", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("note", { owner, id: "a", text: "t" });
      expect((await db.select("note", { owner, constructor: { $not_null: true } })).rows).toEqual([]);
      await refuses(db.update("note", { owner, id: "a" }, { ops: { constructor: "set" } }), "invalid", { column: "constructor" });
      await db.update("note", { owner, id: "a", constructor: 1, toString: "s" });
      expect(await db.get("note", { owner, id: "a" })).toEqual({ owner, id: "a", text: "t", constructor: 1, toString: "s" });
      expect((await db.select("note", { owner, constructor: 1, valueOf: null })).rows).toHaveLength(1);
      await db.update("note", { owner, id: "a" }, { ops: { constructor: "unset", toString: "unset" } });
      expect(await db.get("note", { owner, id: "a" })).toEqual({ owner, id: "a", text: "t" });
    });

    promise("concurrent updates of different undeclared columns are all kept", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("note", { owner, id: "a" });
      await Promise.all(Array.from({ length: 10 }, (_, i) => db.update("note", { owner, id: "a", [`c${i}`]: i })));
      expect(await db.get("note", { owner, id: "a" })).toEqual({
        owner,
        id: "a",
        text: null,
        ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`c${i}`, i])),
      });
    });

    promise("filters on them compare text with text and numbers with numbers", async ({ db, fresh }) => {
      const owner = fresh();
      const values = [1, "1", 2, "2", true, null, "10", 10, [1], { a: 1 }, "", 0, false];
      for (const [i, v] of values.entries()) await db.put("note", { owner, id: String(i).padStart(2, "0"), v });
      const found = async (filter: object): Promise<unknown[]> => valuesOf((await db.select("note", { owner, ...filter })).rows, "v");
      expect(await found({ v: 1 })).toEqual([1]);
      expect(await found({ v: "1" })).toEqual(["1"]);
      expect(await found({ v: true })).toEqual([true]);
      expect(await found({ v: { $gt: 1 } })).toEqual([2, 10]);
      expect(await found({ v: { $ge: "1" } })).toEqual(["1", "2", "10"]);
      expect(await found({ v: { $between: ["1", "10"] } })).toEqual(["1", "10"]);
      expect(await found({ v: ["1", 2, 99] })).toEqual(["1", 2]);
      expect(await found({ v: { $begins_with: "1" } })).toEqual(["1", "10"]);
      expect(await found({ v: null })).toEqual([undefined]);
      expect(await found({ v: { $not_null: true } })).toHaveLength(12);
      expect(await found({ never: { $ne: 1 } })).toEqual([]);
      await refuses(db.select("note", { owner, v: { a: 1 } }), "invalid");
      await refuses(db.select("note", { owner, v: { $like: "a" } }), "invalid");
    });

    promise("guards see them", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("note", { owner, id: "a", state: "new" });
      expect(await db.update("note", { owner, id: "a", state: "old" }, { where: { state: "none" } })).toEqual({ affected: 0 });
      expect(await db.update("note", { owner, id: "a", state: "old" }, { where: { state: "new" } })).toEqual({ affected: 1 });
      expect(await db.del("note", { owner, id: "a" }, { where: { state: "new" } })).toEqual({ affected: 0 });
      expect(await db.del("note", { owner, id: "a" }, { where: { state: "old" } })).toEqual({ affected: 1 });
    });

    promise("their names follow the rule of column names, their values that of JSON", async ({ db, fresh }) => {
      const owner = fresh();
      for (const name of ["_rest", "_x", "a b", "a.b", "1a", "", "é", "x".repeat(49), "$or1x", "__proto__x"])
        await refuses(db.put("note", { owner, id: "a", [name]: 1 }), "invalid");
      for (const value of [new Date(), 1n, Number.NaN, "\0", () => 1])
        await refuses(db.put("note", { owner, id: "a", v: value }), "invalid");
      await db.put("note", { owner, id: "a", constructor: 1, toString: 2, hasOwnProperty: 3 });
      expect(await db.get("note", { owner, id: "a" })).toEqual({
        owner,
        id: "a",
        text: null,
        constructor: 1,
        toString: 2,
        hasOwnProperty: 3,
      });
    });
  });
}
