// What is computed over rows: exact whatever the engine, by groups whose pages cover each once.

import { expect } from "vitest";

import { compare, everything, filler, groups, over, putSales, rows, tables, total, walkGroups } from "../aggregate-reference.js";
import type { AnyDb, AnyOptions, AnyRow } from "../any-db.js";
import { byCodePoint, refuses } from "../expectations.js";
import { hostileTexts } from "../hostile-texts.js";
import type { Suite } from "../suite.js";

const sizes = [1, 3, 50];

export function aggregates(suite: Suite): void {
  suite.topic("aggregates", { tables }, ({ promise }) => {
    const fill = filler();
    const one = async (db: AnyDb, filter: unknown, options: AnyOptions): Promise<AnyRow> => {
      const page = await db.aggregate("sale", filter, options);
      expect(page.next).toBeUndefined();
      expect(page.rows).toHaveLength(1);
      return page.rows[0]!;
    };

    promise("each group has its rows counted, its numbers added and averaged, its values from first to last", async ({ db }) => {
      await fill(db);
      for (const by of [["place"], ["kind"], ["ok", "kind"], ["place", "ok"]])
        expect([by, (await db.aggregate("sale", { owner: "o" }, { by, ...everything })).rows]).toEqual([by, groups(rows, by)]);
      const { rows: both } = await db.aggregate("sale", {}, { by: ["owner"], count: true, scan: true });
      const counts = both.filter(({ by }) => ["o", "p"].includes((by as AnyRow)["owner"] as string));
      expect(counts).toEqual([
        { by: { owner: "o" }, count: total },
        { by: { owner: "p" }, count: total },
      ]);
    });

    promise("without groups there is one row, over no rows too", async ({ db, fresh }) => {
      await fill(db);
      expect(await one(db, { owner: "o" }, everything)).toEqual(over(rows));
      expect(await one(db, { owner: fresh() }, everything)).toEqual(over([]));
      expect(await one(db, { owner: "o", id: [] }, everything)).toEqual(over([]));
      expect((await db.aggregate("sale", { owner: fresh() }, { by: ["kind"], ...everything })).rows).toEqual([]);
      expect(await one(db, { owner: "o" }, { by: [], count: true, sum: [] })).toEqual({ by: {}, count: total, sum: {} });
    });

    promise("a row has the members that were asked for, and columns of any name", async ({ db, fresh }) => {
      const owner = fresh();
      await db.put("guarded", { owner, id: "1", count: "x", sum: 2 });
      await db.put("guarded", { owner, id: "2", count: "x", sum: 3 });
      const page = await db.aggregate("guarded", { owner }, { by: ["count"], count: true, sum: ["sum"], sort: ["-sum(sum)", "count"] });
      expect(page).toEqual({ rows: [{ by: { count: "x" }, count: 2, sum: { sum: 5 } }] });
    });

    for (const column of ["place", "kind", "stars", "big", "weight", "price", "ok", "at"])
      promise(`by ${column} alone gives its distinct values in order, absence first`, async ({ db }) => {
        await fill(db);
        for (const sort of [column, `-${column}`])
          for (const limit of ["place", "kind", "ok"].includes(column) ? sizes : [8])
            expect([sort, limit, await walkGroups(db, { owner: "o" }, { by: [column], sort }, limit)]).toEqual([
              sort,
              limit,
              groups(rows, [column], [sort]).map(({ by }) => ({ by })),
            ]);
      });

    promise("pages of any size cover each group once, in orders of several columns", async ({ db }) => {
      await fill(db);
      for (const [by, sort] of [
        [["place", "ok"], undefined],
        [
          ["place", "ok"],
          ["ok", "-place"],
        ],
        [["ok", "price"], ["-price"]],
        [
          ["stars", "kind", "at"],
          ["-kind", "at"],
        ],
      ] as const)
        for (const limit of [2, 7]) {
          const asked = { by, count: true, sum: ["stars"], ...(sort === undefined ? {} : { sort }) };
          const expected = groups(rows, by, sort ?? by).map((row) => ({
            by: row["by"],
            count: row["count"],
            sum: { stars: (row["sum"] as AnyRow)["stars"] },
          }));
          expect([by, sort, limit, await walkGroups(db, { owner: "o" }, asked, limit)]).toEqual([by, sort, limit, expected]);
        }
      const backwards = await walkGroups(db, { owner: "o" }, { by: ["place", "ok"], desc: true }, 3);
      expect(backwards).toEqual(groups(rows, ["place", "ok"], ["-place", "-ok"]).map(({ by }) => ({ by })));
    });

    promise("groups are sorted by what is computed of them; pages of any size cover each once", async ({ db }) => {
      await fill(db);
      const computed: readonly (readonly [string, (row: AnyRow) => unknown])[] = [
        ["count()", (row) => row["count"]],
        ["sum(big)", (row) => (row["sum"] as AnyRow)["big"]],
        ["sum(price)", (row) => (row["sum"] as AnyRow)["price"]],
        ["avg(stars)", (row) => (row["avg"] as AnyRow)["stars"]],
        ["avg(price)", (row) => (row["avg"] as AnyRow)["price"]],
        ["max(at)", (row) => (row["max"] as AnyRow)["at"]],
        ["min(place)", (row) => (row["min"] as AnyRow)["place"]],
      ];
      for (const [sort, valueOf] of computed)
        for (const limit of sort === "count()" ? sizes : [4])
          for (const backwards of [false, true]) {
            const compared = sort.includes("price") ? "price" : "";
            const ties = backwards ? ["-place", "-ok"] : ["place", "ok"];
            const expected = groups(rows, ["place", "ok"], ties).sort(
              (a, b) => compare(compared, valueOf(a), valueOf(b)) * (backwards ? -1 : 1),
            );
            const asked = { by: ["place", "ok"], ...everything, sort: `${backwards ? "-" : ""}${sort}` };
            expect([asked.sort, limit, await walkGroups(db, { owner: "o" }, asked, limit)]).toEqual([asked.sort, limit, expected]);
          }
    });

    promise("sums of int64 and decimals are exact, however large", async ({ db, fresh }) => {
      const owner = fresh();
      const most = 2n ** 63n - 1n;
      const large = "9".repeat(34);
      const small = `0.${"0".repeat(29)}1`;
      await putSales(db, owner, [
        { big: most, price: large },
        { big: most, price: large },
        { big: most, price: small },
        { big: 1n, price: "-0.5" },
      ]);
      expect(await one(db, { owner }, { sum: ["big", "price"], avg: ["price"] })).toEqual({
        sum: { big: 3n * most + 1n, price: `${2n * BigInt(large) - 1n}.5${"0".repeat(28)}1` },
        // 34 digits in all, and it has as many before the point.
        avg: { price: `4${"9".repeat(33)}` },
      });
      const negative = fresh();
      await putSales(db, negative, [
        { big: -(2n ** 63n), price: `-${large}` },
        { big: -(2n ** 63n), price: `-${large}` },
        { big: -1n, price: `-${small}` },
      ]);
      expect(await one(db, { owner: negative }, { sum: ["big", "price"] })).toEqual({
        sum: { big: -(2n ** 64n) - 1n, price: `-${2n * BigInt(large)}.${"0".repeat(29)}1` },
      });
      const digits = fresh();
      await putSales(db, digits, [{ price: small }, { price: "1" }, { price: "1" }]);
      expect(await one(db, { owner: digits }, { avg: ["price"] })).toEqual({ avg: { price: `0.${"6".repeat(29)}7` } });
    });

    promise("a sum of integers beyond 2^53 - 1 is refused by name, their average is not", async ({ db, fresh }) => {
      const owner = fresh();
      const most = Number.MAX_SAFE_INTEGER;
      await putSales(db, owner, [
        { stars: most },
        { stars: -most },
        { stars: most },
        { kind: "b", stars: most },
        { kind: "b", stars: most },
      ]);
      await refuses(db.aggregate("sale", { owner }, { sum: ["stars"] }), "too-large", { column: "stars", table: "sale" });
      await refuses(db.aggregate("sale", { owner }, { by: ["kind"], sum: ["stars"] }), "too-large", { column: "stars" });
      expect(await one(db, { owner, kind: null }, { sum: ["stars"] })).toEqual({ sum: { stars: most } });
      expect(await one(db, { owner }, { avg: ["stars"] })).toEqual({ avg: { stars: 5_404_319_552_844_595 } });
    });

    promise("sums and averages of reals do not depend on the order of the rows", async ({ db, fresh }) => {
      const owner = fresh();
      await putSales(
        db,
        owner,
        [1e300, 1, -1e300, 0.1, 2 ** -1074, 1e308, 1e308, -1e308, -1e308].map((weight) => ({ weight })),
      );
      // The average is that of the exact sum, not of the one that was rounded.
      const average = 0.12222222222222222;
      expect(await one(db, { owner }, { sum: ["weight"], avg: ["weight"] })).toEqual({ sum: { weight: 1.1 }, avg: { weight: average } });
      const tenths = fresh();
      await putSales(
        db,
        tenths,
        Array.from({ length: 10 }, () => ({ weight: 0.1 })),
      );
      expect(await one(db, { owner: tenths }, { sum: ["weight"], avg: ["weight"] })).toEqual({ sum: { weight: 1 }, avg: { weight: 0.1 } });
      const large = fresh();
      await putSales(db, large, [{ weight: Number.MAX_VALUE }, { weight: Number.MAX_VALUE }]);
      await refuses(db.aggregate("sale", { owner: large }, { sum: ["weight"] }), "too-large", { column: "weight" });
      expect(await one(db, { owner: large }, { avg: ["weight"] })).toEqual({ avg: { weight: Number.MAX_VALUE } });
    });

    promise("texts that differ in anything are groups of their own", async ({ db, fresh }) => {
      const owner = fresh();
      const long = "x".repeat(5000);
      const texts = [
        ...hostileTexts.filter((text) => text.length < 10_000),
        "a",
        "A",
        "a ",
        "á",
        "a\u0301",
        `${long}a`,
        `${long}b`,
        `${long}b `,
      ];
      const distinct = [...new Set(texts)].sort(byCodePoint);
      await putSales(
        db,
        owner,
        [...distinct, ...distinct].map((kind) => ({ kind })),
      );
      for (const limit of [3, 100])
        expect(await walkGroups(db, { owner }, { by: ["kind"], count: true }, limit)).toEqual(
          distinct.map((kind) => ({ by: { kind }, count: 2 })),
        );
      const ends = { min: { kind: distinct[0] }, max: { kind: distinct.at(-1) } };
      expect(await one(db, { owner }, { min: ["kind"], max: ["kind"] })).toEqual(ends);
    });
  });
}
