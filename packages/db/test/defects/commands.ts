// Nothing that a caller gives becomes a command.

import { describe, expect, it } from "vitest";

import { refuses, valuesOf } from "../../src/testing/expectations.js";
import type { DefectContext } from "./context.js";

export function commands(use: DefectContext): void {
  describe("nothing that a caller gives becomes a command", () => {
    it("23: values stay values", async () => {
      const place = use.fresh();
      for (const text of ["\\' or 1=1 --", "'; drop table item; --", "\\", "\\\\'", '"', "$$", "${1}", ":x", "?", "\u2028"]) {
        await use.db.put("item", { id: place + text, place, text });
        expect(valuesOf((await use.db.select("item", { place, text })).rows, "text")).toEqual([text]);
        expect(await use.db.update("item", { id: place + text, n: 1 }, { where: { text } })).toEqual({ affected: 1 });
      }
      expect(await use.db.count("item", { place })).toBe(10);
    });

    it("24, 25: sort, select, returning and names of tables are names, or refused", async () => {
      const id = use.fresh();
      for (const sort of ["n; drop table item", "n desc", "(select 1)", "1"])
        await refuses(use.db.select("item", { id }, { sort }), "invalid");
      for (const select of [["*"], ["n, text"], ["count(*)"]]) await refuses(use.db.select("item", { id }, { select }), "invalid");
      await refuses(use.db.put("item", { id }, { returning: "*, (select 1)" }), "invalid");
      await refuses(use.db.get("item; drop table item", id), "invalid");
      expect(await use.db.get("item", id)).toBeUndefined();
    });

    it("26, 27: columns named as words of SQL, indexes of three columns and unique groups work", async () => {
      const mail = use.fresh();
      const { row } = await use.db.add("wide", { a: "x", b: mail, c: "z", mail, order: 1 }, { returning: "new" });
      expect((await use.db.select("wide", { a: "x", b: mail, c: "z" }, { sort: "-order" })).rows).toEqual([row]);
      await refuses(use.db.add("wide", { mail }), "already-exists");
    });

    it("28: changes that are left out leave no trace in the others", async () => {
      const id = use.fresh();
      await use.db.update("item", { id, n: 1, tags: ["a"], text: "x" }, { upsert: true, ops: { tags: "add", text: "unset" } });
      expect(await use.db.get("item", id)).toMatchObject({ n: 1, tags: ["a"], text: null });
      await use.db.update("item", { id, n: undefined, num: 2, text: "y" }, { ops: { num: "incr" } });
      expect(await use.db.get("item", id)).toMatchObject({ n: 1, num: 2, text: "y" });
    });

    it("29: update without a key is refused before anything is sent", async () => {
      for (const row of [{}, { n: 1 }, { id: null, n: 1 }, { id: "", n: 1 }]) await refuses(use.db.update("item", row), "invalid");
    });

    it("30: desc turns every sort column around", async () => {
      const id = use.fresh();
      for (const [k, n] of [1, 1, 2, 2].entries()) await use.db.put("pair", { id, k, n });
      expect(valuesOf((await use.db.select("pair", { id }, { sort: ["n", "k"], desc: true })).rows, "k")).toEqual([3, 2, 1, 0]);
    });
  });
}
