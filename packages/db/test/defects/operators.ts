// Operators do what their names say.

import { describe, expect, it } from "vitest";

import type { AnyRow } from "../../src/testing/any-db.js";
import { valuesOf } from "../../src/testing/expectations.js";
import type { DefectContext } from "./context.js";

export function operators(use: DefectContext): void {
  describe("operators", () => {
    const filled = async (): Promise<string> => {
      const id = use.fresh();
      for (const [k, text] of ["abc", "bcd", "xyz", null].entries())
        await use.db.put("pair", { id, k, n: text === null ? null : k * 5, text });
      return id;
    };
    const keys = async (filter: AnyRow): Promise<unknown[]> => valuesOf((await use.db.select("pair", filter)).rows, "k");

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
      const place = use.fresh();
      await use.db.put("item", { id: `${place}a`, place, n: 0, text: "" });
      await use.db.put("item", { id: `${place}b`, place, n: 1, text: "x" });
      expect(valuesOf((await use.db.select("item", { place, n: [0, 7] })).rows, "n")).toEqual([0]);
      expect(valuesOf((await use.db.select("item", { place, text: "" })).rows, "n")).toEqual([0]);
    });

    it("21: a key that begins another key's text is another key; wildcards are characters", async () => {
      const id = use.fresh();
      for (const end of ["", "c", "*", "?", "[a]"]) await use.db.put("pair", { id: id + end, k: 1 });
      expect((await use.db.select("pair", { id })).rows).toHaveLength(1);
      expect((await use.db.select("pair", { id: `${id}*` })).rows).toEqual([expect.objectContaining({ id: `${id}*` })]);
    });

    it('22: the text "null" is a text', async () => {
      const place = use.fresh();
      await use.db.put("item", { id: `${place}1`, place, text: "null" });
      await use.db.put("item", { id: `${place}2`, place, text: null });
      expect(valuesOf((await use.db.select("item", { place, text: "null" })).rows, "id")).toEqual([`${place}1`]);
      expect(valuesOf((await use.db.select("item", { place, text: null })).rows, "id")).toEqual([`${place}2`]);
    });
  });
}
