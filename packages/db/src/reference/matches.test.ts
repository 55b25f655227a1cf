import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileTables } from "../schema/compile-table.js";
import { table as withSettings } from "../schema/define-tables.js";
import type { Condition } from "./condition.js";
import { compileMatcher } from "./matches.js";
import { parseFilter } from "../normalize/filter.js";

const table = compileTables({
  item: withSettings(
    {
      id: { primary: 1 },
      name: {},
      stars: { type: "int" },
      big: { type: "int64" },
      price: { type: "decimal" },
      done: { type: "bool" },
      at: { type: "timestamp" },
      meta: { type: "json" },
      data: { type: "blob" },
      tags: { type: "set" },
      sizes: { type: "list", of: "int" },
    },
    { open: true },
  ),
}).get("item")!;

/** A row by column index; names that are not declared go to the column of the rest. */
function rowOf(named: Readonly<Record<string, unknown>>): unknown[] {
  const row: unknown[] = table.columns.map(() => null);
  let rest: Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(named)) {
    const column = table.byName.get(name);
    if (column === undefined) rest = { ...rest, [name]: value };
    else row[column.index] = value;
  }
  row[table.rest!.index] = rest ?? null;
  return row;
}

function holds(filter: unknown, named: Readonly<Record<string, unknown>>): boolean {
  const values: unknown[] = [];
  const matcher = compileMatcher(parseFilter(table, filter, values), (column) => column.index);
  return matcher(rowOf(named), values);
}

const present = {
  name: "Ünder_50%",
  stars: 5,
  big: 2n ** 60n,
  price: "10.5",
  done: false,
  at: new Date(1000),
  tags: ["a", "b"],
  sizes: [1, 22],
  color: "red",
  rank: 7,
  list: [1],
};

