// What a scope says of columns and tables: values that are set, columns that are seen or written, scopes within scopes.

import { expect } from "vitest";

import { defineTables, table } from "../../schema/define-tables.js";
import { refuses } from "../expectations.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  photo: {
    owner: { primary: 1 },
    taken: { type: "int", primary: 2 },
    place: { index: 1 },
    stars: { type: "int", index1: 1 },
    grade: { type: "int" },
    tags: { type: "set" },
    mtime: { type: "now" },
  },
  doc: { id: { primary: 1 }, team: { index: 1 }, hits: { type: "counter" }, size: { type: "int" }, text: {} },
  auto: { id: { type: "uuid", primary: 1 }, team: { index: 1 }, text: {} },
  author: { id: { primary: 1 }, team: { index: 1 }, name: {}, born: { type: "int" } },
  book: { id: { primary: 1 }, team: { index: 1 }, author: { ref: "author", index1: 1 }, title: {} },
  note: table({ owner: { primary: 1 }, id: { primary: 2 }, text: {}, secret: {} }, { open: true }),
});

export function scopeColumns(suite: Suite): void {
  suite.topic("scope columns", { tables }, ({ promise }) => {
    promise("set fills rows and keys, and is not given otherwise", async ({ db, fresh }) => {
      const owner = fresh();
      const own = db.scope({ photo: { where: { owner }, set: { owner, grade: 3 } } });
      await own.add("photo", { taken: 1 });
      await own.put("photo", { owner, taken: 2, grade: 3 });
      await own.incr("photo", { taken: 3, stars: 1 });
      await own.incr("photo", { taken: 3, stars: 1 });
      await db.put("photo", { owner, taken: 4, grade: 1 });
      expect(await own.update("photo", { taken: 4, stars: 4 })).toEqual({ affected: 1 });
      expect(
        (await own.list("photo", [{ taken: 1 }, { owner, taken: 2 }, 3, { taken: 4 }])).map(({ grade, stars }) => [grade, stars]),
      ).toEqual([
        [3, null],
        [3, null],
        [3, 2],
        [3, 4],
      ]);
      expect(await own.get("photo", { owner: `${owner}x`, taken: 1 })).toBeUndefined();
      expect(await own.updateAll("photo", {}, { stars: 1 }, { all: true })).toEqual({ affected: 4 });
      for (const call of ["add", "put", "update", "incr"] as const) {
        await refuses(own[call]("photo", { owner: "other", taken: 9 }), "denied", { column: "owner" });
        await refuses(own[call]("photo", { owner, taken: 9, grade: 4 }), "denied", { column: "grade" });
        await refuses(own[call]("photo", { owner, taken: 9, grade: null }), "denied", { column: "grade" });
      }
      await refuses(own.update("photo", { taken: 1, grade: 3 }, { ops: { grade: "incr" } }), "denied", { column: "grade" });
      await refuses(own.update("photo", { taken: 1 }, { ops: { grade: "unset" } }), "denied", { column: "grade" });
      await refuses(own.updateAll("photo", {}, { grade: 4 }, { all: true }), "denied", { column: "grade" });
      expect(await own.del("photo", 4)).toEqual({ affected: 1 });
      expect(await db.count("photo", { owner })).toBe(3);
    });

    promise(
      "columns outside of select there are not, for reads, filters, sorts, guards and what writes give back",
      async ({ db, fresh }) => {
        const owner = fresh();
        await db.put("photo", { owner, taken: 1, grade: 5, stars: 1, place: "Rome" });
        const own = db.scope({ photo: { where: { owner }, select: ["taken", "stars"] } });
        expect(await own.get("photo", { owner, taken: 1 })).toEqual({ taken: 1, stars: 1 });
        expect(await own.list("photo", [{ owner, taken: 1 }])).toEqual([{ taken: 1, stars: 1 }]);
        expect(await own.select("photo", {}, { sort: "-stars" })).toEqual({ rows: [{ taken: 1, stars: 1 }] });
        expect(await own.update("photo", { owner, taken: 1, stars: 2 }, { returning: "new" })).toEqual({
          affected: 1,
          row: { taken: 1, stars: 2 },
        });
        expect(await own.update("photo", { owner, taken: 1, tags: ["a"] }, { ops: { tags: "set" }, returning: "old" })).toEqual({
          affected: 1,
          row: { taken: 1, stars: 2 },
        });
        expect(await own.put("photo", { owner, taken: 2, stars: 3 }, { returning: "new" })).toEqual({
          affected: 1,
          row: { taken: 2, stars: 3 },
        });
        expect(await own.put("photo", { owner, taken: 2, stars: 4 }, { returning: "old" })).toEqual({
          affected: 1,
          row: { taken: 2, stars: 3 },
        });
        await refuses(own.get("photo", { owner, taken: 1 }, { select: ["grade"] }), "invalid", { column: "grade" });
        await refuses(own.select("photo", { grade: 5 }), "invalid", { column: "grade" });
        await refuses(own.select("photo", { $or: [{ stars: 1 }, { grade: null }] }), "invalid", { column: "grade" });
        await refuses(own.select("photo", {}, { sort: "grade" }), "invalid", { column: "grade" });
        await refuses(own.count("photo", { place: "Rome" }), "invalid", { column: "place" });
        await refuses(own.update("photo", { owner, taken: 1, stars: 1 }, { where: { grade: 5 } }), "invalid", { column: "grade" });
        await refuses(own.del("photo", { owner, taken: 1 }, { where: { grade: 5 } }), "invalid", { column: "grade" });
        await refuses(own.updateAll("photo", { grade: 5 }, { stars: 1 }), "invalid", { column: "grade" });
        await refuses(own.delAll("photo", { grade: 5 }), "invalid", { column: "grade" });
        // Whether a sum fits would tell what was there.
        await refuses(own.incr("photo", { owner, taken: 1, grade: 1 }), "denied", { column: "grade" });
        await refuses(own.update("photo", { owner, taken: 1, grade: 1 }, { ops: { grade: "incr" } }), "denied", { column: "grade" });
        expect(await own.del("photo", { owner, taken: 2 }, { returning: "old" })).toEqual({ affected: 1, row: { taken: 2, stars: 4 } });
      },
    );

    promise("columns outside of update are not written, and put leaves them as they are", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("photo", { owner, taken: 1, grade: 5, stars: 1, place: "Rome", tags: ["a"] });
      const own = db.scope({ photo: { where: { owner }, set: { owner }, update: ["stars", "place"] } });
      for (const call of ["add", "put", "update", "incr"] as const)
        await refuses(own[call]("photo", { taken: 1, grade: 6 }), "denied", { column: "grade" });
      await refuses(own.update("photo", { taken: 1 }, { ops: { grade: "unset" } }), "denied", { column: "grade" });
      await refuses(own.updateAll("photo", {}, { grade: 6 }, { all: true }), "denied", { column: "grade" });
      const kept = { owner, taken: 1, grade: 5, tags: ["a"], mtime: expect.any(Number) };
      for (let i = 0; i < 2; i++) {
        expect(await own.put("photo", { taken: 1, stars: 2 + i }, { returning: "new" })).toEqual({
          affected: 1,
          row: { ...kept, stars: 2 + i, place: null },
        });
      }
      expect(await own.put("photo", { taken: 1, place: "Milan" }, { returning: "old" })).toEqual({
        affected: 1,
        row: { ...kept, stars: 3, place: null },
      });
      expect(await db.get("photo", { owner, taken: 1 })).toEqual({ ...kept, stars: null, place: "Milan" });
      expect(await own.put("photo", { taken: 2, stars: 1 })).toEqual({ affected: 1 });
      expect(await db.get("photo", { owner, taken: 2 })).toMatchObject({ grade: null, stars: 1 });
    });

    promise("with an empty list of columns to update, rows are only read", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("photo", { owner, taken: 1, stars: 1 });
      const own = db.scope({ photo: { update: [] } });
      expect(await own.get("photo", { owner, taken: 1 })).toMatchObject({ stars: 1 });
      const row = { owner, taken: 1 };
      for (const call of ["add", "put", "update", "incr", "del"] as const) await refuses(own[call]("photo", row), "denied");
      await refuses(own.updateAll("photo", { owner }, { stars: 2 }), "denied");
      await refuses(own.delAll("photo", { owner }), "denied");
      expect(await db.count("photo", { owner })).toBe(1);
    });

    promise("tables that are not named there are not, unless * stands for them", async ({ db, fresh }) => {
      const owner = fresh();
      const own = db.scope({ photo: { where: { owner } } });
      await refuses(own.get("doc", owner), "denied");
      await refuses(own.select("doc"), "denied");
      await refuses(own.put("doc", { id: owner }), "denied");
      await refuses(own.scan("doc").pages()[Symbol.asyncIterator]().next(), "denied");
      const results = await own.bulk([{ op: "put", table: "doc", row: { id: owner } }]);
      expect(results).toEqual([{ error: expect.objectContaining({ code: "denied" }) }]);
      await refuses(own.sync(), "denied");
      const all = db.scope({ photo: { update: [] }, "*": { where: { team: owner }, set: { team: owner } } });
      await refuses(all.put("photo", { owner, taken: 1 }), "denied");
      expect(await all.add("doc", { id: owner })).toEqual({ affected: 1 });
      expect(await all.add("auto", { text: "x" }, { returning: "new" })).toMatchObject({ row: { team: owner, text: "x" } });
      await refuses(all.get("note", { owner, id: "a" }), "invalid");
    });

    promise("scopes nest: what is outside of one of them there is not", async ({ db, fresh }) => {
      const team = fresh();
      const outer = db.scope({ doc: { where: { team }, set: { team }, select: ["id", "size", "text"], update: ["size", "text"] } });
      for (let i = 0; i < 4; i++) await outer.add("doc", { id: `${team}.${i}`, size: i, text: i % 2 === 0 ? "even" : "odd" });
      await db.add("doc", { id: `${team}.9`, team: "other", text: "even" });
      const inner = outer.scope({ doc: { where: { text: "even" }, set: { text: "even" }, select: ["id", "size"], update: ["size"] } });
      expect((await inner.select("doc", {}, { sort: "id", scan: true })).rows).toEqual([
        { id: `${team}.0`, size: 0 },
        { id: `${team}.2`, size: 2 },
      ]);
      expect(await inner.get("doc", `${team}.1`)).toBeUndefined();
      expect(await inner.put("doc", { id: `${team}.8`, size: 8 })).toEqual({ affected: 1 });
      expect(await db.get("doc", `${team}.8`)).toMatchObject({ team, text: "even", size: 8 });
      await refuses(inner.put("doc", { id: `${team}.1`, size: 8 }), "denied");
      expect(() => outer.scope({ doc: { where: { team } } })).toThrowError(/unknown column "team"/);
      expect(() => outer.scope({ doc: { select: ["team"] } })).toThrowError(/unknown column "team"/);
      expect(() => outer.scope({ doc: { update: ["hits"] } })).toThrowError(/unknown column "hits"/);
      expect(() => outer.scope({ doc: { set: { hits: 1 } } })).toThrowError(/may not be written/);
      expect(() => outer.scope({ doc: { set: { team: "other" } } })).toThrowError(/is set by the scope/);
      expect(() => outer.scope({ photo: {} })).toThrowError(/does not have the table photo/);
    });

    promise("undeclared columns of an open table are inside where * names them", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("note", { owner, id: "a", text: "t", secret: "s", free: 1 });
      const own = db.scope({ note: { where: { owner }, select: ["id", "*"], update: ["*"] } });
      expect(await own.get("note", { owner, id: "a" })).toEqual({ id: "a", free: 1 });
      expect((await own.select("note", { free: 1 })).rows).toEqual([{ id: "a", free: 1 }]);
      expect((await own.select("note", { secret: "s" })).rows).toEqual([]);
      expect(await own.put("note", { owner, id: "a", other: 2 }, { returning: "new" })).toEqual({
        affected: 1,
        row: { id: "a", other: 2 },
      });
      await refuses(own.update("note", { owner, id: "a", text: "x" }), "denied", { column: "text" });
      expect(await db.get("note", { owner, id: "a" })).toEqual({ owner, id: "a", text: "t", secret: "s", other: 2 });
      const closed = db.scope({ note: { select: ["id", "text"], update: ["text"] } });
      expect(await closed.get("note", { owner, id: "a" })).toEqual({ id: "a", text: "t" });
      await refuses(closed.select("note", { owner: "x" }), "invalid", { column: "owner" });
      await refuses(closed.select("note", { other: 2 }), "invalid", { column: "other" });
      await refuses(closed.update("note", { owner, id: "a", other: 3 }), "denied", { column: "other" });
    });

    promise("rows that are read along, and what a filter asks of them, are inside too", async ({ db, fresh }) => {
      const [a, b] = [fresh(), fresh()];
      for (const team of [a, b]) await db.put("author", { id: `x${team}`, team, name: "Ann", born: 1 });
      await db.put("book", { id: `1${a}`, team: a, author: `x${a}`, title: "own" });
      await db.put("book", { id: `2${a}`, team: a, author: `x${b}`, title: "theirs" });
      await db.put("book", { id: `3${a}`, team: b, author: `x${a}`, title: "outside" });
      const own = db.scope({ "*": { where: { team: a } }, author: { where: { team: a }, select: ["id", "name"] } });
      const include = { author: true };
      expect((await own.get("book", `1${a}`, { include }))?.["author"]).toEqual({ id: `x${a}`, name: "Ann" });
      expect((await own.get("book", `2${a}`, { include }))?.["author"]).toBeNull();
      const { rows } = await own.select("book", {}, { include, select: ["title", "author"], sort: "title", scan: true });
      expect(rows.map(({ title, author }) => [title, (author as { name: string } | null)?.name])).toEqual([
        ["own", "Ann"],
        ["theirs", undefined],
      ]);
      const backwards = { books: { from: "book", by: "author", sort: "title" } };
      expect((await own.get("author", `x${a}`, { include: backwards }))?.["books"]).toMatchObject([{ title: "own" }]);
      const filter = { author: { $ref: { name: "Ann" } } };
      expect((await own.select("book", filter, { scan: true })).rows).toMatchObject([{ title: "own" }]);
      await refuses(own.select("book", { author: { $ref: { born: 1 } } }, { scan: true }), "invalid", { column: "born" });
      const narrow = db.scope({ book: { select: ["id", "title"] } });
      await refuses(narrow.get("book", `1${a}`, { include: backwards }), "invalid");
      await refuses(narrow.get("book", `1${a}`, { include }), "invalid", { column: "author" });
      await refuses(narrow.select("book", filter, { scan: true }), "invalid", { column: "author" });
      await refuses(db.scope({ book: {} }).get("book", `1${a}`, { include }), "denied");
      await refuses(db.scope({ book: {} }).select("book", filter, { scan: true }), "denied");
    });

    promise("what is no scope is refused when it is made, by table and column", async ({ db }) => {
      const wrong = (definition: unknown, options?: unknown): unknown => {
        try {
          db.scope(definition, options as never);
        } catch (error) {
          return error;
        }
        return expect.fail("it was taken");
      };
      for (const definition of [
        undefined,
        null,
        [],
        {},
        { nope: {} },
        { doc: null },
        { doc: { when: {} } },
        { doc: { where: { nope: 1 } } },
      ])
        expect(wrong(definition)).toMatchObject({ code: "invalid" });
      expect(wrong({ doc: { where: { size: "1" } } })).toMatchObject({ code: "invalid", column: "size" });
      expect(wrong({ doc: { where: { team: undefined } } })).toMatchObject({ code: "invalid", column: "team" });
      expect(wrong({ doc: { set: { size: "1" } } })).toMatchObject({ code: "invalid", column: "size" });
      expect(wrong({ doc: { set: { team: undefined } } })).toMatchObject({ code: "invalid", column: "team" });
      expect(wrong({ doc: { set: { nope: 1 } } })).toMatchObject({ code: "invalid", column: "nope" });
      expect(wrong({ photo: { set: { mtime: 1 } } })).toMatchObject({ code: "invalid", column: "mtime" });
      expect(wrong({ doc: { select: [] } })).toMatchObject({ code: "invalid" });
      expect(wrong({ doc: { select: ["*"] } })).toMatchObject({ code: "invalid" });
      expect(wrong({ doc: { select: ["constructor"] } })).toMatchObject({ code: "invalid", column: "constructor" });
      expect(wrong({ doc: { update: "text" } })).toMatchObject({ code: "invalid" });
      expect(wrong({ doc: {} }, { tokens: "x" })).toMatchObject({ code: "invalid" });
    });
  });
}
