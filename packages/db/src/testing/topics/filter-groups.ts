// Groups, ranges, indexes and lists in filters, and what no filter can mean.

import { expect } from "vitest";

import type { AnyRow } from "../any-db.js";
import { refuses } from "../expectations.js";
import type { Suite } from "../suite.js";
import { finder, matching, numbers, rows, tables, texts } from "./filter-rows.js";

export function filterGroups(suite: Suite): void {
  suite.topic("filter groups", { tables }, ({ promise, test }) => {
    const found = finder();

    promise("contains finds an element of a list or set", async ({ db }) => {
      for (const element of ["a", "ab", "zz", ""]) {
        const has = (value: string[]): boolean => value.includes(element);
        expect(await found(db, { tags: { $contains: element } })).toEqual(matching("tags", has));
        expect(await found(db, { tags: { $not_contains: element } })).toEqual(matching("tags", (value: string[]) => !has(value)));
      }
      for (const element of [5, -100, 77])
        expect(await found(db, { codes: { $contains: element } })).toEqual(matching("codes", (value: number[]) => value.includes(element)));
      await refuses(db.select("thing", { owner: "o", tags: { $contains: 5 } }), "invalid", { column: "tags" });
      await refuses(db.select("thing", { owner: "o", codes: { $contains: "5" } }), "invalid", { column: "codes" });
    });

    promise("groups: or, and, not, in every nesting", async ({ db }) => {
      const cases: readonly (readonly [object, (row: AnyRow) => boolean])[] = [
        [{ $or: { text: "a", n: 5 } }, (r) => r["text"] === "a" || r["n"] === 5],
        [{ $or: [{ text: "a" }, { n: 5, ok: true }] }, (r) => r["text"] === "a" || (r["n"] === 5 && r["ok"] === true)],
        [{ $and: [{ ok: true }, { $or: { n: 0, x: 1 } }] }, (r) => r["ok"] === true && (r["n"] === 0 || r["x"] === 1)],
        [{ $not: { n: 5 } }, (r) => r["n"] !== null && r["n"] !== 5],
        [{ $not: [{ n: 5 }, { ok: true }] }, (r) => (r["n"] !== null && r["n"] !== 5) || (r["ok"] !== null && r["ok"] !== true)],
        [{ $not: { $or: { n: 5, ok: true } } }, (r) => r["n"] !== null && r["n"] !== 5 && r["ok"] === false],
        [{ $not: { $not: { n: 5 } } }, (r) => r["n"] === 5],
        [
          { $or: { n: { $gt: 5, $lt: 100 }, text: { $in: [] } } },
          (r) => r["n"] !== null && (r["n"] as number) > 5 && (r["n"] as number) < 100,
        ],
        [
          { $or: [{ tags: { $contains: "ab" } }, { data: null }] },
          (r) => ((r["tags"] as string[] | null)?.includes("ab") ?? false) || r["data"] === null,
        ],
        [{ $or: { n: null, ok: null }, x: { $not_null: true } }, (r) => (r["n"] === null || r["ok"] === null) && r["x"] !== null],
        [{ $or: { n: 0 }, $or1: { ok: true } }, (r) => r["n"] === 0 && r["ok"] === true],
        [{ $or: [{ id: 3 }, { id: { $ge: 18 } }] }, (r) => r["id"] === 3 || (r["id"] as number) >= 18],
      ];
      for (const [filter, holds] of cases)
        expect([filter, await found(db, filter)]).toEqual([filter, rows.filter(holds).map((row) => row["id"])]);
    });

    promise("conditions on the range key narrow and never widen", async ({ db }) => {
      const cases: readonly (readonly [object, (id: number) => boolean])[] = [
        [{ id: 3 }, (id) => id === 3],
        [{ id: { $gt: 3 } }, (id) => id > 3],
        [{ id: { $gt: 3, $lt: 9 } }, (id) => id > 3 && id < 9],
        [{ id: { $ge: 3, $le: 9, $ne: 5 } }, (id) => id >= 3 && id <= 9 && id !== 5],
        [{ id: { $ge: 3, $gt: 5 } }, (id) => id > 5],
        [{ id: { $gt: 3, $ge: 1, $le: 8, $lt: 8 } }, (id) => id > 3 && id < 8],
        [{ id: { $between: [5, 7], $gt: 5 } }, (id) => id > 5 && id <= 7],
        [{ id: { $lt: 0 } }, () => false],
        [{ id: { $gt: 9, $lt: 3 } }, () => false],
        [{ id: { $in: [1, 5, 100] } }, (id) => id === 1 || id === 5],
        [{ id: { $eq: 3, $ne: 3 } }, () => false],
        [{ id: { $eq: 3, $lt: 2 } }, () => false],
        [{ id: { $ne: 4 } }, (id) => id !== 4],
      ];
      for (const [filter, holds] of cases)
        expect([filter, await found(db, filter)]).toEqual([filter, rows.map((row) => row["id"] as number).filter(holds)]);
    });

    promise("an index serves equality and ranges of its columns", async ({ db }) => {
      await found(db, {});
      const of = async (filter: object): Promise<string[]> => {
        const { rows: some } = await db.select("thing", filter, { count: 1000, scan: true });
        return some.map((row) => `${row["owner"] as string}${row["id"] as number}`).sort();
      };
      const expected = (column: string, holds: (value: never) => boolean): string[] =>
        ["o", "p"].flatMap((owner) => matching(column, holds).map((id) => owner + id)).sort();
      for (const text of texts) expect([text, await of({ text })]).toEqual([text, expected("text", (value) => value === text)]);
      for (const n of numbers) expect(await of({ n })).toEqual(expected("n", (value) => value === n));
      expect(await of({ n: { $ge: 5 } })).toEqual(expected("n", (value) => value >= 5));
      expect(await of({ n: { $gt: -1, $lt: 9 }, ok: true })).toEqual(
        ["o", "p"]
          .flatMap((owner) =>
            rows
              .filter((r) => r["n"] !== null && (r["n"] as number) > -1 && (r["n"] as number) < 9 && r["ok"] === true)
              .map((r) => `${owner}${r["id"] as number}`),
          )
          .sort(),
      );
      expect(await of({ text: { $begins_with: "a" } })).toEqual(expected("text", (value: string) => value.startsWith("a")));
      expect(await of({ text: { $begins_with: "\uffff" } })).toEqual(expected("text", (value: string) => value.startsWith("\uffff")));
    });

    promise("ops give plain values their operators", async ({ db }) => {
      expect(await found(db, { n: 5 }, { ops: { n: "ge" } })).toEqual(matching("n", (value) => value >= 5));
      expect(await found(db, { text: "a" }, { ops: { text: "begins_with" } })).toEqual(
        matching("text", (value: string) => value.startsWith("a")),
      );
      expect(await found(db, { n: [0, 5] }, { ops: { n: "not in" } })).toEqual(matching("n", (value) => value !== 0 && value !== 5));
      expect(await found(db, { n: [0, 5] }, { ops: { n: "between" } })).toEqual(matching("n", (value) => value >= 0 && value <= 5));
      expect(await found(db, { n: null }, { ops: { n: "not_null" } })).toEqual(matching("n", () => true));
      await refuses(db.select("thing", { owner: "o", n: 5 }, { ops: { x: "gt" } }), "invalid");
      await refuses(db.select("thing", { owner: "o", n: 5 }, { ops: { n: "nope" } }), "invalid");
    });

    promise("what a filter cannot mean is refused and never widens it", async ({ db }) => {
      const wrong: readonly unknown[] = [
        { n: undefined },
        { n: { $gt: undefined } },
        { n: { $gt: null } },
        { n: { $nope: 1 } },
        { n: { gt: 1 } },
        { n: {} },
        { n: "5" },
        { n: 1.5 },
        { ok: 1 },
        { at: 0 },
        { big: 1 },
        { price: 0.5 },
        { text: 5 },
        { text: { $begins_with: 5 } },
        { n: { $begins_with: "1" } },
        { n: { $between: [1] } },
        { n: { $between: 1 } },
        { n: { $in: 1 } },
        { n: { $in: [1, "2"] } },
        { n: { $in: [1, null] } },
        { data: { i: 1 } },
        { data: { $gt: 1 } },
        { tags: ["a"] },
        { tags: "a" },
        { bytes: new Uint8Array([1]) },
        { $or: {} },
        { $or: [] },
        { $and: [{}] },
        { $not: {} },
        { $or: 5 },
        { $nor: { n: 1 } },
        { nope: 1 },
        { text: "a\0" },
        { text: { $null: 1 } },
        { text: { $regexp: "(" } },
        [],
        "n = 1",
        5,
      ];
      for (const filter of wrong) {
        await refuses(db.select("thing", filter, { scan: true }), "invalid");
        await refuses(db.count("thing", filter, { scan: true }), "invalid");
        await refuses(db.delAll("thing", filter, { scan: true }), "invalid");
        await refuses(db.updateAll("thing", filter, { ok: true }, { scan: true }), "invalid");
        await refuses(db.update("thing", { owner: "o", id: 0, ok: null }, { where: filter }), "invalid");
        await refuses(db.del("thing", { owner: "o", id: 0 }, { where: filter }), "invalid");
      }
      expect(await found(db, {})).toEqual(rows.map((row) => row["id"]));
    });

    promise("an empty in matches nothing, an empty not_in every present value", async ({ db }) => {
      expect(await found(db, { n: [] })).toEqual([]);
      expect(await db.count("thing", { n: [] }, { scan: true })).toBe(0);
      expect(await db.delAll("thing", { owner: "o", n: [] })).toEqual({ affected: 0 });
      expect(await db.updateAll("thing", { owner: "o", n: [] }, { ok: true })).toEqual({ affected: 0 });
      expect(await found(db, { n: { $not_in: [] } })).toEqual(matching("n", () => true));
    });

    test("long lists are one condition", async ({ db }) => {
      const long = Array.from({ length: 700 }, (_, i) => i - 350);
      expect(await found(db, { n: long })).toEqual(matching("n", (value) => value >= -350 && value < 350));
      expect(await found(db, { id: { $in: long } })).toEqual(rows.map((row) => row["id"]));
      expect(await found(db, { n: { $not_in: long } })).toEqual(matching("n", (value) => value < -350 || value >= 350));
    });
  });
}
