// Order and pages: every row once, whatever the page size, the order and what is written meanwhile.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import type { AnyDb, AnyRow } from "../any-db.js";
import { byCodePoint, refuses, valuesOf, walk } from "../expectations.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  thing: {
    owner: { primary: 1 },
    id: { primary: 2 },
    group: { index: 1 },
    rank: { type: "int", index: 2 },
    n: { type: "int" },
    x: { type: "real" },
    price: { type: "decimal" },
    ok: { type: "bool" },
    at: { type: "timestamp" },
    big: { type: "int64" },
    text: {},
    data: { type: "json" },
    tags: { type: "set" },
  },
  flat: { id: { primary: 1 }, n: { type: "int", index: 1 } },
  /** The index is on a part of the key. */
  letter: { from: { primary: 1 }, at: { type: "int", primary: 2 }, to: { primary: 3, index: 1 } },
});

const sizes = [1, 2, 3, 7, 50];
const total = 25;

/** Duplicates and nulls in every column that is sorted by. */
const rows: readonly AnyRow[] = Array.from({ length: total }, (_, i) => ({
  id: `${"zyxwvutsrqponmlkjihgfedcba"[i % 26]!}${i % 3 === 0 ? "😀" : "\uffff"}`,
  group: i % 2 === 0 ? "even" : "odd",
  rank: i % 4 === 0 ? null : i % 3,
  n: i % 5 === 0 ? null : i % 4,
  x: i % 6 === 0 ? null : (i % 3) / 10,
  price: i % 7 === 0 ? null : ["9", "10", "0.5", "-1"][i % 4],
  ok: [null, true, false][i % 3],
  at: i % 4 === 1 ? null : new Date((i % 3) * 1000),
  big: i % 5 === 1 ? null : BigInt(i % 3) * 2n ** 60n,
  text: i % 4 === 2 ? null : ["b", "a", "B", "é", "😀", "\uffff", ""][i % 7],
}));

function compare(column: string, a: unknown, b: unknown): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  if (column === "price") return Number(a) - Number(b);
  if (typeof a === "string") return byCodePoint(a, b as string);
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

/** The ids in the order that a sort promises: ties by the rest of the key, in the direction of the last column. */
function sorted(some: readonly AnyRow[], sort: readonly string[]): unknown[] {
  const columns = sort.map((name) => ({ name: name.replace(/^-/, ""), sign: name.startsWith("-") ? -1 : 1 }));
  if (!columns.some(({ name }) => name === "id")) columns.push({ name: "id", sign: columns.at(-1)?.sign ?? 1 });
  return [...some]
    .sort((a, b) => columns.reduce((result, { name, sign }) => result || compare(name, a[name], b[name]) * sign, 0))
    .map((row) => row["id"]);
}

