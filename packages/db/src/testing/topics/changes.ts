// update and incr: one row, atomically, guarded.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import { refuses } from "../expectations.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  item: {
    id: { primary: 1 },
    name: {},
    n: { type: "int" },
    big: { type: "int64" },
    x: { type: "real" },
    price: { type: "decimal" },
    hits: { type: "counter" },
    ten: { type: "int", value: 10 },
    ok: { type: "bool" },
    at: { type: "timestamp" },
    data: { type: "json" },
    tags: { type: "set" },
    nums: { type: "set", of: "int" },
    steps: { type: "list" },
    fixed: { readonly: true },
  },
});

const blank = {
  name: null,
  n: null,
  big: null,
  x: null,
  price: null,
  hits: 0,
  ten: 10,
  ok: null,
  at: null,
  data: null,
  tags: null,
  nums: null,
  steps: null,
  fixed: null,
};

export function changes(suite: Suite): void {
  suite.topic("changes", { tables }, ({ promise }) => {
    promise("update changes the given columns of an existing row and leaves the others", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("item", { id, name: "a", n: 1, tags: ["x"] });
      expect(await db.update("item", { id, n: 2, name: null })).toEqual({ affected: 1 });
      expect(await db.get("item", id)).toEqual({ ...blank, id, n: 2, tags: ["x"] });
      expect(await db.update("item", { id, n: 2 })).toEqual({ affected: 1 });
      expect(await db.update("item", { id, n: undefined, ten: 0 })).toEqual({ affected: 1 });
      expect(await db.get("item", id)).toMatchObject({ n: 2, ten: 0 });
    });

    promise("update of a missing row does nothing, unless upsert or mustMatch say otherwise", async ({ db, fresh }) => {
      const id = fresh();
      expect(await db.update("item", { id, n: 1 })).toEqual({ affected: 0 });
      expect(await db.update("item", { id, n: 1 }, { returning: "new" })).toEqual({ affected: 0 });
      await refuses(db.update("item", { id, n: 1 }, { mustMatch: true }), "not-found", { outcome: "none" });
      expect(await db.get("item", id)).toBeUndefined();
      expect(await db.update("item", { id, n: 1 }, { upsert: true })).toEqual({ affected: 1 });
      expect(await db.get("item", id)).toEqual({ ...blank, id, n: 1 });
      expect(await db.update("item", { id, name: "a" }, { upsert: true, returning: "new" })).toEqual({
        affected: 1,
        row: { ...blank, id, n: 1, name: "a" },
      });
    });

    promise("a row that upsert makes has its defaults, and where guards an existing row alone", async ({ db, fresh }) => {
      const id = fresh();
      expect(await db.update("item", { id, n: 1 }, { upsert: true, where: { n: 5 } })).toEqual({ affected: 1 });
      expect(await db.update("item", { id, n: 2 }, { upsert: true, where: { n: 5 } })).toEqual({ affected: 0 });
      expect(await db.update("item", { id, n: 2 }, { upsert: true, where: { n: 1 } })).toEqual({ affected: 1 });
      expect(await db.get("item", id)).toEqual({ ...blank, id, n: 2 });
    });

    promise("where guards the change; mustMatch tells a missing row from a guard that does not hold", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("item", { id, n: 0, name: "a", tags: ["x"], at: new Date(5) });
      const held: unknown[] = [
        { n: 0 },
        { n: { $lt: 1 }, name: "a" },
        { $or: [{ n: 7 }, { name: { $begins_with: "a" } }] },
        { x: null, tags: { $contains: "x" } },
        { $not: { name: "b" } },
        { at: new Date(5), n: { $in: [0, 1] } },
        { id },
      ];
      const failed: unknown[] = [
        { n: 1 },
        { n: { $ne: 0 } },
        { x: { $ne: 1 } },
        { n: { $in: [] } },
        { $or: { n: 1, name: "b" } },
        { $and: [{ n: 0 }, { name: "b" }] },
        { $not: { n: 0 } },
        { tags: { $contains: "y" } },
        { x: { $not_null: true } },
        { id: "another" },
      ];
      for (const where of held) expect(await db.update("item", { id, ok: true }, { where })).toEqual({ affected: 1 });
      await db.update("item", { id, ok: false });
      for (const where of failed) {
        expect(await db.update("item", { id, ok: true }, { where })).toEqual({ affected: 0 });
        await refuses(db.update("item", { id, ok: true }, { where, mustMatch: true }), "condition-failed", { outcome: "none" });
        expect(await db.incr("item", { id, n: 1 }, { where })).toEqual({ affected: 0 });
      }
      expect(await db.get("item", id)).toMatchObject({ ok: false, n: 0 });
      await refuses(db.update("item", { id: fresh(), n: 1 }, { where: { n: 0 }, mustMatch: true }), "not-found");
    });

    promise("of guarded changes at once, exactly one finds the guard true", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("item", { id, n: 0 });
      const results = await Promise.all(Array.from({ length: 20 }, (_, i) => db.update("item", { id, n: i + 1 }, { where: { n: 0 } })));
      const winners = results.flatMap(({ affected }, i) => (affected === 1 ? [i + 1] : []));
      expect(winners).toHaveLength(1);
      expect((await db.get("item", id))?.["n"]).toBe(winners[0]);
    });

    promise("returning gives the row after or before the change", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("item", { id, n: 1 });
      expect(await db.update("item", { id, n: 2 }, { returning: "old" })).toEqual({ affected: 1, row: { ...blank, id, n: 1 } });
      expect(await db.update("item", { id, n: 3 }, { returning: "new" })).toEqual({ affected: 1, row: { ...blank, id, n: 3 } });
      expect(await db.incr("item", { id, n: 4 }, { returning: "new" })).toEqual({ affected: 1, row: { ...blank, id, n: 7 } });
      expect(await db.incr("item", { id, n: 1 }, { returning: "old" })).toEqual({ affected: 1, row: { ...blank, id, n: 7 } });
      expect(await db.update("item", { id, n: 0 }, { where: { n: 1 }, returning: "new" })).toEqual({ affected: 0 });
      expect(await db.update("item", { id: fresh(), n: 0 }, { upsert: true, returning: "old" })).toEqual({ affected: 1 });
    });

    promise("set operations add and take elements, list and text operations append and prepend", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("item", { id, tags: ["b"], steps: ["b"], name: "b", nums: [10, 9] });
      const change = (row: object, ops: object): Promise<unknown> => db.update("item", { id, ...row }, { ops });
      await change({ tags: ["c", "a", "b"], nums: [1, 9] }, { tags: "add", nums: "add" });
      await change({ steps: ["c", "c"], name: "c" }, { steps: "append", name: "append" });
      await change({ steps: ["a", "A"], name: "a" }, { steps: "prepend", name: "prepend" });
      expect(await db.get("item", id)).toMatchObject({
        tags: ["a", "b", "c"],
        nums: [1, 9, 10],
        steps: ["a", "A", "b", "c", "c"],
        name: "abc",
      });
      await change({ tags: ["b", "z"], nums: [10, 9, 1] }, { tags: "del", nums: "del" });
      expect(await db.get("item", id)).toMatchObject({ tags: ["a", "c"], nums: [] });
      await change({ n: 5 }, { name: "unset", n: "incr", tags: "unset" });
      expect(await db.get("item", id)).toMatchObject({ name: null, n: 5, tags: null });
    });

    promise("operations start from empty where there is nothing, also in a row that upsert makes", async ({ db, fresh }) => {
      const ops = { tags: "add", steps: "append", name: "prepend", n: "incr", x: "incr", price: "incr", big: "incr" };
      const row = { tags: ["b", "a"], steps: ["s"], name: "t", n: 2, x: 0.5, price: "1.5", big: 3n };
      for (const prepare of [true, false]) {
        const id = fresh();
        if (prepare) await db.put("item", { id });
        expect(await db.update("item", { id, ...row }, { ops, upsert: !prepare })).toEqual({ affected: 1 });
        expect(await db.get("item", id)).toEqual({ ...blank, id, ...row, tags: ["a", "b"] });
      }
      const id = fresh();
      await db.put("item", { id });
      await db.update("item", { id, tags: ["a"] }, { ops: { tags: "del" } });
      expect((await db.get("item", id))?.["tags"] ?? []).toEqual([]);
    });

    promise("an operation that a column does not take is refused", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("item", { id, name: "a", n: 1 });
      const wrong: readonly (readonly [object, object])[] = [
        [{ n: 1 }, { n: "append" }],
        [{ name: "a" }, { name: "incr" }],
        [{ ok: true }, { ok: "incr" }],
        [{ tags: ["a"] }, { tags: "append" }],
        [{ steps: ["a"] }, { steps: "add" }],
        [{ data: 1 }, { data: "incr" }],
        [{ n: 1 }, { n: "nope" }],
        [{ n: 1 }, { name: "append" }],
        [{ n: "1" }, { n: "incr" }],
        [{ tags: "a" }, { tags: "add" }],
        [{ n: null }, { n: "incr" }],
      ];
      for (const [row, ops] of wrong) await refuses(db.update("item", { id, ...row }, { ops }), "invalid");
      expect(await db.get("item", id)).toEqual({ ...blank, id, name: "a", n: 1 });
    });

    promise("incr adds to numbers of every type, creates the row, and sets the other columns given", async ({ db, fresh }) => {
      const id = fresh();
      expect(await db.incr("item", { id, n: 2, hits: 1, ten: 5, big: 2n ** 60n, x: 0.5, price: "0.1", name: "a" })).toEqual({
        affected: 1,
      });
      expect(await db.get("item", id)).toEqual({ ...blank, id, n: 2, hits: 1, ten: 15, big: 2n ** 60n, x: 0.5, price: "0.1", name: "a" });
      await db.incr("item", { id, n: -5, hits: 0, big: -1n, x: 0.25, price: "0.2", name: "b" });
      expect(await db.get("item", id)).toEqual({
        ...blank,
        id,
        n: -3,
        hits: 1,
        ten: 15,
        big: 2n ** 60n - 1n,
        x: 0.75,
        price: "0.3",
        name: "b",
      });
      await db.update("item", { id, n: null });
      await db.incr("item", { id, n: 4 });
      expect((await db.get("item", id))?.["n"]).toBe(4);
    });

    promise("incr adds exactly once for each call, however many run at once", async ({ db, fresh }) => {
      const id = fresh();
      const news = await Promise.all(
        Array.from({ length: 50 }, () => db.incr("item", { id, n: 1, hits: 2, price: "0.01" }, { returning: "new" })),
      );
      expect(await db.get("item", id)).toMatchObject({ n: 50, hits: 100, price: "0.5" });
      expect(new Set(news.map(({ row }) => row!["n"])).size).toBe(50);
    });

    promise("a sum outside the type is invalid and changes nothing", async ({ db, fresh }) => {
      const id = fresh();
      const start = { n: Number.MAX_SAFE_INTEGER, big: -(2n ** 63n), x: Number.MAX_VALUE, price: "9".repeat(34) };
      await db.put("item", { id, ...start });
      const over: readonly object[] = [{ n: 1 }, { big: -1n }, { x: Number.MAX_VALUE }, { price: "1" }, { n: -1, big: -1n }];
      for (const row of over) await refuses(db.incr("item", { id, ...row }), "invalid", { outcome: "none" });
      expect(await db.get("item", id)).toMatchObject(start);
      expect(await db.incr("item", { id, n: -1, big: 1n }, { returning: "new" })).toMatchObject({
        row: { n: start.n - 1, big: start.big + 1n },
      });
    });

    promise("incr with where or mustMatch", async ({ db, fresh }) => {
      const id = fresh();
      await refuses(db.incr("item", { id, n: 1 }, { mustMatch: true }), "not-found");
      await refuses(db.incr("item", { id, n: 1 }, { mustMatch: true, where: { n: 1 } }), "not-found");
      expect(await db.get("item", id)).toBeUndefined();
      await db.put("item", { id, n: 1 });
      expect(await db.incr("item", { id, n: 1 }, { where: { n: { $lt: 2 } } })).toEqual({ affected: 1 });
      expect(await db.incr("item", { id, n: 1 }, { where: { n: { $lt: 2 } } })).toEqual({ affected: 0 });
      await refuses(db.incr("item", { id, n: 1 }, { where: { n: { $lt: 2 } }, mustMatch: true }), "condition-failed");
    });

    promise("a readonly column is written by inserts and left alone by changes", async ({ db, fresh }) => {
      const id = fresh();
      await db.add("item", { id, fixed: "a" });
      expect(await db.update("item", { id, fixed: "b", n: 1 })).toEqual({ affected: 1 });
      await db.incr("item", { id, fixed: "c", n: 1 });
      expect(await db.get("item", id)).toMatchObject({ fixed: "a", n: 2 });
    });

    promise("a change of nothing but the key touches an existing row and makes none", async ({ db, fresh }) => {
      const id = fresh();
      expect(await db.update("item", { id })).toEqual({ affected: 0 });
      expect(await db.get("item", id)).toBeUndefined();
      await db.put("item", { id, n: 1 });
      expect(await db.update("item", { id })).toEqual({ affected: 1 });
      expect(await db.get("item", id)).toEqual({ ...blank, id, n: 1 });
    });
  });
}
