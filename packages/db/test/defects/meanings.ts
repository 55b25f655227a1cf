// Every database means the same.

import { describe, expect, it } from "vitest";

import { refuses, valuesOf } from "../../src/testing/expectations.js";
import type { DefectContext } from "./context.js";

export function meanings(use: DefectContext): void {
  describe("every database means the same", () => {
    it("7: put replaces the whole row", async () => {
      const id = use.fresh();
      await use.db.put("item", { id, n: 1, text: "a", tags: ["x"], data: { a: 1 } });
      await use.db.put("item", { id, num: 2 });
      expect(await use.db.get("item", id)).toEqual({ id, n: null, num: 2, text: null, tags: null, data: null, place: null });
    });

    it("8: update makes no row, incr does, and del tells what it did", async () => {
      const id = use.fresh();
      expect(await use.db.update("item", { id, n: 1 })).toEqual({ affected: 0 });
      expect(await use.db.del("item", id)).toEqual({ affected: 0 });
      expect(await use.db.incr("item", { id, n: 1 })).toEqual({ affected: 1 });
      expect(await use.db.update("item", { id, n: 1 })).toEqual({ affected: 1 });
      expect(await use.db.del("item", id)).toEqual({ affected: 1 });
    });

    it("9: a second add is already-exists and overwrites nothing", async () => {
      const id = use.fresh();
      await use.db.add("item", { id, n: 1 });
      await refuses(use.db.add("item", { id, n: 2 }), "already-exists");
      expect((await use.db.get("item", id))?.["n"]).toBe(1);
    });

    it("10: a page is 50 rows with a token for the rest, and list gives all that was asked", async () => {
      const id = use.fresh();
      await use.db.bulk(Array.from({ length: 120 }, (_, k) => ({ op: "put", table: "pair", row: { id, k } })));
      const page = await use.db.select("pair", { id });
      expect([page.rows.length, typeof page.next]).toEqual([50, "string"]);
      expect(
        await use.db.list(
          "pair",
          Array.from({ length: 120 }, (_, k) => ({ id, k })),
        ),
      ).toHaveLength(120);
    });

    it("11: deleting or changing many rows skips no page", async () => {
      const id = use.fresh();
      await use.db.bulk(Array.from({ length: 160 }, (_, k) => ({ op: "put", table: "pair", row: { id, k, n: 1 } })));
      expect(await use.db.updateAll("pair", { id, n: 1 }, { n: 2 })).toEqual({ affected: 160 });
      expect(await use.db.delAll("pair", { id, n: 2 })).toEqual({ affected: 160 });
      expect(await use.db.count("pair", { id })).toBe(0);
    });

    it("12: text tests mind the case, take % and _ literally, and never match absence", async () => {
      const place = use.fresh();
      for (const [i, text] of ["Ab", "ab", "a%", "a_", "axx", null].entries())
        await use.db.put("item", { id: `${place}${i}`, place, text });
      const found = async (test: object): Promise<unknown[]> =>
        valuesOf((await use.db.select("item", { place, text: test })).rows, "text").sort();
      expect(await found({ $begins_with: "a" })).toEqual(["a%", "a_", "ab", "axx"]);
      expect(await found({ $begins_with: "a%" })).toEqual(["a%"]);
      expect(await found({ $contains: "_" })).toEqual(["a_"]);
      expect(await found({ $ne: "ab" })).toEqual(["Ab", "a%", "a_", "axx"]);
      expect(await found({ $not_in: ["ab", "Ab"] })).toEqual(["a%", "a_", "axx"]);
    });

    it("13: values come back as what they are", async () => {
      const id = use.fresh();
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
      await use.db.put("typed", row);
      expect(await use.db.get("typed", id)).toMatchObject(row);
    });

    it("14: zero, false and empty replace what was there, and put leaves nothing behind", async () => {
      const id = use.fresh();
      await use.db.put("item", { id, n: 5, text: "a", tags: ["x"], data: { a: 1 } });
      await use.db.update("item", { id, n: 0, text: "", tags: [], data: {} });
      expect(await use.db.get("item", id)).toMatchObject({ n: 0, text: "", tags: [], data: {} });
      await use.db.put("item", { id });
      expect(await use.db.get("item", id)).toMatchObject({ n: null, text: null, tags: null, data: null });
    });

    it("15: now is the time of the write, whatever is given", async () => {
      const id = use.fresh();
      const before = Date.now();
      await use.db.put("typed", { id, mtime: 123 });
      expect((await use.db.get("typed", id))?.["mtime"]).toBeGreaterThanOrEqual(before);
    });
  });
}
