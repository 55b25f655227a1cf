// Failures are told, results are whole.

import { describe, expect, it } from "vitest";

import { openDb } from "@bk/db";
import type { AnyDb, AnyRow } from "../../src/testing/any-db.js";
import { refuses, walk } from "../../src/testing/expectations.js";
import { openStore } from "../fixtures.js";
import type { DefectContext } from "./context.js";
import { tables } from "./tables.js";

export function failures(use: DefectContext): void {
  describe("failures are told, results are whole", () => {
    it("31: every item of a bulk is written or told of", async () => {
      const id = use.fresh();
      const results = await use.db.bulk(
        Array.from({ length: 130 }, (_, k) => ({ op: "put", table: "pair", row: { id, k, n: k === 77 ? "x" : k } })),
      );
      expect(results.filter((result) => "error" in result)).toHaveLength(1);
      expect(await use.db.count("pair", { id })).toBe(129);
    });

    it("32: what cannot be done is an error, never an empty result", async () => {
      await refuses(use.db.select("nowhere", { id: "a" }), "invalid");
      await refuses(use.db.get("item", "a", { pool: "nowhere" }), "invalid");
      await refuses(use.db.update("item", { id: "a", n: 1 }, { ops: { n: "multiply" } }), "invalid");
      await refuses(use.db.select("item", { id: "a", n: { $near: 1 } }), "invalid");
    });

    it("33: copy copies, and tells how many", async () => {
      const store = await openStore(use.fixture);
      const target = await store.openDb({ tables });
      try {
        const id = use.fresh();
        await use.db.bulk(Array.from({ length: 12 }, (_, k) => ({ op: "put", table: "joined", row: { id, a: "x", b: k, n: k } })));
        const rows: AnyRow[] = [];
        for await (const row of use.db.scan("joined", { id })) rows.push(row);
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
      const id = use.fresh();
      await use.db.put("item", { id, n: 1 });
      expect(await use.db.update("item", { id, n: 2 }, { where: { n: 5 } })).toEqual({ affected: 0 });
      expect(await use.db.get("item", `${id}x`, { select: ["n"] })).toBeUndefined();
      expect(await use.db.list("item", [`${id}x`, id])).toHaveLength(1);
    });

    it("35: a page with a token is full, whatever filters it", async () => {
      const id = use.fresh();
      await use.db.bulk(
        Array.from({ length: 90 }, (_, k) => ({ op: "put", table: "pair", row: { id, k, text: k % 9 === 0 ? "Ä" : "b" } })),
      );
      const pages = await walk(use.db, "pair", { id, text: { $ilike: "ä" } }, { count: 4 });
      expect(pages.map(({ rows }) => rows.length)).toEqual([4, 4, 2]);
    });

    it("36: calls at once do not see each other's tokens and counts", async () => {
      const ids = Array.from({ length: 6 }, use.fresh);
      await use.db.bulk(ids.flatMap((id, i) => Array.from({ length: i + 1 }, (_, k) => ({ op: "put", table: "pair", row: { id, k } }))));
      const pages = await Promise.all(ids.map((id) => use.db.select("pair", { id }, { count: 3 })));
      expect(pages.map(({ rows, next }) => [rows.length, next !== undefined])).toEqual([
        [1, false],
        [2, false],
        [3, false],
        [3, true],
        [3, true],
        [3, true],
      ]);
      const written = await Promise.all(
        ids.map((id, i) => use.db.update("pair", { id, k: 3, n: 1 }).then(({ affected }) => [i, affected])),
      );
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
      const id = use.fresh();
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
      for (const row of wrong) await refuses(use.db.put("typed", { id, ...row }), "invalid", { column: Object.keys(row)[0] });
      expect(await use.db.get("typed", id)).toBeUndefined();
    });

    it("38: an id that is given is kept", async () => {
      const id = `my own id ${use.fresh()}`;
      const { row } = await use.db.add("wide", { id }, { returning: "new" });
      expect(row!["id"]).toBe(id);
    });

    it("39: an error inside a transaction undoes it, and the next one starts clean", async () => {
      if (use.db.capabilities().transactions === "none")
        return refuses(
          use.db.transaction(async () => undefined),
          "unsupported",
        );
      const id = use.fresh();
      const failing = (): Promise<unknown> =>
        use.db.transaction(async (tx) => {
          await tx.put("item", { id, n: 1 });
          await tx.put("pair", { id, k: 1 });
          throw new Error("stop");
        });
      await expect(failing()).rejects.toThrow("stop");
      await use.db.transaction(async (tx) => tx.put("item", { id: `${id}-2` }));
      expect([await use.db.get("item", id), await use.db.get("pair", { id, k: 1 })]).toEqual([undefined, undefined]);
      expect(await use.db.get("item", `${id}-2`)).toBeDefined();
    });

    it("40: joined keys tell their parts apart, zero and empty ones too", async () => {
      const id = use.fresh();
      const parts = [
        ["a|1", 0],
        ["a", 10],
        ["a|", 1],
        ["", 0],
        ["|", 0],
        ["a\\|1", 0],
      ] as const;
      for (const [n, [a, b]] of parts.entries()) await use.db.add("joined", { id, a, b, n });
      for (const [n, [a, b]] of parts.entries()) expect(await use.db.get("joined", { id, a, b })).toMatchObject({ n });
    });

    it("42, 43: a hook runs once for a call, and options are not changed", async () => {
      const id = use.fresh();
      let runs = 0;
      use.db.hook("free", "before:*", () => void runs++);
      const options = Object.freeze({ ops: Object.freeze({}), where: Object.freeze({ id }) });
      await use.db.update("free", { id, x: 1 }, options);
      await use.db.get("free", id);
      await use.db.select("free", { id }, Object.freeze({ count: 1, ops: Object.freeze({ id: "eq" }) }));
      expect(runs).toBe(3);
    });

    it("44: a pool that does not exist is an error, never another database", async () => {
      await refuses(use.db.put("item", { id: "a" }, { pool: "other" }), "invalid");
      await refuses(
        use.db.transaction(async () => undefined, { pool: "other" }),
        "invalid",
      );
    });

    it("46: get without a key has one answer: invalid", async () => {
      for (const key of [{}, null, undefined, "", [], { id: undefined }]) await refuses(use.db.get("item", key), "invalid");
    });
  });
}
