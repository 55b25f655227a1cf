// Keys: whole, of every key type, told apart to the last character.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import { byCodePoint, refuseAll, refuses, valuesOf } from "../expectations.js";
import { hostileKeys } from "../hostile-texts.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  single: { id: { primary: 1 }, n: { type: "int" } },
  pair: { hash: { primary: 1 }, range: { primary: 2 }, n: { type: "int" } },
  triple: {
    n: { type: "int" },
    third: { type: "timestamp", primary: 3 },
    first: { type: "int", primary: 1 },
    second: { type: "int64", primary: 2 },
  },
  numbers: { hash: { primary: 1 }, at: { type: "bigint", primary: 2 }, n: { type: "int" } },
});

export function keys(suite: Suite): void {
  suite.topic("keys", { tables }, ({ promise }) => {
    promise("hostile texts are keys like any other, each its own row", async ({ db }) => {
      await Promise.all(hostileKeys.map((id, n) => db.add("single", { id, n })));
      const rows = await db.list("single", hostileKeys);
      expect(valuesOf(rows, "id")).toEqual(hostileKeys);
      expect(valuesOf(rows, "n")).toEqual(hostileKeys.map((_key, n) => n));
      for (const [n, id] of hostileKeys.entries()) expect(await db.get("single", { id })).toEqual({ id, n });
    });

    promise("keys that differ in case, spaces or accents alone are different keys", async ({ db, fresh }) => {
      const base = fresh();
      const twins = ["a", "A", "a ", " a", "á", "a\u0301", "ª", "ａ"].map((end) => base + end);
      for (const id of twins) expect(await db.add("single", { id })).toEqual({ affected: 1 });
      // Also where one call names two of them.
      for (const id of twins) {
        const others = twins.filter((other) => other !== id);
        for (const other of others) {
          expect(await db.update("single", { id, n: 1 }, { where: { id: other } })).toEqual({ affected: 0 });
          expect((await db.select("single", { $and: [{ id }, { id: other }] })).rows).toEqual([]);
        }
      }
      expect(await db.del("single", `${base}a`)).toEqual({ affected: 1 });
      expect(valuesOf(await db.list("single", twins), "id")).toEqual(twins.slice(1));
    });

    promise("range keys sort by code point, hostile ones too", async ({ db, fresh }) => {
      const hash = fresh();
      await Promise.all(hostileKeys.map((range) => db.put("pair", { hash, range })));
      const sorted = [...hostileKeys].sort(byCodePoint);
      const { rows } = await db.select("pair", { hash }, { count: 100 });
      expect(valuesOf(rows, "range")).toEqual(sorted);
      const { rows: down } = await db.select("pair", { hash }, { count: 100, sort: "-range" });
      expect(valuesOf(down, "range")).toEqual(sorted.reverse());
    });

    promise("hash and range are not run together", async ({ db, fresh }) => {
      const base = fresh();
      const pairs = [
        ["a", "bc"],
        ["ab", "c"],
        ["a|", "bc"],
        ["a", "|bc"],
        ["a\\", "bc"],
        ["a\u0001", "bc"],
        ["a", "\u0001bc"],
      ];
      const rows = pairs.map(([hash, range], n) => ({ hash: base + hash, range: range!, n }));
      for (const row of rows) expect(await db.add("pair", row)).toEqual({ affected: 1 });
      expect(
        await db.list(
          "pair",
          rows.map(({ hash, range }) => ({ hash, range })),
        ),
      ).toEqual(rows);
      expect((await db.select("pair", { hash: `${base}a` })).rows).toHaveLength(3);
    });

    promise("keys of several parts and types find their row, whatever the order of definition", async ({ db }) => {
      const keys = [0, -1, 2 ** 40].flatMap((first) =>
        [0n, -(2n ** 63n), 2n ** 63n - 1n].flatMap((second) =>
          [new Date(0), new Date(-5), new Date(1e12)].map((third) => ({ first, second, third })),
        ),
      );
      await Promise.all(keys.map((key, n) => db.add("triple", { ...key, n })));
      for (const [n, key] of keys.entries()) expect(await db.get("triple", key)).toEqual({ ...key, n });
      const { rows } = await db.select("triple", { first: 0 });
      expect(rows.map((row) => [row["second"], row["third"]])).toEqual(
        [-(2n ** 63n), 0n, 2n ** 63n - 1n].flatMap((second) => [-5, 0, 1e12].map((ms) => [second, new Date(ms)])),
      );
    });

    promise("zero is a key value: nothing but its own row is read, changed or deleted", async ({ db, fresh }) => {
      const hash = fresh();
      for (const at of [0, 1, 2]) await db.put("numbers", { hash, at, n: at });
      expect(await db.get("numbers", { hash, at: 0 })).toEqual({ hash, at: 0, n: 0 });
      expect(await db.update("numbers", { hash, at: 0, n: 7 })).toEqual({ affected: 1 });
      expect(await db.del("numbers", { hash, at: 0 })).toEqual({ affected: 1 });
      expect((await db.select("numbers", { hash })).rows).toEqual([
        { hash, at: 1, n: 1 },
        { hash, at: 2, n: 2 },
      ]);
    });

    promise("numbers in range keys sort as numbers", async ({ db, fresh }) => {
      const hash = fresh();
      const numbers = [Number.MIN_SAFE_INTEGER, -100, -10, -9, -1, 0, 1, 2, 9, 10, 11, 99, 100, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER];
      await Promise.all([...numbers].reverse().map((at) => db.put("numbers", { hash, at })));
      expect(valuesOf((await db.select("numbers", { hash })).rows, "at")).toEqual(numbers);
      expect(valuesOf((await db.select("numbers", { hash, at: { $ge: -9, $lt: 10 } })).rows, "at")).toEqual([-9, -1, 0, 1, 2, 9]);
    });

    promise("calls on one row need the whole key, each part with a value", async ({ db }) => {
      const wrong: unknown[] = [
        { hash: "a" },
        { range: "a" },
        {},
        { hash: "a", range: "" },
        { hash: "", range: "a" },
        { hash: null, range: "a" },
        "a",
        null,
        undefined,
        5,
      ];
      for (const key of wrong) {
        await refuses(db.get("pair", key), "invalid");
        await refuses(db.del("pair", key), "invalid");
        await refuses(db.list("pair", [key]), "invalid");
      }
      for (const key of wrong.slice(0, 6)) {
        await refuses(db.put("pair", key), "invalid");
        await refuses(db.add("pair", key), "invalid");
        await refuses(db.update("pair", { ...(key as object), n: 1 }), "invalid");
        await refuses(db.incr("pair", { ...(key as object), n: 1 }), "invalid");
      }
      expect(await db.count("pair", { n: 1 }, { scan: true })).toBeLessThanOrEqual(2);
    });

    promise("a key names key columns alone", async ({ db, fresh }) => {
      const id = fresh();
      await db.put("single", { id, n: 1 });
      for (const key of [
        { id, n: 1 },
        { id, nope: 1 },
      ]) {
        await refuses(db.get("single", key), "invalid");
        await refuses(db.del("single", key), "invalid");
      }
      expect(await db.get("single", id)).toEqual({ id, n: 1 });
    });

    promise("key values are of the column's type", async ({ db }) => {
      for (const at of ["1", 1.5, null, new Date(), true]) await refuses(db.get("numbers", { hash: "a", at }), "invalid");
      await refuses(db.get("single", 5), "invalid");
      await refuses(db.get("triple", { first: 1, second: 2, third: new Date() }), "invalid", { column: "second" });
    });

    promise("a text in a key has up to 255 code points, the range parts together up to 1,000 bytes", async ({ db, fresh }) => {
      const hash = fresh();
      const longest = "😀".repeat(250);
      await db.put("pair", { hash, range: longest, n: 1 });
      expect(await db.get("pair", { hash, range: longest })).toMatchObject({ n: 1 });
      const id = "k".repeat(255);
      await db.put("single", { id, n: 2 });
      expect(await db.get("single", id)).toEqual({ id, n: 2 });
      await refuseAll(
        [db.put("single", { id: "k".repeat(256) }), db.get("single", "😀".repeat(256)), db.put("pair", { hash, range: "😀".repeat(251) })],
        "too-large",
      );
    });
  });
}