describe("compileMatcher", () => {
  it.each<[string, unknown, boolean]>([
    ["stars", 5, true],
    ["stars", { $ne: 5 }, false],
    ["stars", { $ne: 4 }, true],
    ["stars", { $gt: 4 }, true],
    ["stars", { $gt: 5 }, false],
    ["stars", { $ge: 5 }, true],
    ["stars", { $lt: 6 }, true],
    ["stars", { $lt: 5 }, false],
    ["stars", { $le: 5 }, true],
    ["stars", { $between: [5, 9] }, true],
    ["stars", { $between: [6, 9] }, false],
    ["stars", { $between: [9, 1] }, false],
    ["stars", { $not_between: [6, 9] }, true],
    ["stars", { $not_between: [5, 5] }, false],
    ["stars", [1, 5], true],
    ["stars", [1, 2], false],
    ["stars", { $not_in: [1, 2] }, true],
    ["stars", { $not_in: [1, 5] }, false],
    ["stars", [], false],
    ["stars", { $not_in: [] }, true],
    ["big", { $gt: 2n ** 60n - 1n }, true],
    ["price", "10.50", true],
    ["price", { $gt: "9" }, true],
    ["price", { $lt: "10.49" }, false],
    ["done", false, true],
    ["done", { $lt: true }, true],
    ["at", new Date(1000), true],
    ["at", { $ne: new Date(1000) }, false],
    ["at", [new Date(0), new Date(1000)], true],
    ["at", { $gt: new Date(999) }, true],
    ["name", { $begins_with: "Ünder_" }, true],
    ["name", { $begins_with: "Under" }, false],
    ["name", { $not_begins_with: "Ü" }, false],
    ["name", { $begins_with: "%" }, false],
    ["name", { $ends_with: "50%" }, true],
    ["name", { $not_ends_with: "_%" }, true],
    ["name", { $contains: "R_5" }, false],
    ["name", { $contains: "r_5" }, true],
    ["name", { $not_contains: "z" }, true],
    ["name", { $like: "_nder%" }, true],
    ["name", { $like: "ünder%" }, false],
    ["name", { $ilike: "üNDER\\_50\\%" }, true],
    ["name", { $not_like: "%0" }, true],
    ["name", { $not_ilike: "Ü%" }, false],
    ["name", { $regexp: "^\\p{Lu}.*\\d{2}%$" }, true],
    ["name", { $regexp: "^ü" }, false],
    ["name", { $iregexp: "^ü" }, true],
    ["name", { $not_regexp: "x" }, true],
    ["name", { $not_iregexp: "NDER" }, false],
    ["tags", { $contains: "a" }, true],
    ["tags", { $contains: "c" }, false],
    ["tags", { $not_contains: "c" }, true],
    ["sizes", { $contains: 2 }, false],
    ["sizes", { $contains: 22 }, true],
    ["color", "red", true],
    ["color", { $ne: "red" }, false],
    ["color", { $ne: 1 }, true],
    ["color", { $gt: "blue" }, true],
    ["color", { $gt: 1 }, false],
    ["color", { $le: 1 }, false],
    ["color", { $begins_with: "r" }, true],
    ["color", ["x", "red"], true],
    ["rank", { $between: [7, 8] }, true],
    ["rank", { $not_between: ["a", "b"] }, false],
    ["rank", { $begins_with: "7" }, false],
    ["rank", { $not_begins_with: "7" }, true],
    ["rank", "7", false],
    ["list", { $not_null: true }, true],
    ["list", { $not_in: [1, 2] }, true],
    ["toString", null, true],
  ])("%s %o is %o", (name, condition, expected) => expect(holds({ [name]: condition }, present)).toBe(expected));

  it("never holds for an absent value, save for the test of absence", () => {
    const tests: [string, unknown][] = [
      ["stars", { $ne: 1 }],
      ["stars", { $not_in: [1, 2] }],
      ["stars", { $not_in: [] }],
      ["stars", { $not_between: [1, 2] }],
      ["stars", { $lt: 1 }],
      ["name", { $not_contains: "a" }],
      ["name", { $not_like: "a" }],
      ["name", { $not_regexp: "a" }],
      ["name", { $begins_with: "" }],
      ["tags", { $not_contains: "a" }],
      ["color", { $ne: "red" }],
      ["color", { $not_begins_with: "r" }],
      ["color", { $not_null: true }],
    ];
    for (const [name, condition] of tests) expect(holds({ [name]: condition }, {})).toBe(false);
    expect(holds({ stars: null, color: null, meta: null, data: null }, {})).toBe(true);
    expect(holds({ color: null }, { other: 1 })).toBe(true);
    expect(holds({ color: null }, { color: null })).toBe(true);
    expect(holds({ tags: null }, { tags: [] })).toBe(false);
  });

  it("joins by and and or, also of nothing", () => {
    const row = { stars: 5, name: "a" };
    expect(holds({}, row)).toBe(true);
    expect(holds({ stars: 5, name: "b" }, row)).toBe(false);
    expect(holds({ $or: { stars: 4, name: "a" } }, row)).toBe(true);
    expect(holds({ $or: [{ stars: 5, name: "b" }, { done: true }] }, row)).toBe(false);
    expect(holds({ stars: { $gt: 4, $lt: 6 }, name: { $null: false }, done: null }, row)).toBe(true);
    expect(holds({ $or: { stars: [] } }, row)).toBe(false);
  });

  it("tells the same from another value by depth, absence included", () => {
    const same = (name: string, value: unknown, other: unknown): boolean => {
      const test: Condition = { kind: "test", column: table.byName.get(name)!, op: "same", slots: [0] };
      return compileMatcher(test, (column) => column.index)(rowOf({ [name]: value }), [other]);
    };
    expect(same("stars", null, null)).toBe(true);
    expect(same("stars", null, 0)).toBe(false);
    expect(same("stars", 0, null)).toBe(false);
    expect(same("at", new Date(1), new Date(1))).toBe(true);
    expect(same("meta", { a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true);
    expect(same("meta", { a: 1 }, { a: 2 })).toBe(false);
    expect(same("data", new Uint8Array([1, 2]), new Uint8Array([1, 2]))).toBe(true);
    expect(same("tags", ["a"], ["a", "b"])).toBe(false);
  });

  it("takes the place of a column from its caller and new values with each call", () => {
    const values: unknown[] = [];
    const condition = parseFilter(table, { name: { $like: "a%" } }, values);
    const matches = compileMatcher(condition, () => 0);
    expect(matches(["abc"], values)).toBe(true);
    expect(matches(["abc"], ["b%"])).toBe(false);
    expect(matches(["abc"], values)).toBe(true);
  });

  const text = fc.string({ unit: fc.constantFrom("a", "b", "%", "_", "é", "\u{1f600}", "\uffff"), maxLength: 3 });
  const textTest = fc
    .tuple(fc.constantFrom("$eq", "$gt", "$ge", "$begins_with", "$ends_with", "$contains", "$like", "$ilike"), text)
    .map(([op, value]) => ({ name: { [op]: value } }));
  const numberTest = fc
    .tuple(fc.constantFrom("$ne", "$lt", "$le", "$in", "$between"), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }))
    .map(([op, a, b]) => ({ stars: { [op]: op === "$in" || op === "$between" ? [a, b] : a } }));
  const { filter } = fc.letrec((tie) => ({
    filter: fc.oneof(
      { maxDepth: 3 },
      textTest,
      numberTest,
      fc
        .array(tie("filter"), { minLength: 1, maxLength: 3 })
        .chain((parts) => fc.constantFrom({ $or: parts }, { $and: parts }, { $not: parts })),
    ),
  }));

  it("holds under $not for exactly the rows, all values present, for which it does not", () => {
    fc.assert(
      fc.property(filter, text, fc.integer({ min: 0, max: 3 }), (condition, name, stars) => {
        expect(holds({ $not: condition }, { name, stars })).toBe(!holds(condition, { name, stars }));
        expect(holds({ $not: { $not: condition } }, { name, stars })).toBe(holds(condition, { name, stars }));
      }),
      { numRuns: 1000 },
    );
  });
});