export function pages(suite: Suite): void {
  suite.topic("pages", { tables }, ({ promise, test }) => {
    let filled: Promise<void> | undefined;
    const fill = (db: AnyDb): Promise<void> =>
      (filled ??= Promise.all(["o", "p"].flatMap((owner) => rows.map((row) => db.put("thing", { owner, ...row })))).then(() => undefined));
    const walkIds = async (db: AnyDb, filter: object, options: object, count: number): Promise<unknown[]> => {
      const all = await walk(db, "thing", filter, { ...options, count });
      for (const { rows: page, next } of all) {
        if (next !== undefined) expect(page).toHaveLength(count);
        expect(page.length).toBeLessThanOrEqual(count);
      }
      return all.flatMap((page) => valuesOf(page.rows, "id"));
    };

    promise(
      "a consistent read sees every acknowledged write, or is unsupported where the engine cannot",
      async ({ db, capabilities, fresh }) => {
        const { sees, access } = capabilities;
        const owner = fresh();
        const group = fresh();
        const byIndex = access === "any" ? sees.select : sees.index;
        for (let n = 0; n < 5; n++) {
          await db.put("thing", { owner, id: `${n}`, group, n });
          const key = { owner, id: `${n}` };
          const one = { select: ["n"], consistent: true };
          const reads: readonly (readonly [string, () => Promise<unknown>, unknown])[] = [
            [sees.get, () => db.get("thing", key, one), { n }],
            [sees.get, () => db.list("thing", [key], one), [{ n }]],
            [sees.select, async () => (await db.select("thing", { owner }, { ...one, desc: true, count: 1 })).rows, [{ n }]],
            [sees.select, () => db.count("thing", { owner }, { consistent: true }), n + 1],
            [sees.select, async () => (await db.aggregate("thing", { owner }, { max: ["n"], consistent: true })).rows, [{ max: { n } }]],
            [byIndex, async () => valuesOf((await db.select("thing", { group }, { sort: "-rank", ...one })).rows, "n").length, n + 1],
            [byIndex, () => db.count("thing", { group }, { consistent: true }), n + 1],
          ];
          for (const [seen, read, expected] of reads)
            if (seen === "late") await refuses(read(), "unsupported");
            else expect(await read()).toEqual(expected);
        }
      },
    );

    promise("a partition comes in range-key order, backwards with desc", async ({ db }) => {
      await fill(db);
      for (const count of sizes) {
        expect(await walkIds(db, { owner: "o" }, {}, count)).toEqual(sorted(rows, ["id"]));
        expect(await walkIds(db, { owner: "o" }, { desc: true }, count)).toEqual(sorted(rows, ["-id"]));
        expect(await walkIds(db, { owner: "o" }, { sort: "-id" }, count)).toEqual(sorted(rows, ["-id"]));
        expect(await walkIds(db, { owner: "o", id: { $ge: "f", $lt: "t" } }, { sort: "-id" }, count)).toEqual(
          sorted(
            rows.filter((row) => byCodePoint(row["id"] as string, "f") >= 0 && byCodePoint(row["id"] as string, "t") < 0),
            ["-id"],
          ),
        );
      }
    });

    promise("an index on a part of the key gives each row once, in pages of any size", async ({ db, fresh }) => {
      const [to, other] = [fresh(), fresh()];
      const froms = [fresh(), fresh(), fresh()];
      const letters = froms.flatMap((from) => [1, 2, 3].map((at) => ({ from, at, to })));
      await Promise.all([...letters, ...letters.map((letter) => ({ ...letter, to: other }))].map((letter) => db.put("letter", letter)));
      const text = ({ from, at }: AnyRow): string => `${String(from)} ${String(at)}`;
      for (const count of [1, 2, 4, 50]) {
        const found = (await walk(db, "letter", { to }, { count })).flatMap((page) => page.rows);
        expect(found.map(text).sort()).toEqual(letters.map(text).sort());
      }
      const scanned: string[] = [];
      for await (const row of db.scan("letter", { to }, { count: 2 })) scanned.push(text(row));
      expect(scanned.sort()).toEqual(letters.map(text).sort());
    });

    for (const column of ["rank", "n", "x", "price", "ok", "at", "big", "text", "group"])
      promise(`sorted by ${column}, duplicates and nulls included, pages of any size cover each row once`, async ({ db }) => {
        await fill(db);
        for (const count of sizes)
          for (const sort of [column, `-${column}`])
            expect([sort, count, await walkIds(db, { owner: "o" }, { sort }, count)]).toEqual([sort, count, sorted(rows, [sort])]);
      });

    promise("sorted by several columns, in mixed directions", async ({ db }) => {
      await fill(db);
      for (const sort of [
        ["group", "rank"],
        ["-group", "rank"],
        ["n", "-text"],
        ["ok", "-n", "x"],
        ["-rank", "id"],
        ["-ok", "-id"],
      ])
        for (const count of sizes)
          expect([sort, count, await walkIds(db, { owner: "o" }, { sort }, count)]).toEqual([sort, count, sorted(rows, sort)]);
      expect(await walkIds(db, { owner: "o" }, { sort: ["group", "-rank"], desc: true }, 7)).toEqual(sorted(rows, ["-group", "rank"]));
    });

    promise("filters of every kind keep pages full", async ({ db }) => {
      await fill(db);
      const cases: readonly (readonly [object, (row: AnyRow) => boolean])[] = [
        [{ ok: true }, (row) => row["ok"] === true],
        [{ text: { $contains: "a" } }, (row) => (row["text"] as string | null)?.includes("a") ?? false],
        [{ text: { $ilike: "B" } }, (row) => ["b", "B"].includes(row["text"] as string)],
        [{ $or: { ok: true, n: null } }, (row) => row["ok"] === true || row["n"] === null],
        [{ n: { $ne: 1 }, group: "odd" }, (row) => row["n"] !== null && row["n"] !== 1 && row["group"] === "odd"],
      ];
      for (const [filter, holds] of cases)
        for (const count of sizes)
          for (const sort of ["id", "-n"])
            expect([filter, count, await walkIds(db, { owner: "o", ...filter }, { sort }, count)]).toEqual([
              filter,
              count,
              sorted(rows.filter(holds), [sort]),
            ]);
    });

    promise("an index gives its rows in its own order, pages cover each once", async ({ db }) => {
      await fill(db);
      for (const count of sizes)
        for (const sort of [["rank"], ["-rank"]]) {
          const all = await walk(db, "thing", { group: "even" }, { sort, count });
          const got = all.flatMap((page) => page.rows.map((row) => [row["rank"], row["owner"], row["id"]]));
          const sign = sort[0] === "rank" ? 1 : -1;
          const expected = ["o", "p"]
            .flatMap((owner) => rows.filter((row) => row["group"] === "even").map((row) => [row["rank"], owner, row["id"]]))
            .sort((a, b) => sign * (compare("rank", a[0], b[0]) || compare("owner", a[1], b[1]) || compare("id", a[2], b[2])));
          expect(got).toEqual(expected);
        }
    });

    promise("a whole table is walked in an order that stays the same from page to page", async ({ db }) => {
      await Promise.all(rows.map((_row, i) => db.put("flat", { id: `k${i}`, n: i % 3 })));
      const expected = rows.map((_row, i) => `k${i}`).sort();
      for (const count of sizes) {
        const all = await walk(db, "flat", {}, { count });
        expect(all.flatMap((page) => valuesOf(page.rows, "id")).sort()).toEqual(expected);
        const scanned = await walk(db, "flat", { n: { $ge: 1 } }, { count, scan: true });
        expect(scanned.flatMap((page) => page.rows)).toHaveLength(16);
      }
    });

    promise("next is there exactly when one more row is", async ({ db, fresh }) => {
      const owner = fresh();
      for (let i = 0; i < 6; i++) await db.put("thing", { owner, id: `k${i}` });
      expect(await db.select("thing", { owner }, { count: 6 })).not.toHaveProperty("next");
      expect((await db.select("thing", { owner }, { count: 5 })).next).toEqual(expect.stringMatching(/^[\w-]+$/));
      const { next } = await db.select("thing", { owner }, { count: 3 });
      const last = await db.select("thing", { owner }, { count: 3, start: next });
      expect(valuesOf(last.rows, "id")).toEqual(["k3", "k4", "k5"]);
      expect(last).not.toHaveProperty("next");
      expect(await db.select("thing", { owner: fresh() })).toEqual({ rows: [] });
      expect(await db.select("thing", { owner, ok: true }, { count: 1 })).toEqual({ rows: [] });
    });

    promise("a page has 50 rows unless told otherwise, at most 10,000", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(Array.from({ length: 60 }, (_, i) => ({ op: "put", table: "thing", row: { owner, id: String(i).padStart(3, "0") } })));
      const first = await db.select("thing", { owner });
      expect(first.rows).toHaveLength(50);
      expect((await db.select("thing", { owner }, { start: first.next })).rows).toHaveLength(10);
      expect((await db.select("thing", { owner }, { count: 10_000 })).rows).toHaveLength(60);
      for (const count of [0, -1, 1.5, 10_001, "5", Number.NaN, null]) await refuses(db.select("thing", { owner }, { count }), "invalid");
    });

    promise("a token goes on with another count and in another Db on the same store", async ({ db, open }) => {
      await fill(db);
      const other = await open();
      const first = await db.select("thing", { owner: "o" }, { sort: "-n", count: 4 });
      const second = await other.select("thing", { owner: "o" }, { sort: "-n", count: 9, start: first.next });
      const third = await db.select("thing", { owner: "o" }, { sort: "-n", count: 50, start: second.next });
      expect([first, second, third].flatMap((page) => valuesOf(page.rows, "id"))).toEqual(sorted(rows, ["-n"]));
    });

    promise("a forged, damaged or foreign token is invalid", async ({ db }) => {
      await fill(db);
      const { next } = await db.select("thing", { owner: "o" }, { sort: "n", count: 4 });
      const changed = next!.slice(0, -1) + (next!.endsWith("A") ? "B" : "A");
      for (const start of ["", "x", "AAAA", `${next}A`, changed, next!.slice(1), next!.slice(0, -4), `${next}=`, ` ${next}`, 5, {}, null])
        await refuses(db.select("thing", { owner: "o" }, { sort: "n", start }), "invalid");
      await refuses(db.select("thing", { owner: "p" }, { sort: "n", start: next }), "invalid");
      await refuses(db.select("thing", { owner: "o" }, { sort: "-n", start: next }), "invalid");
      await refuses(db.select("thing", { owner: "o" }, { start: next }), "invalid");
      await refuses(db.select("thing", { owner: "o", ok: true }, { sort: "n", start: next }), "invalid");
      await refuses(db.select("flat", {}, { start: next }), "invalid");
    });

    promise("with a tokenKey tokens are sealed: they show nothing, and another key does not read them", async ({ db, open, fresh }) => {
      const owner = `secret-${fresh()}`;
      for (let i = 0; i < 3; i++) await db.put("thing", { owner, id: `visible-${i}`, text: `private-${i}` });
      const sealed = await open({ tokenKey: "0123456789abcdef" });
      const { next } = await sealed.select("thing", { owner }, { sort: "text", count: 1 });
      expect(atob(next!.replaceAll("-", "+").replaceAll("_", "/"))).not.toMatch(/visible|private|secret/);
      expect((await sealed.select("thing", { owner }, { sort: "text", start: next })).rows).toHaveLength(2);
      const other = await open({ tokenKey: "another key, as long" });
      await refuses(other.select("thing", { owner }, { sort: "text", start: next }), "invalid");
      await refuses(db.select("thing", { owner }, { sort: "text", start: next }), "invalid");
    });

    promise("rows written or deleted during a walk neither repeat nor hide a row that stayed", async ({ db, fresh }) => {
      for (const sort of ["id", "-n"]) {
        const owner = fresh();
        const stay = Array.from({ length: 30 }, (_, i) => `s${String(i).padStart(2, "0")}`);
        await Promise.all(
          stay.flatMap((id, i) => [db.put("thing", { owner, id, n: i % 4 }), db.put("thing", { owner, id: `${id}-gone`, n: i % 4 })]),
        );
        const seen: unknown[] = [];
        let start: string | undefined;
        let step = 0;
        do {
          const page = await db.select("thing", { owner }, { sort, count: 7, ...(start === undefined ? {} : { start }) });
          seen.push(...valuesOf(page.rows, "id"));
          // The row at the token goes away as well.
          const last = page.rows.at(-1)!["id"] as string;
          if (last.endsWith("-gone")) await db.del("thing", { owner, id: last });
          await db.del("thing", { owner, id: `${stay[(step * 7) % 30]!}-gone` });
          await db.put("thing", { owner, id: `s${String(step).padStart(2, "0")}-new`, n: step % 4 });
          start = page.next;
          step++;
        } while (start !== undefined && step < 100);
        expect(new Set(seen).size).toBe(seen.length);
        expect(stay.filter((id) => !seen.includes(id))).toEqual([]);
      }
    });

    promise("what has no order is no sort", async ({ db }) => {
      for (const sort of ["data", "tags", "nope", "", "-", 5, ["n", "n"], ["n", "-n"], {}, "n desc", "n; drop table thing"])
        await refuses(db.select("thing", { owner: "o" }, { sort }), "invalid");
      await refuses(db.select("thing", { owner: "o" }, { sort: "n", desc: "yes" }), "invalid");
    });

    promise("a sort beyond sortLimit is done by the engine or refused, never page by page", async ({ open, fresh, db }) => {
      const owner = fresh();
      await Promise.all(rows.map((row) => db.put("thing", { owner, ...row })));
      const limited = await open({ sortLimit: 10 });
      const outcome = await limited.select("thing", { owner }, { sort: "x", count: 5 }).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: "unsupported", outcome: "none" });
      else expect(valuesOf((outcome as { rows: AnyRow[] }).rows, "id")).toEqual(sorted(rows, ["x"]).slice(0, 5));
      expect(valuesOf((await limited.select("thing", { owner, ok: true }, { sort: "x" })).rows, "id")).toEqual(
        sorted(
          rows.filter((row) => row["ok"] === true),
          ["x"],
        ),
      );
    });

    promise("large rows are filtered, sorted, counted, scanned and changed as small ones are", async ({ db, fresh }) => {
      const owner = fresh();
      const large = Array.from({ length: 60 }, (_, i) => ({
        id: String(i).padStart(2, "0"),
        n: (i * 7) % 60,
        text: `${i % 3}${"x".repeat(100_000)}`,
      }));
      for (const row of large) await db.put("thing", { owner, ...row });
      const ids = (some: readonly AnyRow[]): unknown[] => valuesOf(some, "id");
      const every = large.filter(({ text }) => text.startsWith("1"));
      const like = { owner, text: { $like: "1%x" } };
      expect(ids((await walk(db, "thing", like, { count: 7 })).flatMap((page) => page.rows))).toEqual(ids(every));
      expect(ids((await walk(db, "thing", { owner }, { sort: "-n", count: 25 })).flatMap((page) => page.rows))).toEqual(
        ids(large.toSorted((a, b) => b.n - a.n)),
      );
      expect(await db.count("thing", like)).toBe(every.length);
      const scanned: AnyRow[] = [];
      for await (const row of db.scan("thing", { owner })) scanned.push(row);
      expect(scanned.map(({ id, text }) => [id, text])).toEqual(large.map(({ id, text }) => [id, text]));
      expect(await db.updateAll("thing", like, { n: 99 })).toEqual({ affected: every.length });
      expect(ids((await db.select("thing", { owner, n: 99 })).rows)).toEqual(ids(every));
      expect(await db.delAll("thing", { owner })).toEqual({ affected: large.length });
    });

    test("a page far down costs no other result than the first", async ({ db, fresh }) => {
      const owner = fresh();
      await db.bulk(
        Array.from({ length: 230 }, (_, i) => ({ op: "put", table: "thing", row: { owner, id: String(i).padStart(4, "0"), n: i % 2 } })),
      );
      for (const options of [{ count: 100 }, { count: 100, sort: "n" }, { count: 115, sort: "-n" }]) {
        const all = await walk(db, "thing", { owner }, options);
        expect(new Set(all.flatMap((page) => valuesOf(page.rows, "id"))).size).toBe(230);
      }
    });

    promise("a list of partitions, or of values of an index, is no scan, and its pages cover each row once", async ({ db, fresh }) => {
      const owners = [fresh(), fresh(), fresh()].sort();
      const items = owners.flatMap((owner, o) =>
        rows.map((row) => ({ op: "put", table: "thing", row: { ...row, owner, group: `${owners[0]}${o}` } })),
      );
      await db.bulk(items);
      const two = { owner: [owners[2], owners[0], owners[2]], ok: { $not_null: true } };
      const wanted = rows.filter((row) => row["ok"] !== null).length * 2;
      expect(await db.count("thing", two)).toBe(wanted);
      for (const sort of [["owner", "id"], ["-owner", "-id"], ["text"]]) {
        for (const count of [1, 7, 50]) {
          const found = (await walk(db, "thing", two, { sort, count })).flatMap((page) => page.rows);
          expect(new Set(found.map((row) => `${String(row["owner"])} ${String(row["id"])}`)).size).toBe(wanted);
          expect(found).toHaveLength(wanted);
          if (sort[0] === "owner") expect(valuesOf(found, "owner")).toEqual(valuesOf(found, "owner").toSorted());
        }
      }
      const unsorted = (await walk(db, "thing", { owner: owners }, { count: 8 })).flatMap((page) => page.rows);
      expect(unsorted).toHaveLength(3 * total);
      const byGroup = await walk(db, "thing", { group: [`${owners[0]}0`, `${owners[0]}2`] }, { count: 9, sort: ["group", "rank"] });
      expect(byGroup.flatMap((page) => page.rows)).toHaveLength(2 * total);
      expect(await db.updateAll("thing", { owner: [owners[0], owners[1]] }, { n: 5 })).toEqual({ affected: 2 * total });
      expect(await db.delAll("thing", { owner: owners })).toEqual({ affected: 3 * total });
    });
  });
}
