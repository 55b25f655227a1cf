// Joined columns: several columns' values in one text, told apart whatever is in them.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import { refuses, valuesOf } from "../expectations.js";
import { hostileTexts } from "../hostile-texts.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  message: {
    id: { primary: 1 },
    hkey: { primary: 2, join: ["type", "peer"], unjoin: true, ops: { select: "begins_with" } },
    type: { hidden: true },
    peer: { hidden: true },
    text: {},
  },
  place: {
    id: { primary: 1 },
    country: {},
    city: {},
    n: { type: "int" },
    area: { join: ["country", "city"], index: 1 },
    tag: { join: ["city", "n"], separator: "/" },
  },
});

export function joins(suite: Suite): void {
  suite.topic("joins", { tables }, ({ promise }) => {
    promise("a joined key is filled from its parts, and its parts come back from it", async ({ db, fresh }) => {
      const id = fresh();
      expect(await db.put("message", { id, type: "icon", peer: "p1", text: "a" })).toEqual({ affected: 1 });
      const row = { id, hkey: "icon|p1", type: "icon", peer: "p1", text: "a" };
      expect(await db.get("message", { id, type: "icon", peer: "p1" })).toEqual(row);
      expect(await db.get("message", { id, hkey: "icon|p1" })).toEqual(row);
      expect(await db.get("message", { id, hkey: "icon|p1" }, { select: ["peer"] })).toEqual({ peer: "p1" });
      expect(await db.update("message", { id, type: "icon", peer: "p1", text: "b" })).toEqual({ affected: 1 });
      expect(await db.del("message", { id, type: "icon", peer: "p1" }, { returning: "old" })).toEqual({
        affected: 1,
        row: { ...row, text: "b" },
      });
    });

    promise("no two rows share a joined value, whatever their parts hold", async ({ db, fresh }) => {
      const id = fresh();
      const pairs = [
        ["a|b", "c"],
        ["a", "b|c"],
        ["a\\", "|b"],
        ["a\\|b", ""],
        ["a", "\\|b"],
        ["", "a|b"],
        ["|", ""],
        ["", "|"],
      ];
      for (const [type, peer] of pairs) expect(await db.add("message", { id, type, peer })).toEqual({ affected: 1 });
      for (const [type, peer] of pairs) expect(await db.get("message", { id, type, peer })).toMatchObject({ type, peer });
      expect(await db.count("message", { id })).toBe(pairs.length);
      const parts = hostileTexts.filter((text) => [...text].length < 120);
      for (const peer of parts) await db.put("message", { id: `${id}h`, type: "t|", peer, text: peer });
      for (const peer of parts) expect(await db.get("message", { id: `${id}h`, type: "t|", peer })).toMatchObject({ peer, text: peer });
    });

    promise("leading parts find exactly their rows", async ({ db, fresh }) => {
      const id = fresh();
      for (const [type, peer] of [
        ["a", "1"],
        ["a", "2"],
        ["ab", "1"],
        ["a|", "1"],
        ["b", "1"],
      ])
        await db.put("message", { id, type, peer });
      const peers = async (filter: object): Promise<unknown[]> =>
        (await db.select("message", { id, ...filter })).rows.map((row) => [row["type"], row["peer"]]);
      expect(await peers({ type: "a" })).toEqual([
        ["a", "1"],
        ["a", "2"],
      ]);
      expect(await peers({ type: "a", peer: "2" })).toEqual([["a", "2"]]);
      expect(await peers({ hkey: "a" })).toHaveLength(4);
      expect(await peers({ type: "nobody" })).toEqual([]);
    });

    promise("a joined column follows its parts when they change", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("place", { id, country: "it", city: "Rome", n: 5 });
      expect(await db.get("place", id)).toMatchObject({ area: "it|Rome", tag: "Rome/5" });
      await db.update("place", { id, city: "Milan" });
      expect(await db.get("place", id)).toMatchObject({ country: "it", city: "Milan", area: "it|Milan", tag: "Milan/5" });
      expect((await db.select("place", { area: "it|Milan" })).rows).toMatchObject([{ id }]);
      expect(await db.count("place", { area: "it|Rome" })).toBe(0);
      await db.incr("place", { id, n: 2 });
      expect(await db.get("place", id)).toMatchObject({ n: 7, tag: "Milan/7" });
      await db.update("place", { id, city: null });
      expect(await db.get("place", id)).toMatchObject({ city: null, area: null, tag: null });
      await db.put("place", { id, country: "fr" });
      expect(await db.get("place", id)).toMatchObject({ country: "fr", area: null });
      await db.update("place", { id, city: "Paris" }, { upsert: true });
      expect(await db.get("place", id)).toMatchObject({ area: "fr|Paris" });
    });

    promise("updateAll keeps joined columns right", async ({ db, fresh }) => {
      const city = fresh();
      const ids = Array.from({ length: 4 }, fresh);
      for (const [n, id] of ids.entries()) await db.put("place", { id, country: `c${n % 2}`, city, n });
      expect(await db.updateAll("place", { area: `c1|${city}` }, { country: "x" })).toEqual({ affected: 2 });
      expect(valuesOf(await db.list("place", ids), "area")).toEqual([`c0|${city}`, `x|${city}`, `c0|${city}`, `x|${city}`]);
    });

    promise("a key needs all parts of a joined column", async ({ db, fresh }) => {
      const id = fresh();
      for (const key of [{ id }, { id, type: "a" }, { id, peer: "a" }, { id, type: "a", peer: null }]) {
        await refuses(db.get("message", key), "invalid");
        await refuses(db.put("message", key), "invalid");
        await refuses(db.del("message", key), "invalid");
      }
    });
  });
}
