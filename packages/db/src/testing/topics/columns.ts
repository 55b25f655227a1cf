// What column definitions do to values: defaults, generated values, modifiers, rules, `now`, visibility of writes.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import { refuses, valuesOf } from "../expectations.js";
import { movableClock } from "../movable-clock.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  made: {
    id: { type: "uuid", primary: 1 },
    token: { type: "uuid", prefix: "tok_" },
    dice: { type: "random", min: 1, max: 6 },
    hits: { type: "counter" },
    kind: { value: "plain" },
    tags: { type: "set", value: ["new"] },
    meta: { type: "json", value: { a: [1] } },
    born: { type: "now", readonly: true },
    mtime: { type: "now" },
    n: { type: "int" },
  },
  inherited: { constructor: { primary: 1 }, toString: {}, valueOf: { type: "int" } },
  event: { owner: { primary: 1 }, id: { type: "tuuid", primary: 2 }, n: { type: "int" } },
  log: { owner: { primary: 1 }, at: { type: "now", primary: 2 }, n: { type: "int" } },
  ruled: {
    id: { primary: 1 },
    code: { upper: true, trim: true },
    mail: { type: "email", lower: true, index: 1 },
    title: { cap: true },
    name: { maxLength: 5 },
    tags: { type: "set", maxLength: 2 },
    size: { values: ["s", "m", "l"] },
    age: { type: "int", min: 0, max: 150 },
    price: { type: "real", decimals: 2 },
    cents: { type: "int", multiplier: 100 },
    must: { notEmpty: true, value: "x" },
    inserted: { readonly: true },
    changed: { writeonly: true },
    part: { hidden: true },
    lat: { type: "real" },
    lon: { type: "real" },
    hash: { type: "geohash", lat: "lat", lon: "lon", precision: 5 },
  },
  spot: {
    hash: { type: "geohash", primary: 1, lat: "lat", lon: "lon" },
    lat: { type: "real" },
    lon: { type: "real" },
    n: { type: "int" },
  },
});

const clock = movableClock(Date.UTC(2024, 0, 1));

