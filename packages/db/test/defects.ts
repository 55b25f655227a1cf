// What other layers of this kind got wrong, each as the promise that is kept here. Names tell the promise.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { defineTables, openDb, table } from "@bk/db";
import type { AnyDb, AnyRow } from "../src/testing/any-db.js";
import { refuseAll, refuses, valuesOf, walk } from "../src/testing/expectations.js";
import { type Fixture, isWanted, openStore } from "./fixtures.js";

const tables = defineTables({
  item: {
    id: { primary: 1 },
    n: { type: "int" },
    num: { type: "int" },
    text: {},
    tags: { type: "set" },
    data: { type: "json" },
    place: { index: 1 },
  },
  pair: { id: { primary: 1 }, k: { type: "int", primary: 2 }, n: { type: "int" }, text: {}, ok: { type: "bool" } },
  typed: {
    id: { primary: 1 },
    int: { type: "int" },
    big: { type: "int64" },
    bool: { type: "bool" },
    real: { type: "real" },
    price: { type: "decimal" },
    at: { type: "timestamp" },
    set: { type: "set", of: "int" },
    mtime: { type: "now" },
    size: { values: ["s", "m"] },
    name: { maxLength: 3 },
    mail: { type: "email" },
    obj: { type: "obj" },
    must: { notEmpty: true, value: "x" },
  },
  wide: {
    id: { type: "uuid", primary: 1 },
    a: { index: 1 },
    b: { index: 2 },
    c: { index: 3 },
    mail: { unique: 1 },
    order: { type: "int" },
  },
  joined: {
    id: { primary: 1 },
    key: { primary: 2, join: ["a", "b"] },
    a: { hidden: true },
    b: { type: "int", hidden: true },
    n: { type: "int" },
  },
  free: table({ id: { primary: 1 } }, { open: true }),
});

