// get, list, add, put and del.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import { refuseAll, refuses, valuesOf } from "../expectations.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  item: {
    id: { primary: 1 },
    name: {},
    n: { type: "int" },
    kind: { value: "plain" },
    tags: { type: "set" },
    place: { index: 1 },
  },
  entry: { owner: { primary: 1 }, at: { type: "bigint", primary: 2 }, text: {} },
});

const plain = { name: null, n: null, kind: "plain", tags: null, place: null };

export function rows(suite: Suite): void {
  suite.topic("rows", { tables }, ({ promise, test }) => {
    promise("get gives a missing row as undefined", async ({ db, fresh }) => {
      expect(await db.get("item", fresh())).toBeUndefined();
      expect(await db.get("entry", { owner: fresh(), at: 0 })).toBeUndefined();
    });

    promise("a key of one column may be given bare", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("item", { id });
      expect(await db.get("item", id)).toEqual(await db.get("item", { id }));
      expect(await db.del("item", id)).toEqual({ affected: 1 });
    });

    promise("select takes some columns of a row", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("item", { id, name: "a", n: 1 });
      expect(await db.get("item", id, { select: ["n"] })).toEqual({ n: 1 });
      expect(await db.get("item", id, { select: ["tags", "id"] })).toEqual({ tags: null, id });
      expect(await db.list("item", [id], { select: ["name"] })).toEqual([{ name: "a" }]);
      expect((await db.select("item", { id }, { select: ["name", "n"] })).rows).toEqual([{ name: "a", n: 1 }]);
      for (const select of [["nope"], [], "n", ["n", 5], [""]]) await refuses(db.get("item", id, { select }), "invalid");
    });

    promise("list gives rows in the order asked, missing ones left out, a key asked twice twice", async ({ db, fresh }) => {
      const ids = Array.from({ length: 5 }, fresh);
      for (const id of ids.slice(0, 4)) await db.put("item", { id });
      const asked = [ids[3], ids[0], ids[4], ids[0], ids[2]];
      expect(valuesOf(await db.list("item", asked), "id")).toEqual([ids[3], ids[0], ids[0], ids[2]]);
      expect(await db.list("item", [])).toEqual([]);
      await refuses(db.list("item", new Array(2)), "invalid");
      const [first, second] = await db.list("item", [ids[0], ids[0]]);
      first!["name"] = "changed";
      expect(second!["name"]).toBeNull();
    });

    promise("list gives all rows asked, however many", async ({ db, fresh }) => {
      const owner = fresh();
      for (const count of [1, 2, 24, 25, 26, 99, 100, 101, 250]) {
        await db.bulk(Array.from({ length: count }, (_, at) => ({ op: "put", table: "entry", row: { owner, at, text: `t${at}` } })));
        const found = await db.list(
          "entry",
          Array.from({ length: count }, (_, i) => ({ owner, at: count - 1 - i })),
        );
        expect(valuesOf(found, "at")).toEqual(Array.from({ length: count }, (_, i) => count - 1 - i));
      }
    });

    promise("add inserts, and says already-exists when the key is taken, changing nothing", async ({ db, fresh }) => {
      const id = fresh();
      expect(await db.add("item", { id, name: "first" })).toEqual({ affected: 1 });
      await refuses(db.add("item", { id, name: "second" }), "already-exists", { table: "item", outcome: "none" });
      expect(await db.get("item", id)).toEqual({ ...plain, id, name: "first" });
      await db.del("item", id);
      expect(await db.add("item", { id })).toEqual({ affected: 1 });
    });

    promise("of adds of one key at once, exactly one wins", async ({ db, fresh }) => {
      const id = fresh();
      const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => db.add("item", { id, n })));
      const won = results.flatMap((result, n) => (result.status === "fulfilled" ? [n] : []));
      expect(won).toHaveLength(1);
      expect((await db.get("item", id))?.["n"]).toBe(won[0]);
      for (const result of results) if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "already-exists" });
    });

    promise("put replaces the whole row: what is not given falls back to its default or null", async ({ db, fresh }) => {
      const id = fresh();
      expect(await db.put("item", { id, name: "a", n: 1, kind: "special", tags: ["x"], place: "Rome" })).toEqual({ affected: 1 });
      expect(await db.put("item", { id, n: 2 })).toEqual({ affected: 1 });
      expect(await db.get("item", id)).toEqual({ ...plain, id, n: 2 });
      await db.put("item", { id, kind: null });
      expect(await db.get("item", id)).toEqual({ ...plain, id, kind: null });
    });

    promise("returning gives the row after, or the row before where there was one", async ({ db, fresh }) => {
      const id = fresh();
      expect(await db.add("item", { id, n: 1 }, { returning: "new" })).toEqual({ affected: 1, row: { ...plain, id, n: 1 } });
      expect(await db.put("item", { id, n: 2 }, { returning: "new" })).toEqual({ affected: 1, row: { ...plain, id, n: 2 } });
      expect(await db.put("item", { id, n: 3 }, { returning: "old" })).toEqual({ affected: 1, row: { ...plain, id, n: 2 } });
      expect(await db.put("item", { id: fresh() }, { returning: "old" })).toEqual({ affected: 1 });
      expect(await db.del("item", id, { returning: "old" })).toEqual({ affected: 1, row: { ...plain, id, n: 3 } });
      expect(await db.del("item", id, { returning: "old" })).toEqual({ affected: 0 });
      await refuses(db.put("item", { id }, { returning: "both" }), "invalid");
    });

    promise("del deletes one row and tells whether there was one", async ({ db, fresh }) => {
      const owner = fresh();
      for (const at of [1, 2, 3]) await db.put("entry", { owner, at });
      expect(await db.del("entry", { owner, at: 2 })).toEqual({ affected: 1 });
      expect(await db.del("entry", { owner, at: 2 })).toEqual({ affected: 0 });
      expect(valuesOf((await db.select("entry", { owner })).rows, "at")).toEqual([1, 3]);
    });

    promise("del obeys its guard; with mustMatch it says why nothing was deleted", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("item", { id, n: 1, tags: ["a"] });
      expect(await db.del("item", id, { where: { n: 2 } })).toEqual({ affected: 0 });
      await refuses(db.del("item", id, { where: { n: 2 }, mustMatch: true }), "condition-failed", { outcome: "none" });
      expect(await db.get("item", id)).toBeDefined();
      expect(await db.del("item", id, { where: { n: { $ge: 1 }, name: null, tags: { $contains: "a" } } })).toEqual({ affected: 1 });
      await refuses(db.del("item", id, { mustMatch: true }), "not-found");
    });

    promise("an unknown table or column is refused, in rows, keys and filters", async ({ db, fresh }) => {
      const id = fresh();
      await refuseAll(
        [db.get("nope", id), db.put("nope", { id }), db.select("nope", { id }), db.del("__proto__", id), db.count("", {})],
        "invalid",
      );
      await refuseAll(
        [
          db.put("item", { id, nope: 1 }),
          db.add("item", { id, _n: 1 }),
          db.update("item", { id, constructor: 1 }),
          db.select("item", { id, nope: 1 }),
          db.count("item", { nope: 1 }),
          db.delAll("item", { nope: 1 }),
          db.updateAll("item", { id }, { nope: 1 }),
          db.select("item", { id }, { sort: "nope" }),
        ],
        "invalid",
      );
      await refuses(db.put("item", { id, nope: 1 }), "invalid", { column: "nope", table: "item" });
      expect(await db.get("item", id)).toBeUndefined();
    });

    promise("what is no row is refused", async ({ db }) => {
      for (const row of [null, undefined, 5, "a", [], [{ id: "a" }]]) {
        await refuses(db.put("item", row), "invalid");
        await refuses(db.add("item", row), "invalid");
        await refuses(db.update("item", row), "invalid");
        await refuses(db.incr("item", row), "invalid");
      }
    });

    promise("many calls in one tick each get their own answer", async ({ db, fresh }) => {
      const owner = fresh();
      const written = await Promise.allSettled(
        Array.from({ length: 300 }, (_, at) => db.put("entry", { owner, at, text: at % 10 === 7 ? (5 as unknown as string) : `t${at}` })),
      );
      expect(written.filter(({ status }) => status === "rejected")).toHaveLength(30);
      const found = await Promise.all(Array.from({ length: 300 }, (_, at) => db.get("entry", { owner, at })));
      for (const [at, row] of found.entries()) expect(row).toEqual(at % 10 === 7 ? undefined : { owner, at, text: `t${at}` });
    });

    promise("writes of one row in one tick take effect in the order of the calls", async ({ db, fresh }) => {
      const id = fresh();
      const calls: Promise<unknown>[] = [];
      for (let n = 0; n < 20; n++) {
        calls.push(db.put("item", { id, n }));
        calls.push(db.update("item", { id, name: `v${n}` }));
        if (n % 5 === 4) calls.push(db.del("item", id));
        if (n % 5 === 4) calls.push(db.add("item", { id, n: -n }));
      }
      await Promise.all(calls);
      expect(await db.get("item", id)).toEqual({ ...plain, id, n: -19 });
    });

    test("a call that is not grouped with others does the same", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("item", { id, n: 1 }, { group: false });
      expect(await db.get("item", id, { group: false })).toEqual({ ...plain, id, n: 1 });
    });

    promise("unknown options are refused", async ({ db, fresh }) => {
      const id = fresh();
      await refuseAll(
        [
          db.get("item", id, { nope: 1 }),
          db.put("item", { id }, { nope: 1 }),
          db.update("item", { id, n: 1 }, { were: { n: 1 } }),
          db.del("item", id, { mustmatch: true }),
          db.select("item", { id }, { limit: 1 }),
          db.delAll("item", { id }, { nope: 1 }),
        ],
        "invalid",
      );
    });
  });
}