export function columns(suite: Suite): void {
  suite.topic("columns", { tables, db: { clock } }, ({ promise }) => {
    promise("a row is made under the key that was given, or not at all where its other columns make another one", async ({ db }) => {
      await db.put("spot", { lat: 41.9, lon: 12.5, n: 1 });
      const rows = (await db.select("spot", {}, { scan: true })).rows;
      expect(rows).toEqual([{ hash: expect.any(String), lat: 41.9, lon: 12.5, n: 1 }]);
      const other = { hash: "u0000000", lat: 41.9, lon: 12.5, n: 2 };
      await refuses(db.update("spot", other, { upsert: true }), "invalid", { column: "hash" });
      await refuses(db.update("spot", { ...other, lat: 1 }, { upsert: true }), "invalid", { column: "hash" });
      expect((await db.select("spot", {}, { scan: true })).rows).toEqual(rows);
      const { hash } = rows[0]!;
      expect(await db.update("spot", { hash, lat: 41.9, lon: 12.5, n: 3 }, { upsert: true })).toEqual({ affected: 1 });
      await db.del("spot", { hash });
      expect(await db.update("spot", { hash, lat: 41.9, lon: 12.5, n: 4 }, { upsert: true })).toEqual({ affected: 1 });
      expect(await db.get("spot", { hash })).toEqual({ hash, lat: 41.9, lon: 12.5, n: 4 });
    });

    promise("generated values and defaults are made on insert, and given back", async ({ db }) => {
      const { row } = await db.add("made", {}, { returning: "new" });
      expect(row).toMatchObject({
        kind: "plain",
        tags: ["new"],
        meta: { a: [1] },
        hits: 0,
        n: null,
        born: clock.now(),
        mtime: clock.now(),
      });
      expect(row!["id"]).toMatch(/^[0-9a-f]{32}$/);
      expect(row!["token"]).toMatch(/^tok_[0-9a-f]{32}$/);
      expect([1, 2, 3, 4, 5, 6]).toContain(row!["dice"]);
      expect(await db.get("made", row!["id"])).toEqual(row);
      const many = await Promise.all(Array.from({ length: 50 }, () => db.add("made", {}, { returning: "new" })));
      expect(new Set(many.map((one) => one.row!["id"])).size).toBe(50);
    });

    promise("a row with several columns at fault is refused once, and the error names them all", async ({ db, fresh }) => {
      const id = fresh();
      const faults = { name: "toolong", size: "xl", must: "", nope: 1 };
      const problems = [
        { column: "name", message: expect.stringContaining("at most 5") as unknown },
        { column: "size", message: expect.stringContaining('one of "s", "m", "l"') as unknown },
        { column: "must", message: expect.any(String) as unknown },
        { column: "nope", message: expect.stringContaining("unknown column") as unknown },
      ];
      for (const call of [db.add("ruled", { id, ...faults }), db.put("ruled", { id, ...faults }), db.update("ruled", { id, ...faults })])
        await refuses(call, "invalid", { column: "name", detail: { rule: "maxLength", problems } });
      await refuses(db.incr("ruled", { id, age: "1", cents: "1" }), "invalid", {
        detail: { problems: [{ column: "age" }, { column: "cents" }] },
      });
      await refuses(db.updateAll("ruled", { id }, { age: "1", size: "xl" }), "invalid", {
        detail: { problems: [{ column: "age" }, { column: "size" }] },
      });
      const both = { detail: { problems: [{ column: "owner" }, { column: "n" }] } };
      await refuses(db.put("event", { owner: 1, n: "x" }), "invalid", both);
      await refuses(db.update("event", { owner: 1, n: "x", id: "a" }), "invalid", both);
      await refuses(db.get("event", { owner: 1, id: 2 }), "invalid", { detail: { problems: [{ column: "owner" }, { column: "id" }] } });
    });

    promise("given values are kept, an explicit null stays null, a default is never invented on read", async ({ db, fresh }) => {
      const id = fresh();
      await db.add("made", { id, kind: null, tags: null, meta: null, hits: 5, token: "own", dice: 3 });
      expect(await db.get("made", id)).toMatchObject({ id, kind: null, tags: null, meta: null, hits: 5, token: "own", dice: 3 });
      await db.update("made", { id, hits: null });
      // A counter is never absent: it begins again.
      expect((await db.get("made", id))!["hits"]).toBe(0);
      expect(await db.count("made", { id, hits: 0 })).toBe(1);
    });

    promise(
      "now is set by every write whatever the caller gives, by inserts only when readonly, and kept with keepNow",
      async ({ db, fresh }) => {
        const id = fresh();
        const first = clock.now();
        await db.add("made", { id, mtime: 5, born: 5 });
        expect(await db.get("made", id)).toMatchObject({ mtime: first, born: first });
        clock.advance(1000);
        await db.update("made", { id, n: 1, mtime: 7, born: 7 });
        expect(await db.get("made", id)).toMatchObject({ mtime: first + 1000, born: first });
        clock.advance(1000);
        await db.incr("made", { id, n: 1 });
        expect(await db.get("made", id)).toMatchObject({ mtime: first + 2000, born: first, n: 2 });
        clock.advance(1000);
        await db.update("made", { id });
        expect(await db.get("made", id)).toMatchObject({ mtime: first + 3000 });
        await db.updateAll("made", { id }, { n: 9 });
        await db.put("made", { id, mtime: 8, born: 9 }, { keepNow: true });
        expect(await db.get("made", id)).toMatchObject({ mtime: 8, born: 9 });
      },
    );

    promise("a now column of the key is kept when given, else made", async ({ db, fresh }) => {
      const owner = fresh();
      await db.add("log", { owner, at: 5 });
      await db.add("log", { owner });
      expect(valuesOf((await db.select("log", { owner })).rows, "at")).toEqual([5, clock.now()]);
      await db.update("log", { owner, at: 5, n: 1 });
      expect(await db.get("log", { owner, at: 5 })).toMatchObject({ n: 1 });
    });

    promise("tuuids sort in the order they were made", async ({ db, fresh }) => {
      const owner = fresh();
      for (let n = 0; n < 30; n++) {
        await db.add("event", { owner, n });
        if (n % 10 === 9) clock.advance(1);
      }
      expect(valuesOf((await db.select("event", { owner })).rows, "n")).toEqual(Array.from({ length: 30 }, (_, n) => n));
    });

    promise("modifiers change what is stored, and filters find it as it was given", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("ruled", {
        id,
        code: " ab ",
        mail: `${id}@B.Org`,
        title: "two words",
        price: 1.005,
        cents: 1.25 * 4,
        lat: 41.9,
        lon: 12.5,
      });
      expect(await db.get("ruled", id)).toMatchObject({
        code: "AB",
        mail: `${id}@b.org`,
        title: "Two Words",
        price: 1.01,
        cents: 500,
        hash: "sr2yk",
      });
      expect(await db.count("ruled", { mail: `${id.toUpperCase()}@B.ORG` })).toBe(1);
      await db.update("ruled", { id, code: "  cd", price: 2.999 });
      expect(await db.get("ruled", id)).toMatchObject({ code: "CD", price: 3 });
    });

    promise("rules refuse values, naming the column, and nothing is written", async ({ db, fresh }) => {
      const id = fresh();
      const wrong: readonly (readonly [column: string, value: unknown])[] = [
        ["mail", "no mail"],
        ["name", "longer"],
        ["tags", ["a", "b", "c"]],
        ["size", "xl"],
        ["age", -1],
        ["age", 151],
        ["must", ""],
        ["must", null],
        ["cents", 0.001],
      ];
      for (const [column, value] of wrong) {
        await refuses(db.put("ruled", { id, [column]: value }), "invalid", { column });
        await refuses(db.update("ruled", { id, [column]: value }), "invalid", { column });
      }
      expect(await db.get("ruled", id)).toBeUndefined();
      await db.put("ruled", { id, name: "😀😀😀😀😀", tags: ["a", "b"], size: "m", age: 0, must: "y" });
      expect(await db.get("ruled", id)).toMatchObject({ name: "😀😀😀😀😀", age: 0, must: "y" });
    });

    promise("rules hold for what an operation makes", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("ruled", { id, age: 149, name: "abcd", tags: ["a", "b"] });
      await refuses(db.incr("ruled", { id, age: 2 }), "invalid", { column: "age" });
      await refuses(db.update("ruled", { id, name: "ef" }, { ops: { name: "append" } }), "invalid", { column: "name" });
      await refuses(db.update("ruled", { id, tags: ["c"] }, { ops: { tags: "add" } }), "invalid", { column: "tags" });
      expect(await db.get("ruled", id)).toMatchObject({ age: 149, name: "abcd", tags: ["a", "b"] });
      await db.incr("ruled", { id, age: 1 });
      await db.update("ruled", { id, name: "e" }, { ops: { name: "append" } });
      await db.update("ruled", { id, tags: ["b"] }, { ops: { tags: "add" } });
      expect(await db.get("ruled", id)).toMatchObject({ age: 150, name: "abcde", tags: ["a", "b"] });
    });

    promise("readonly is written by inserts, writeonly by changes, hidden is never stored", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("ruled", { id, inserted: "a", changed: "a", part: "a" });
      const row = await db.get("ruled", id);
      expect(row).toMatchObject({ inserted: "a", changed: null });
      expect(row).not.toHaveProperty("part", "a");
      await db.update("ruled", { id, inserted: "b", changed: "b" });
      expect(await db.get("ruled", id)).toMatchObject({ inserted: "a", changed: "b" });
    });

    promise("a column that is not stored cannot be compared or sorted by", async ({ db }) => {
      await refuses(db.select("ruled", { part: "a" }, { scan: true }), "invalid", { column: "part" });
      await refuses(db.delAll("ruled", { part: { $ne: "a" } }, { scan: true }), "invalid", { column: "part" });
      await refuses(db.select("ruled", {}, { sort: "part", scan: true }), "invalid", { column: "part" });
    });

    promise("columns may have the names of members that every object inherits", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("inherited", { constructor: id });
      const empty = { constructor: id, toString: null, valueOf: null };
      expect(await db.get("inherited", { constructor: id })).toEqual(empty);
      expect((await db.select("inherited", { constructor: id })).rows).toEqual([empty]);
      await db.update("inherited", { constructor: id, toString: "a", valueOf: 1 });
      expect(await db.get("inherited", id)).toEqual({ constructor: id, toString: "a", valueOf: 1 });
      await refuses(db.put("inherited", { toString: "a" }), "invalid", { column: "constructor" });
      await refuses(db.get("inherited", {}), "invalid", { column: "constructor" });
    });
  });
}