/** Registers these promises for one driver. */
export function testDefects(fixture: Fixture): void {
  if (!isWanted(fixture)) {
    describe("not run here", () => it.skip(fixture.name, () => undefined));
    return;
  }
  describe(`driver: ${fixture.name}`, () => {
    let db: AnyDb;
    let clean: () => Promise<void>;
    let count = 0;
    const fresh = (): string => `d${++count}`;
    beforeAll(async () => {
      const store = await openStore(fixture);
      clean = () => store.clean();
      db = await store.openDb({ tables });
      await db.sync();
    });
    afterAll(async () => {
      await db?.close();
      await clean?.();
    });

    describe("no call reaches further than it says", () => {
      const three = async (): Promise<string> => {
        const id = fresh();
        for (const k of [0, 1, 2]) await db.put("pair", { id, k, n: k, text: "t" });
        return id;
      };
      const whole = async (id: string): Promise<unknown[]> => valuesOf((await db.select("pair", { id })).rows, "n");

      it("1: an empty or misspelled condition deletes nothing", async () => {
        const id = await three();
        for (const filter of [{}, { typo: 1 }, { $or: {} }, { $or: [] }, { $and: [] }, { $not: {} }]) {
          await refuses(db.delAll("pair", filter), "invalid");
          await refuses(db.updateAll("pair", filter, { n: 9 }), "invalid");
        }
        await refuses(db.del("pair", {}), "invalid");
        await refuses(db.del("pair", { typo: 1 }), "invalid");
        expect(await db.delAll("pair", { id, n: [] })).toEqual({ affected: 0 });
        expect(await db.delAll("pair", { id, $or: [{ n: 7 }, { n: 8 }] })).toEqual({ affected: 0 });
        expect(await whole(id)).toEqual([0, 1, 2]);
      });

      it("2: zero, empty text and false are values, in keys and in guards", async () => {
        const id = await three();
        expect(await db.get("pair", { id, k: 0 })).toMatchObject({ n: 0 });
        expect(await db.update("pair", { id, k: 1, n: 5 }, { where: { n: 0 } })).toEqual({ affected: 0 });
        expect(await db.update("pair", { id, k: 1, n: 5 }, { where: { text: "" } })).toEqual({ affected: 0 });
        expect(await db.update("pair", { id, k: 1, n: 5 }, { where: { ok: false } })).toEqual({ affected: 0 });
        expect(await db.del("pair", { id, k: 0 })).toEqual({ affected: 1 });
        expect(await whole(id)).toEqual([1, 2]);
      });

      it("3: a part of a key is no key, and groups in a guard count", async () => {
        const id = await three();
        await refuseAll(
          [
            db.update("pair", { id, n: 9 }),
            db.del("pair", { id }),
            db.get("pair", { id }),
            db.incr("pair", { id, n: 1 }),
            db.put("pair", { id }),
          ],
          "invalid",
        );
        expect(await db.update("pair", { id, k: 1, n: 9 }, { where: { $or: { n: 5, text: "no" } } })).toEqual({ affected: 0 });
        expect(await db.update("pair", { id, k: 1, n: 9 }, { where: { $or: { n: 1, text: "no" } } })).toEqual({ affected: 1 });
        expect(await whole(id)).toEqual([0, 9, 2]);
      });

      it("4: in an empty list is nothing", async () => {
        const id = await three();
        expect((await db.select("pair", { id, n: [] })).rows).toEqual([]);
        expect((await db.select("pair", { id, n: { $in: [] } })).rows).toEqual([]);
        expect(await db.update("pair", { id, k: 1, n: 9 }, { where: { n: { $in: [] } } })).toEqual({ affected: 0 });
        expect(await db.del("pair", { id, k: 1 }, { where: { n: [] } })).toEqual({ affected: 0 });
        expect(await whole(id)).toEqual([0, 1, 2]);
      });

      it("5: an unknown column is an error, never a wider query", async () => {
        const id = await three();
        await refuses(db.select("pair", { id, fake: 1 }), "invalid", { column: "fake" });
        await refuses(db.delAll("pair", { id, fake: 1 }), "invalid", { column: "fake" });
        await refuses(db.del("pair", { id, k: 1 }, { where: { fake: 1 } }), "invalid", { column: "fake" });
        expect(await whole(id)).toEqual([0, 1, 2]);
      });

      it("6: updateAll changes the rows of its filter with the values of its row", async () => {
        const id = await three();
        expect(await db.updateAll("pair", { id, n: { $ge: 1 } }, { text: "changed" })).toEqual({ affected: 2 });
        expect(valuesOf((await db.select("pair", { id })).rows, "text")).toEqual(["t", "changed", "changed"]);
      });
    });

    describe("every database means the same", () => {
      it("7: put replaces the whole row", async () => {
        const id = fresh();
        await db.put("item", { id, n: 1, text: "a", tags: ["x"], data: { a: 1 } });
        await db.put("item", { id, num: 2 });
        expect(await db.get("item", id)).toEqual({ id, n: null, num: 2, text: null, tags: null, data: null, place: null });
      });

      it("8: update makes no row, incr does, and del tells what it did", async () => {
        const id = fresh();
        expect(await db.update("item", { id, n: 1 })).toEqual({ affected: 0 });
        expect(await db.del("item", id)).toEqual({ affected: 0 });
        expect(await db.incr("item", { id, n: 1 })).toEqual({ affected: 1 });
        expect(await db.update("item", { id, n: 1 })).toEqual({ affected: 1 });
        expect(await db.del("item", id)).toEqual({ affected: 1 });
      });

      it("9: a second add is already-exists and overwrites nothing", async () => {
        const id = fresh();
        await db.add("item", { id, n: 1 });
        await refuses(db.add("item", { id, n: 2 }), "already-exists");
        expect((await db.get("item", id))?.["n"]).toBe(1);
      });

      it("10: a page is 50 rows with a token for the rest, and list gives all that was asked", async () => {
        const id = fresh();
        await db.bulk(Array.from({ length: 120 }, (_, k) => ({ op: "put", table: "pair", row: { id, k } })));
        const page = await db.select("pair", { id });
        expect([page.rows.length, typeof page.next]).toEqual([50, "string"]);
        expect(
          await db.list(
            "pair",
            Array.from({ length: 120 }, (_, k) => ({ id, k })),
          ),
        ).toHaveLength(120);
      });

      it("11: deleting or changing many rows skips no page", async () => {
        const id = fresh();
        await db.bulk(Array.from({ length: 160 }, (_, k) => ({ op: "put", table: "pair", row: { id, k, n: 1 } })));
        expect(await db.updateAll("pair", { id, n: 1 }, { n: 2 })).toEqual({ affected: 160 });
        expect(await db.delAll("pair", { id, n: 2 })).toEqual({ affected: 160 });
        expect(await db.count("pair", { id })).toBe(0);
      });

      it("12: text tests mind the case, take % and _ literally, and never match absence", async () => {
        const place = fresh();
        for (const [i, text] of ["Ab", "ab", "a%", "a_", "axx", null].entries()) await db.put("item", { id: `${place}${i}`, place, text });
        const found = async (test: object): Promise<unknown[]> =>
          valuesOf((await db.select("item", { place, text: test })).rows, "text").sort();
        expect(await found({ $begins_with: "a" })).toEqual(["a%", "a_", "ab", "axx"]);
        expect(await found({ $begins_with: "a%" })).toEqual(["a%"]);
        expect(await found({ $contains: "_" })).toEqual(["a_"]);
        expect(await found({ $ne: "ab" })).toEqual(["Ab", "a%", "a_", "axx"]);
        expect(await found({ $not_in: ["ab", "Ab"] })).toEqual(["a%", "a_", "axx"]);
      });

      it("13: values come back as what they are", async () => {
        const id = fresh();
        const row = {
          id,
          int: 9007199254740991,
          big: 9007199254740993n,
          bool: true,
          real: 0.1,
          price: "1234567890.0987654321",
          at: new Date(1234567890123),
          set: [-1, 2, 10],
        };
        await db.put("typed", row);
        expect(await db.get("typed", id)).toMatchObject(row);
      });

      it("14: zero, false and empty replace what was there, and put leaves nothing behind", async () => {
        const id = fresh();
        await db.put("item", { id, n: 5, text: "a", tags: ["x"], data: { a: 1 } });
        await db.update("item", { id, n: 0, text: "", tags: [], data: {} });
        expect(await db.get("item", id)).toMatchObject({ n: 0, text: "", tags: [], data: {} });
        await db.put("item", { id });
        expect(await db.get("item", id)).toMatchObject({ n: null, text: null, tags: null, data: null });
      });

      it("15: now is the time of the write, whatever is given", async () => {
        const id = fresh();
        const before = Date.now();
        await db.put("typed", { id, mtime: 123 });
        expect((await db.get("typed", id))?.["mtime"]).toBeGreaterThanOrEqual(before);
      });
    });

    describe("operators", () => {
      const filled = async (): Promise<string> => {
        const id = fresh();
        for (const [k, text] of ["abc", "bcd", "xyz", null].entries())
          await db.put("pair", { id, k, n: text === null ? null : k * 5, text });
        return id;
      };
      const keys = async (filter: AnyRow): Promise<unknown[]> => valuesOf((await db.select("pair", filter)).rows, "k");

      it("16, 18, 19: negations are negations, under every way to write them", async () => {
        const id = await filled();
        const cases: readonly (readonly [AnyRow, number[]])[] = [
          [{ text: { $not_contains: "bc" } }, [2]],
          [{ text: { "$not contains": "bc" } }, [2]],
          [{ n: { $not_in: [0, 5] } }, [2]],
          [{ n: { "$not in": [0, 5] } }, [2]],
          [{ n: { $not_null: true } }, [0, 1, 2]],
          [{ n: { $null: true } }, [3]],
          [{ text: { $begins_with: "b" } }, [1]],
          [{ text: { $ends_with: "cd" } }, [1]],
          [{ text: { "$like%": "b" } }, [1]],
          [{ text: { $contains: "bc" } }, [0, 1]],
          [{ n: { $in: [5, 99] } }, [1]],
          [{ n: { $not_between: [1, 6] } }, [0, 2]],
          [{ $or: { n: 0, text: "xyz" } }, [0, 2]],
        ];
        for (const [filter, expected] of cases) expect([filter, await keys({ id, ...filter })]).toEqual([filter, expected]);
      });

      it("17: between equal bounds is that value", async () => {
        const id = await filled();
        expect(await keys({ id, n: { $between: [5, 5] } })).toEqual([1]);
      });

      it("20: a filter on a column that an index lacks is applied, falsy members and empty texts count", async () => {
        const place = fresh();
        await db.put("item", { id: `${place}a`, place, n: 0, text: "" });
        await db.put("item", { id: `${place}b`, place, n: 1, text: "x" });
        expect(valuesOf((await db.select("item", { place, n: [0, 7] })).rows, "n")).toEqual([0]);
        expect(valuesOf((await db.select("item", { place, text: "" })).rows, "n")).toEqual([0]);
      });

      it("21: a key that begins another key's text is another key; wildcards are characters", async () => {
        const id = fresh();
        for (const end of ["", "c", "*", "?", "[a]"]) await db.put("pair", { id: id + end, k: 1 });
        expect((await db.select("pair", { id })).rows).toHaveLength(1);
        expect((await db.select("pair", { id: `${id}*` })).rows).toEqual([expect.objectContaining({ id: `${id}*` })]);
      });

      it('22: the text "null" is a text', async () => {
        const place = fresh();
        await db.put("item", { id: `${place}1`, place, text: "null" });
        await db.put("item", { id: `${place}2`, place, text: null });
        expect(valuesOf((await db.select("item", { place, text: "null" })).rows, "id")).toEqual([`${place}1`]);
        expect(valuesOf((await db.select("item", { place, text: null })).rows, "id")).toEqual([`${place}2`]);
      });
    });

    describe("nothing that a caller gives becomes a command", () => {
      it("23: values stay values", async () => {
        const place = fresh();
        for (const text of ["\\' or 1=1 --", "'; drop table item; --", "\\", "\\\\'", '"', "$$", "${1}", ":x", "?", "\u2028"]) {
          await db.put("item", { id: place + text, place, text });
          expect(valuesOf((await db.select("item", { place, text })).rows, "text")).toEqual([text]);
          expect(await db.update("item", { id: place + text, n: 1 }, { where: { text } })).toEqual({ affected: 1 });
        }
        expect(await db.count("item", { place })).toBe(10);
      });

      it("24, 25: sort, select, returning and names of tables are names, or refused", async () => {
        const id = fresh();
        for (const sort of ["n; drop table item", "n desc", "(select 1)", "1"])
          await refuses(db.select("item", { id }, { sort }), "invalid");
        for (const select of [["*"], ["n, text"], ["count(*)"]]) await refuses(db.select("item", { id }, { select }), "invalid");
        await refuses(db.put("item", { id }, { returning: "*, (select 1)" }), "invalid");
        await refuses(db.get("item; drop table item", id), "invalid");
        expect(await db.get("item", id)).toBeUndefined();
      });

      it("26, 27: columns named as words of SQL, indexes of three columns and unique groups work", async () => {
        const mail = fresh();
        const { row } = await db.add("wide", { a: "x", b: mail, c: "z", mail, order: 1 }, { returning: "new" });
        expect((await db.select("wide", { a: "x", b: mail, c: "z" }, { sort: "-order" })).rows).toEqual([row]);
        await refuses(db.add("wide", { mail }), "already-exists");
      });

      it("28: changes that are left out leave no trace in the others", async () => {
        const id = fresh();
        await db.update("item", { id, n: 1, tags: ["a"], text: "x" }, { upsert: true, ops: { tags: "add", text: "unset" } });
        expect(await db.get("item", id)).toMatchObject({ n: 1, tags: ["a"], text: null });
        await db.update("item", { id, n: undefined, num: 2, text: "y" }, { ops: { num: "incr" } });
        expect(await db.get("item", id)).toMatchObject({ n: 1, num: 2, text: "y" });
      });

      it("29: update without a key is refused before anything is sent", async () => {
        for (const row of [{}, { n: 1 }, { id: null, n: 1 }, { id: "", n: 1 }]) await refuses(db.update("item", row), "invalid");
      });

      it("30: desc turns every sort column around", async () => {
        const id = fresh();
        for (const [k, n] of [1, 1, 2, 2].entries()) await db.put("pair", { id, k, n });
        expect(valuesOf((await db.select("pair", { id }, { sort: ["n", "k"], desc: true })).rows, "k")).toEqual([3, 2, 1, 0]);
      });
    });

    describe("failures are told, results are whole", () => {
      it("31: every item of a bulk is written or told of", async () => {
        const id = fresh();
        const results = await db.bulk(
          Array.from({ length: 130 }, (_, k) => ({ op: "put", table: "pair", row: { id, k, n: k === 77 ? "x" : k } })),
        );
        expect(results.filter((result) => "error" in result)).toHaveLength(1);
        expect(await db.count("pair", { id })).toBe(129);
      });

      it("32: what cannot be done is an error, never an empty result", async () => {
        await refuses(db.select("nowhere", { id: "a" }), "invalid");
        await refuses(db.get("item", "a", { pool: "nowhere" }), "invalid");
        await refuses(db.update("item", { id: "a", n: 1 }, { ops: { n: "multiply" } }), "invalid");
        await refuses(db.select("item", { id: "a", n: { $near: 1 } }), "invalid");
      });

      it("33: copy copies, and tells how many", async () => {
        const store = await openStore(fixture);
        const target = await store.openDb({ tables });
        try {
          const id = fresh();
          await db.bulk(Array.from({ length: 12 }, (_, k) => ({ op: "put", table: "joined", row: { id, a: "x", b: k, n: k } })));
          const rows: AnyRow[] = [];
          for await (const row of db.scan("joined", { id })) rows.push(row);
          expect(rows).toHaveLength(12);
          const both = (await openDb({ pools: { here: "memory:", there: "memory:" }, tables })) as unknown as AnyDb & {
            copy(options: object): Promise<Record<string, number>>;
            pool(name: string): AnyDb;
          };
          await both.bulk(rows.map(({ id: hash, key, n }) => ({ op: "put", table: "joined", row: { id: hash, key, n } })));
          expect(await both.copy({ from: "here", to: "there", tables: ["joined"] })).toEqual({ joined: 12 });
          expect(await both.pool("there").count("joined", { id })).toBe(12);
          await refuses(both.copy({ from: "here", to: "nowhere" }), "invalid");
          await both.close();
        } finally {
          await target.close();
          await store.clean();
        }
      });

      it("34: a guard that fails has affected nothing, a missing row is undefined", async () => {
        const id = fresh();
        await db.put("item", { id, n: 1 });
        expect(await db.update("item", { id, n: 2 }, { where: { n: 5 } })).toEqual({ affected: 0 });
        expect(await db.get("item", `${id}x`, { select: ["n"] })).toBeUndefined();
        expect(await db.list("item", [`${id}x`, id])).toHaveLength(1);
      });

      it("35: a page with a token is full, whatever filters it", async () => {
        const id = fresh();
        await db.bulk(Array.from({ length: 90 }, (_, k) => ({ op: "put", table: "pair", row: { id, k, text: k % 9 === 0 ? "Ä" : "b" } })));
        const pages = await walk(db, "pair", { id, text: { $ilike: "ä" } }, { count: 4 });
        expect(pages.map(({ rows }) => rows.length)).toEqual([4, 4, 2]);
      });

      it("36: calls at once do not see each other's tokens and counts", async () => {
        const ids = Array.from({ length: 6 }, fresh);
        await db.bulk(ids.flatMap((id, i) => Array.from({ length: i + 1 }, (_, k) => ({ op: "put", table: "pair", row: { id, k } }))));
        const pages = await Promise.all(ids.map((id) => db.select("pair", { id }, { count: 3 })));
        expect(pages.map(({ rows, next }) => [rows.length, next !== undefined])).toEqual([
          [1, false],
          [2, false],
          [3, false],
          [3, true],
          [3, true],
          [3, true],
        ]);
        const written = await Promise.all(ids.map((id, i) => db.update("pair", { id, k: 3, n: 1 }).then(({ affected }) => [i, affected])));
        expect(written).toEqual([
          [0, 0],
          [1, 0],
          [2, 0],
          [3, 1],
          [4, 1],
          [5, 1],
        ]);
      });

      it("37, 47: a value that breaks a rule is refused, never dropped, cut or turned into another", async () => {
        const id = fresh();
        const wrong: readonly AnyRow[] = [
          { size: "xl" },
          { name: "long" },
          { int: "12" },
          { int: "text" },
          { bool: 1 },
          { at: "not a date" },
          { at: new Date(Number.NaN) },
          { mail: "no mail" },
          { obj: new Date() },
          { must: "" },
        ];
        for (const row of wrong) await refuses(db.put("typed", { id, ...row }), "invalid", { column: Object.keys(row)[0] });
        expect(await db.get("typed", id)).toBeUndefined();
      });

      it("38: an id that is given is kept", async () => {
        const id = `my own id ${fresh()}`;
        const { row } = await db.add("wide", { id }, { returning: "new" });
        expect(row!["id"]).toBe(id);
      });

      it("39: an error inside a transaction undoes it, and the next one starts clean", async () => {
        if (db.capabilities().transactions === "none")
          return refuses(
            db.transaction(async () => undefined),
            "unsupported",
          );
        const id = fresh();
        const failing = (): Promise<unknown> =>
          db.transaction(async (tx) => {
            await tx.put("item", { id, n: 1 });
            await tx.put("pair", { id, k: 1 });
            throw new Error("stop");
          });
        await expect(failing()).rejects.toThrow("stop");
        await db.transaction(async (tx) => tx.put("item", { id: `${id}-2` }));
        expect([await db.get("item", id), await db.get("pair", { id, k: 1 })]).toEqual([undefined, undefined]);
        expect(await db.get("item", `${id}-2`)).toBeDefined();
      });

      it("40: joined keys tell their parts apart, zero and empty ones too", async () => {
        const id = fresh();
        const parts = [
          ["a|1", 0],
          ["a", 10],
          ["a|", 1],
          ["", 0],
          ["|", 0],
          ["a\\|1", 0],
        ] as const;
        for (const [n, [a, b]] of parts.entries()) await db.add("joined", { id, a, b, n });
        for (const [n, [a, b]] of parts.entries()) expect(await db.get("joined", { id, a, b })).toMatchObject({ n });
      });

      it("42, 43: a hook runs once for a call, and options are not changed", async () => {
        const id = fresh();
        let runs = 0;
        db.hook("free", "before:*", () => void runs++);
        const options = Object.freeze({ ops: Object.freeze({}), where: Object.freeze({ id }) });
        await db.update("free", { id, x: 1 }, options);
        await db.get("free", id);
        await db.select("free", { id }, Object.freeze({ count: 1, ops: Object.freeze({ id: "eq" }) }));
        expect(runs).toBe(3);
      });

      it("44: a pool that does not exist is an error, never another database", async () => {
        await refuses(db.put("item", { id: "a" }, { pool: "other" }), "invalid");
        await refuses(
          db.transaction(async () => undefined, { pool: "other" }),
          "invalid",
        );
      });

      it("46: get without a key has one answer: invalid", async () => {
        for (const key of [{}, null, undefined, "", [], { id: undefined }]) await refuses(db.get("item", key), "invalid");
      });
    });
  });
}
