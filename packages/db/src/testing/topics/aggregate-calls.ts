// Aggregates as calls: filters, the scan rule, what is refused, page tokens, transactions, hooks.

import { expect } from "vitest";

import { everything, filler, groups, putSales, rows, tables, walkGroups } from "../aggregate-reference.js";
import type { AnyOptions, AnyRow } from "../any-db.js";
import { refuseAll, refuses, walkPages } from "../expectations.js";
import type { Suite } from "../suite.js";

export function aggregateCalls(suite: Suite): void {
  suite.topic("aggregate calls", { tables }, ({ promise }) => {
    const fill = filler();
    promise("filters of every kind decide which rows are computed over", async ({ db }) => {
      await fill(db);
      const cases: readonly (readonly [object, AnyOptions, (row: AnyRow) => boolean])[] = [
        [{ ok: true }, {}, (row) => row["ok"] === true],
        [{ place: { $ilike: "ROME" } }, {}, (row) => ["Rome", "rome"].includes(row["place"] as string)],
        [{ $or: { ok: true, stars: null } }, {}, (row) => row["ok"] === true || row["stars"] === null],
        [{ id: 20 }, { ops: { id: "ge" } }, (row) => (row["id"] as number) >= 20],
        [{ price: { $gt: "0" }, big: { $null: false } }, {}, (row) => Number(row["price"] ?? 0) > 0 && row["big"] !== null],
      ];
      for (const [filter, options, holds] of cases)
        for (const by of [["kind"], ["place", "ok"]]) {
          const asked = { by, ...everything, ...options };
          expect([filter, await walkGroups(db, { owner: "o", ...filter }, asked, 4)]).toEqual([filter, groups(rows.filter(holds), by)]);
        }
      const inIndex = groups(
        rows.filter((row) => row["place"] === "Rome"),
        ["kind"],
      ).map(({ by, count }) => ({ by, count: 2 * (count as number) }));
      const { rows: found } = await db.aggregate(
        "sale",
        { place: "Rome", owner: ["o", "p"] },
        { by: ["kind"], count: true, consistent: false },
      );
      expect(found).toEqual(inIndex);
    });

    promise("rows are computed over by what other tables say of them", async ({ db, fresh }) => {
      const town = fresh();
      const shops = [`${town}a`, `${town}b`];
      await Promise.all(shops.map((id) => db.put("shop", { id, town })));
      await Promise.all(shops.flatMap((shop, i) => [1, 2, 3].map((id) => db.put("receipt", { shop, id, sum: id + 10 * i }))));
      const filter = { shop: { $ref: { town } } };
      expect((await db.aggregate("receipt", filter, { by: ["shop"], count: true, sum: ["sum"], sort: "-sum(sum)" })).rows).toEqual([
        { by: { shop: shops[1] }, count: 3, sum: { sum: 36 } },
        { by: { shop: shops[0] }, count: 3, sum: { sum: 6 } },
      ]);
      expect((await db.aggregate("receipt", filter, { sum: ["sum"] })).rows).toEqual([{ sum: { sum: 42 } }]);
      expect(await walkPages((own) => db.aggregate("receipt", filter, own), { by: ["shop"], limit: 1 })).toMatchObject([
        { rows: [{ by: { shop: shops[0] } }] },
        { rows: [{ by: { shop: shops[1] } }] },
      ]);
    });

    promise("a filter that no key or index serves is refused where rows are read, unless scan says so", async ({ db, capabilities }) => {
      await fill(db);
      const asked = { by: ["stars"], count: true, limit: 100 };
      const filter = { kind: "b", owner: { $between: ["o", "o"] } };
      const expected = groups(
        rows.filter((row) => row["kind"] === "b"),
        ["stars"],
      ).map(({ by, count }) => ({ by, count }));
      expect((await db.aggregate("sale", filter, { ...asked, scan: true })).rows).toEqual(expected);
      if (capabilities.access === "any") expect((await db.aggregate("sale", filter, asked)).rows).toEqual(expected);
      else await refuseAll([db.aggregate("sale", { kind: "b" }, asked), db.aggregate("sale", {}, { count: true })], "scan-refused");
    });

    promise("what cannot be computed is refused, naming the column or option", async ({ db }) => {
      const wrong: readonly (readonly [AnyOptions, AnyRow])[] = [
        [{}, {}],
        [{ count: false, sum: [] }, {}],
        [{ count: 20 }, {}],
        [{ by: "kind" }, {}],
        [{ by: ["kind", 1] }, {}],
        [{ by: ["kin"] }, { column: "kin" }],
        [{ by: ["tags"] }, { column: "tags" }],
        [{ by: ["data"] }, { column: "data" }],
        [{ by: ["kind", "kind"] }, { column: "kind" }],
        [{ sum: ["kind"] }, { column: "kind" }],
        [{ avg: ["at"] }, { column: "at" }],
        [{ sum: ["ok"] }, { column: "ok" }],
        [{ min: ["data"] }, { column: "data" }],
        [{ max: ["nope"] }, { column: "nope" }],
        [{ by: ["kind"], sort: "place" }, { column: "place" }],
        [{ by: ["kind"], sort: "count()" }, {}],
        [{ by: ["kind"], sum: ["stars"], sort: "avg(stars)" }, { column: "stars" }],
        [{ by: ["kind"], sort: ["kind", "-kind"] }, {}],
        [{ by: ["kind"], sort: "median(stars)" }, {}],
        [{ by: ["kind"], limit: 0 }, {}],
        [{ by: ["kind"], limit: 10_001 }, {}],
        [{ by: ["kind"], select: ["kind"] }, {}],
        [{ count: true, sort: "kind" }, {}],
        [{ count: true, start: "x" }, {}],
        [{ by: ["kind"], start: "x" }, {}],
      ];
      for (const [options, members] of wrong)
        await refuses(db.aggregate("sale", { owner: "o" }, options), "invalid", { table: "sale", outcome: "none", ...members });
      await refuses(db.aggregate("sale", { nope: 1 }, { count: true }), "invalid", { column: "nope" });
      await refuses(db.aggregate("nope", {}, { count: true }), "invalid");
    });

    promise("a page token goes on with the call that gave it, and with no other", async ({ db, open }) => {
      await fill(db);
      const other = await open();
      for (const sort of [{}, { sort: "-count()" }, { sort: "-sum(big)" }]) {
        const asked = { by: ["place"], count: true, sum: ["big"], limit: 2, ...sort };
        const { rows: first, next } = await db.aggregate("sale", { owner: "o" }, asked);
        const rest = await other.aggregate("sale", { owner: "o" }, { ...asked, limit: 50, start: next });
        const { rows: whole } = await db.aggregate("sale", { owner: "o" }, { ...asked, limit: 50 });
        expect([...first, ...rest.rows]).toEqual(whole);
        const { next: ofSelect } = await db.select("sale", { owner: "o" }, { count: 2 });
        await refuseAll(
          [
            db.aggregate("sale", { owner: "p" }, { ...asked, start: next }),
            db.aggregate("sale", { owner: "o" }, { ...asked, by: ["kind"], start: next }),
            db.aggregate("sale", { owner: "o" }, { ...asked, by: ["place", "kind"], start: next }),
            db.aggregate("sale", { owner: "o" }, { ...asked, desc: true, start: next }),
            db.scope({ sale: {} }, { tokensOf: "x" }).aggregate("sale", { owner: "o" }, { ...asked, start: next }),
            db.aggregate("sale", { owner: "o" }, { ...asked, start: ofSelect }),
            db.aggregate("sale", { owner: "o" }, { ...asked, start: `A${next}` }),
            db.select("sale", { owner: "o" }, { start: next }),
          ],
          "invalid",
        );
      }
    });

    promise("rows that are written meanwhile neither repeat nor lose a group", async ({ db, fresh }) => {
      const owner = fresh();
      await putSales(
        db,
        owner,
        ["b", "d", "f", "h"].map((kind) => ({ kind })),
      );
      const asked = { by: ["kind"], count: true, limit: 2 };
      const first = await db.aggregate("sale", { owner }, asked);
      await Promise.all(["a", "b", "c", "e", "f"].map((kind, i) => db.put("sale", { owner, id: 100 + i, kind })));
      await db.del("sale", { owner, id: 1 });
      const rest = await walkGroups(db, { owner }, { ...asked, start: first.next }, 50);
      expect([...first.rows, ...rest]).toEqual([
        { by: { kind: "b" }, count: 1 },
        { by: { kind: "d" }, count: 1 },
        { by: { kind: "e" }, count: 1 },
        { by: { kind: "f" }, count: 2 },
        { by: { kind: "h" }, count: 1 },
      ]);
    });

    promise("of many groups a page has the first ones, and more than sortLimit are not ranked", async ({ db, open, fresh }) => {
      const owner = fresh();
      const many = 60;
      const items = Array.from({ length: many }, (_, i) => ({
        op: "put",
        table: "sale",
        row: { owner, id: i, stars: (i * 7) % many, weight: 1 },
      }));
      const results = await db.bulk(items);
      expect(results.filter((result) => "error" in result)).toEqual([]);
      // A sum of reals is folded everywhere.
      for (const sum of [["id"], ["weight"]]) {
        const asked = { by: ["stars"], sum, limit: 2 };
        const { rows: first, next } = await db.aggregate("sale", { owner }, asked);
        const { rows: second } = await db.aggregate("sale", { owner }, { ...asked, start: next });
        const { rows: last } = await db.aggregate("sale", { owner }, { ...asked, desc: true });
        const stars = [...first, ...second, ...last].map(({ by }) => (by as AnyRow)["stars"]);
        expect(stars).toEqual([0, 1, 2, 3, many - 1, many - 2]);
      }
      const limited = await open({ sortLimit: many - 1 });
      await refuses(limited.aggregate("sale", { owner }, { by: ["stars"], count: true, sort: "-count()" }), "unsupported", {
        detail: { capability: "sorts" },
      });
      const ranked = await db.aggregate("sale", { owner }, { by: ["stars"], sum: ["id"], sort: "-sum(id)", limit: 1 });
      expect(ranked.rows).toEqual([{ by: { stars: ((many - 1) * 7) % many }, sum: { id: many - 1 } }]);
    });

    promise("expired rows have no part", async ({ db, open, fresh }) => {
      const owner = fresh();
      const now = Date.now();
      await Promise.all([1, 2, 3].map((n) => db.put("lasting", { owner, id: n, n, expires: n === 3 ? now - 1000 : now + 3_600_000 })));
      const db2 = await open();
      for (const own of [db, db2])
        expect((await own.aggregate("lasting", { owner }, { count: true, sum: ["n"], max: ["id"] })).rows).toEqual([
          { count: 2, sum: { n: 3 }, max: { id: 2 } },
        ]);
    });

    promise("in a transaction its own writes are computed over, or the call is unsupported", async ({ db, capabilities, fresh }) => {
      if (capabilities.transactions === "none") return;
      const owner = fresh();
      await putSales(db, owner, [{ kind: "a", stars: 1, weight: 1 }]);
      const work = db.transaction(async (tx) => {
        await tx.put("sale", { owner, id: 7, kind: "b", stars: 2, weight: 2 });
        const native = await tx.aggregate("sale", { owner }, { by: ["kind"], count: true, sum: ["stars"] });
        const folded = await tx.aggregate("sale", { owner }, { by: ["kind"], sum: ["weight"], sort: "-sum(weight)" });
        return [native.rows, folded.rows];
      });
      if (capabilities.transactions === "batch") return refuses(work, "unsupported");
      expect(await work).toEqual([
        [
          { by: { kind: "a" }, count: 1, sum: { stars: 1 } },
          { by: { kind: "b" }, count: 1, sum: { stars: 2 } },
        ],
        [
          { by: { kind: "b" }, sum: { weight: 2 } },
          { by: { kind: "a" }, sum: { weight: 1 } },
        ],
      ]);
    });

    promise("it has hooks, a plan, time limits and an end, and takes its options when it is made", async ({ db, open, fresh }) => {
      const hooked = await open();
      const seen: unknown[] = [];
      hooked.hook("sale", "before:aggregate", (call) => void seen.push(call));
      hooked.hook("sale", "after:aggregate", (_call, result) => void seen.push(result));
      const owner = fresh();
      await putSales(hooked, owner, [{ kind: "a" }, { kind: "b" }]);
      const by = ["kind"];
      const running = hooked.aggregate("sale", { owner }, { by, count: true, timeoutMs: 60_000 });
      by[0] = "nope";
      const page = await running;
      expect(page.rows).toEqual([
        { by: { kind: "a" }, count: 1 },
        { by: { kind: "b" }, count: 1 },
      ]);
      expect(seen).toMatchObject([{ verb: "aggregate", table: "sale", filter: { owner }, options: { count: true } }, page]);
      expect(await db.explain("aggregate", "sale", { owner }, { by: ["kind"], count: true })).toMatchObject({ plan: { table: "sale" } });
      await refuses(db.aggregate("sale", { owner }, { count: true, signal: AbortSignal.abort() }), "cancelled", { outcome: "none" });
      await hooked.close();
      await refuses(hooked.aggregate("sale", { owner }, { count: true }), "closed");
    });
  });
}
