// Every operator on every type, against plain JavaScript on the same rows.

import { expect } from "vitest";

import { defineTables } from "../../schema/definition.js";
import type { AnyDb, AnyRow } from "../any-db.js";
import { byCodePoint, refuses } from "../expectations.js";
import type { Suite } from "../suite.js";

const tables = defineTables({
  thing: {
    owner: { primary: 1 },
    id: { type: "int", primary: 2 },
    text: { index: 1 },
    n: { type: "int", index1: 1 },
    big: { type: "int64" },
    x: { type: "real" },
    price: { type: "decimal" },
    ok: { type: "bool" },
    at: { type: "timestamp" },
    tags: { type: "set" },
    codes: { type: "list", of: "int" },
    data: { type: "json" },
    bytes: { type: "blob" },
  },
});

const texts = [
  "",
  "a",
  "A",
  "ab",
  "abc",
  "b",
  "a%b",
  "a_b",
  "axb",
  "a\\b",
  "%",
  "é",
  "E",
  "ß",
  "İstanbul",
  "\uffff",
  "😀",
  "line\nend",
  "a ",
  "null",
  "K",
];
const numbers = [0, 1, -1, 2, 10, 9, 100, -100, 5, 5];

const rows: readonly AnyRow[] = texts.map((text, i) => ({
  id: i,
  text: i % 7 === 6 ? null : text,
  n: i % 5 === 4 ? null : numbers[i % numbers.length],
  big: i % 6 === 5 ? null : BigInt(numbers[i % numbers.length]!) * 2n ** 55n,
  x: i % 4 === 3 ? null : numbers[i % numbers.length]! / 10,
  price: i % 5 === 2 ? null : ["9", "10", "-10", "-9", "0", "0.5", "0.05", "100"][i % 8],
  ok: [true, false, null][i % 3],
  at: i % 6 === 1 ? null : new Date(numbers[i % numbers.length]! * 1000 + 1),
  tags: i % 4 === 0 ? null : texts.slice(i % 5, (i % 5) + (i % 4)).sort(byCodePoint),
  codes: i % 4 === 1 ? null : numbers.slice(i % 7, (i % 7) + (i % 3)),
  data: i % 3 === 0 ? null : { i },
  bytes: i % 2 === 0 ? null : new Uint8Array([i]),
}));

type Holds = (value: never, operand: never) => boolean;
type Compare = (a: never, b: never) => number;

const numeric: Compare = (a: number, b: number) => (a < b ? -1 : a > b ? 1 : 0);
const compares: Readonly<Record<string, Compare>> = {
  text: byCodePoint as Compare,
  n: numeric,
  big: numeric,
  x: numeric,
  price: ((a: string, b: string) => Number(a) - Number(b)) as Compare,
  ok: ((a: boolean, b: boolean) => Number(a) - Number(b)) as Compare,
  at: ((a: Date, b: Date) => a.getTime() - b.getTime()) as Compare,
};

const operands: Readonly<Record<string, readonly unknown[]>> = {
  text: ["a", "A", "ab", "", "😀", "zz", "\uffff", "é", "a%b", "null"],
  n: [0, 5, -1, 1000],
  big: [0n, 5n * 2n ** 55n, -1n],
  x: [0, 0.5, -0.1, 0.9],
  price: ["10", "9", "0.05", "-9.5"],
  ok: [true, false],
  at: [new Date(1), new Date(5001), new Date(-1), new Date(1e13)],
};

function comparisons(column: string): Readonly<Record<string, Holds>> {
  const compare = compares[column]!;
  return {
    eq: (value, operand) => compare(value, operand) === 0,
    ne: (value, operand) => compare(value, operand) !== 0,
    gt: (value, operand) => compare(value, operand) > 0,
    ge: (value, operand) => compare(value, operand) >= 0,
    lt: (value, operand) => compare(value, operand) < 0,
    le: (value, operand) => compare(value, operand) <= 0,
  };
}

const ofText: Readonly<Record<string, (value: string, operand: string) => boolean>> = {
  begins_with: (value, operand) => value.startsWith(operand),
  ends_with: (value, operand) => value.endsWith(operand),
  contains: (value, operand) => value.includes(operand),
};

function matching(column: string, holds: (value: never) => boolean): number[] {
  return rows.filter((row) => row[column] !== null && holds(row[column] as never)).map((row) => row["id"] as number);
}

