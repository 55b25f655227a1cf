// No call reaches further than it says.

import { describe, expect, it } from "vitest";

import { refuseAll, refuses, valuesOf } from "../../src/testing/expectations.js";
import type { DefectContext } from "./context.js";

export function reach(use: DefectContext): void {
  describe("no call reaches further than it says", () => {
    const three = async (): Promise<string> => {
      const id = use.fresh();
      for (const k of [0, 1, 2]) await use.db.put("pair", { id, k, n: k, text: "t" });
      return id;
    };
    const whole = async (id: string): Promise<unknown[]> => valuesOf((await use.db.select("pair", { id })).rows, "n");

    it("1: an empty or misspelled condition deletes nothing", async () => {
      const id = await three();
      for (const filter of [{}, { typo: 1 }, { $or: {} }, { $or: [] }, { $and: [] }, { $not: {} }]) {
        await refuses(use.db.delAll("pair", filter), "invalid");
        await refuses(use.db.updateAll("pair", filter, { n: 9 }), "invalid");
      }
      await refuses(use.db.del("pair", {}), "invalid");
      await refuses(use.db.del("pair", { typo: 1 }), "invalid");
      expect(await use.db.delAll("pair", { id, n: [] })).toEqual({ affected: 0 });
      expect(await use.db.delAll("pair", { id, $or: [{ n: 7 }, { n: 8 }] })).toEqual({ affected: 0 });
      expect(await whole(id)).toEqual([0, 1, 2]);
    });

    it("2: zero, empty text and false are values, in keys and in guards", async () => {
      const id = await three();
      expect(await use.db.get("pair", { id, k: 0 })).toMatchObject({ n: 0 });
      expect(await use.db.update("pair", { id, k: 1, n: 5 }, { where: { n: 0 } })).toEqual({ affected: 0 });
      expect(await use.db.update("pair", { id, k: 1, n: 5 }, { where: { text: "" } })).toEqual({ affected: 0 });
      expect(await use.db.update("pair", { id, k: 1, n: 5 }, { where: { ok: false } })).toEqual({ affected: 0 });
      expect(await use.db.del("pair", { id, k: 0 })).toEqual({ affected: 1 });
      expect(await whole(id)).toEqual([1, 2]);
    });

    it("3: a part of a key is no key, and groups in a guard count", async () => {
      const id = await three();
      await refuseAll(
        [
          use.db.update("pair", { id, n: 9 }),
          use.db.del("pair", { id }),
          use.db.get("pair", { id }),
          use.db.incr("pair", { id, n: 1 }),
          use.db.put("pair", { id }),
        ],
        "invalid",
      );
      expect(await use.db.update("pair", { id, k: 1, n: 9 }, { where: { $or: { n: 5, text: "no" } } })).toEqual({ affected: 0 });
      expect(await use.db.update("pair", { id, k: 1, n: 9 }, { where: { $or: { n: 1, text: "no" } } })).toEqual({ affected: 1 });
      expect(await whole(id)).toEqual([0, 9, 2]);
    });

    it("4: in an empty list is nothing", async () => {
      const id = await three();
      expect((await use.db.select("pair", { id, n: [] })).rows).toEqual([]);
      expect((await use.db.select("pair", { id, n: { $in: [] } })).rows).toEqual([]);
      expect(await use.db.update("pair", { id, k: 1, n: 9 }, { where: { n: { $in: [] } } })).toEqual({ affected: 0 });
      expect(await use.db.del("pair", { id, k: 1 }, { where: { n: [] } })).toEqual({ affected: 0 });
      expect(await whole(id)).toEqual([0, 1, 2]);
    });

    it("5: an unknown column is an error, never a wider query", async () => {
      const id = await three();
      await refuses(use.db.select("pair", { id, fake: 1 }), "invalid", { column: "fake" });
      await refuses(use.db.delAll("pair", { id, fake: 1 }), "invalid", { column: "fake" });
      await refuses(use.db.del("pair", { id, k: 1 }, { where: { fake: 1 } }), "invalid", { column: "fake" });
      expect(await whole(id)).toEqual([0, 1, 2]);
    });

    it("6: updateAll changes the rows of its filter with the values of its row", async () => {
      const id = await three();
      expect(await use.db.updateAll("pair", { id, n: { $ge: 1 } }, { text: "changed" })).toEqual({ affected: 2 });
      expect(valuesOf((await use.db.select("pair", { id })).rows, "text")).toEqual(["t", "changed", "changed"]);
    });
  });
}