export function filters(suite: Suite): void {
  suite.topic("filters", { tables }, ({ promise, test }) => {
    let filled: Promise<string> | undefined;
    const ownerOf = (db: AnyDb): Promise<string> => (filled ??= fill(db));
    async function fill(db: AnyDb): Promise<string> {
      await Promise.all(rows.map((row) => db.put("thing", { owner: "o", ...row })));
      // Rows of others, that no filter below may find.
      await Promise.all(rows.map((row) => db.put("thing", { owner: "p", ...row })));
      return "o";
    }
    const found = async (db: AnyDb, filter: object, options: object = {}): Promise<number[]> => {
      const owner = await ownerOf(db);
      const { rows: some, next } = await db.select("thing", { owner, ...filter }, { ...options, count: 1000 });
      expect(next).toBeUndefined();
      return some.map((row) => row["id"] as number);
    };

    for (const column of Object.keys(operands)) {
      promise(`${column}: comparisons hold for present values alone`, async ({ db }) => {
        for (const [op, holds] of Object.entries(comparisons(column)))
          for (const operand of operands[column]!)
            expect([op, operand, await found(db, { [column]: { [`$${op}`]: operand } })]).toEqual([
              op,
              operand,
              matching(column, (value) => holds(value, operand as never)),
            ]);
      });

      promise(`${column}: between, in and their opposites`, async ({ db }) => {
        const all = operands[column]!;
        const { eq, ge, le } = comparisons(column);
        for (const [low, high] of [
          [all[0], all[1]],
          [all[1], all[0]],
          [all[0], all[0]],
          [all.at(-1), all[0]],
        ]) {
          const inside = (value: never): boolean => ge!(value, low as never) && le!(value, high as never);
          expect(await found(db, { [column]: { $between: [low, high] } })).toEqual(matching(column, inside));
          expect(await found(db, { [column]: { $not_between: [low, high] } })).toEqual(matching(column, (value) => !inside(value)));
        }
        for (const list of [[], all.slice(0, 1), all.slice(0, 2), all.slice(0, 3), all, [...all, ...all]]) {
          const member = (value: never): boolean => list.some((operand) => eq!(value, operand as never));
          expect(await found(db, { [column]: { $in: list } })).toEqual(matching(column, member));
          expect(await found(db, { [column]: list })).toEqual(matching(column, member));
          expect(await found(db, { [column]: { $not_in: list } })).toEqual(matching(column, (value) => !member(value)));
        }
      });
    }

    promise("null and not_null test for absence on every type", async ({ db }) => {
      for (const column of Object.keys(tables.thing).slice(2)) {
        const present = rows.filter((row) => row[column] !== null).map((row) => row["id"]);
        const absent = rows.filter((row) => row[column] === null).map((row) => row["id"]);
        for (const filter of [
          { [column]: null },
          { [column]: { $null: true } },
          { [column]: { $not_null: false } },
          { $not: { [column]: { $not_null: true } } },
        ])
          expect([column, await found(db, filter)]).toEqual([column, absent]);
        for (const filter of [{ [column]: { $not_null: true } }, { [column]: { $null: false } }, { $not: { [column]: null } }])
          expect([column, await found(db, filter)]).toEqual([column, present]);
      }
    });

    for (const [op, holds] of Object.entries(ofText))
      promise(`${op} is case-sensitive and takes its text literally`, async ({ db }) => {
        for (const part of ["a", "A", "b", "%", "_", "\\", "a%", "", "é", "e", "😀", "\uffff", " ", "\n", "zzz"]) {
          expect([part, await found(db, { text: { [`$${op}`]: part } })]).toEqual([part, matching("text", (value) => holds(value, part))]);
          expect([part, await found(db, { text: { [`$not_${op}`]: part } })]).toEqual([
            part,
            matching("text", (value) => !holds(value, part)),
          ]);
        }
      });

    promise("like: % is any run, _ any one character, a backslash makes the next ordinary", async ({ db }) => {
      const cases: readonly (readonly [pattern: string, expected: RegExp])[] = [
        ["a%", /^a[^]*$/u],
        ["%b", /^[^]*b$/u],
        ["a_b", /^a[^]b$/u],
        ["_", /^[^]$/u],
        ["a\\%b", /^a%b$/u],
        ["a\\_b", /^a_b$/u],
        ["a\\\\b", /^a\\b$/u],
        ["%", /^[^]*$/u],
        ["", /^$/u],
        ["%e%", /^[^]*e[^]*$/u],
        ["line_end", /^line[^]end$/u],
        ["a\\", /^a\\$/u],
        ["[a]%", /^\[a\][^]*$/u],
      ];
      for (const [pattern, expected] of cases) {
        expect([pattern, await found(db, { text: { $like: pattern } })]).toEqual([
          pattern,
          matching("text", (value: string) => expected.test(value)),
        ]);
        expect([pattern, await found(db, { text: { $not_like: pattern } })]).toEqual([
          pattern,
          matching("text", (value: string) => !expected.test(value)),
        ]);
      }
    });

    promise("ilike folds both sides code point by code point", async ({ db }) => {
      const fold = (text: string): string => [...text].map((c) => ([...c.toLowerCase()].length === 1 ? c.toLowerCase() : c)).join("");
      for (const pattern of ["A", "aB%", "É", "e", "SS", "ẞ", "i%", "İSTANBUL", "İ%", "k", "\u212a"]) {
        const body = [...fold(pattern)]
          .map((c) => (c === "%" ? "[^]*" : c === "_" ? "[^]" : c.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")))
          .join("");
        const expected = new RegExp(`^${body}$`, "u");
        expect([pattern, await found(db, { text: { $ilike: pattern } })]).toEqual([
          pattern,
          matching("text", (value: string) => expected.test(fold(value))),
        ]);
      }
    });

    promise("regular expressions are those of JavaScript, or unsupported", async ({ db }) => {
      for (const [op, flags] of [
        ["regexp", "u"],
        ["iregexp", "iu"],
      ] as const)
        for (const source of ["^a", "b$", "^A.?b", "\\p{Lu}", "^.$"]) {
          const call = found(db, { text: { [`$${op}`]: source } });
          const outcome = await call.catch((error: unknown) => error);
          if (outcome instanceof Error) expect(outcome).toMatchObject({ code: "unsupported" });
          else expect([source, outcome]).toEqual([source, matching("text", (value: string) => new RegExp(source, flags).test(value))]);
        }
    });

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
      await ownerOf(db);
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
