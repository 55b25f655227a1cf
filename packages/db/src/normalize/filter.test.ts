import { describe, expect, it } from "vitest";
import { compileTables } from "../schema/compile-table.js";
import { table as withSettings } from "../schema/define-tables.js";
import { type Condition, conditionKey } from "../reference/condition.js";
import { type FilterOptions, parseFilter } from "./filter.js";

const tables = compileTables({
  item: {
    id: { primary: 1 },
    name: {},
    low: { lower: true, trim: true },
    stars: { type: "int" },
    big: { type: "int64" },
    price: { type: "decimal" },
    done: { type: "bool" },
    at: { type: "timestamp" },
    meta: { type: "json" },
    data: { type: "blob" },
    tags: { type: "set" },
    sizes: { type: "list", of: "int" },
    path: { ops: { select: "begins_with" } },
  },
  open: withSettings({ id: { primary: 1 }, text: {} }, { open: true }),
  joined: {
    owner: { primary: 1 },
    sort: { primary: 2, join: ["kind", "day", "n"] },
    kind: {},
    day: { hidden: true },
    n: { type: "int" },
    pair: { join: ["kind", "n"], index: 1 },
    plain: { join: ["kind", "n"] },
    self: { join: ["self", "n"] },
  },
});

/** A condition as text, with its values in place of the slots. */
function shown(condition: Condition, values: readonly unknown[]): string {
  if (condition.kind === "related") {
    const columns = condition.columns.map((column) => column.name).join(", ");
    return `${columns} in ${condition.table.name}(${shown(condition.condition, values)})`;
  }
  if (condition.kind !== "test") return `${condition.kind}(${condition.parts.map((part) => shown(part, values)).join(", ")})`;
  const name = condition.member === undefined ? condition.column.name : `${condition.column.name}.${condition.member}`;
  const list = condition.slots.map((slot) => {
    const value = values[slot];
    return value instanceof Date ? value.toISOString() : typeof value === "bigint" ? `${value}n` : JSON.stringify(value);
  });
  return [name, condition.op, ...list].join(" ");
}

function parse(filter: unknown, options?: FilterOptions, table = "item"): string {
  const values: unknown[] = [];
  return shown(parseFilter(tables.get(table)!, filter, values, options), values);
}

function refusal(filter: unknown, options?: FilterOptions, table = "item"): { code: string; column: string | undefined; message: string } {
  try {
    parse(filter, options, table);
  } catch (error) {
    return error as { code: string; column: string | undefined; message: string };
  }
  throw new Error(`${JSON.stringify(filter)} was not refused`);
}

describe("parseFilter", () => {
  it("knows no operators but its own", () => {
    for (const name of ["constructor", "toString", "__proto__"]) {
      expect(refusal({ stars: { [`$${name}`]: 1 } })).toMatchObject({ code: "invalid", column: "stars" });
      expect(refusal({ stars: 1 }, { ops: { stars: name } })).toMatchObject({ code: "invalid", column: "stars" });
    }
  });

  it.each<[unknown, string]>([
    [{}, "and()"],
    [{ name: "a" }, 'name eq "a"'],
    [{ name: "a", stars: 1 }, 'and(name eq "a", stars eq 1)'],
    [{ name: null }, "name null"],
    [{ stars: { $gt: 1, $lt: 9 } }, "and(stars gt 1, stars lt 9)"],
    [{ stars: { "$>=": 1 } }, "stars ge 1"],
    [{ stars: { $NIN: [1, 2] } }, "stars not_in 1 2"],
    [{ name: { $null: true } }, "name null"],
    [{ name: { $null: false } }, "name not_null"],
    [{ name: { $not_null: false } }, "name null"],
    [{ meta: { $not_null: true }, data: null }, "and(meta not_null, data null)"],
    [{ stars: { $between: [1, 5] } }, "stars between 1 5"],
    [{ big: 5n, price: 2, done: false }, 'and(big eq 5n, price eq "2", done eq false)'],
    [{ at: new Date(0) }, "at eq 1970-01-01T00:00:00.000Z"],
    [{ low: " ABC " }, 'low eq "abc"'],
    [{ low: { $contains: "A " } }, 'low contains "a "'],
    [{ name: { $regexp: "^\\D+$" } }, 'name regexp "^\\\\D+$"'],
    [{ low: { $regexp: "\\D" } }, 'low regexp "\\\\D"'],
    [{ tags: { $contains: "x" }, sizes: { $not_contains: 3 } }, 'and(tags contains "x", sizes not_contains 3)'],
    [{ name: { $like: "a\\" } }, 'name like "a\\\\\\\\"'],
    [{ name: { $begins_with: "ab" } }, 'name begins_with "ab" "ac"'],
    [{ name: { $begins_with: "a\ud7ff" } }, 'name begins_with "a\ud7ff" "a\ue000"'],
    [{ name: { $begins_with: "\u{10ffff}" } }, 'name like "\u{10ffff}%"'],
    [{ name: { $begins_with: "", $ends_with: "", $contains: "" } }, "and(name not_null, name not_null, name not_null)"],
    [{ name: { $not_contains: "" } }, "or()"],
  ])("reads %o", (filter, expected) => expect(parse(filter)).toBe(expected));

  it.each<[unknown, string]>([
    [{ stars: [3, 1, 3] }, "stars in 3 1"],
    [{ stars: [1, 2, 3] }, "stars in 1 2 3 3"],
    [{ stars: [1, 2, 3, 4, 5] }, "stars in 1 2 3 4 5 5 5 5"],
    [{ stars: [7, 7] }, "stars eq 7"],
    [{ stars: [] }, "or()"],
    [{ stars: [], name: "a" }, "or()"],
    [{ $or: { stars: [], name: "a" } }, 'name eq "a"'],
    [{ stars: { $not_in: [] } }, "stars not_null"],
    [{ stars: { $not_in: [4] } }, "stars ne 4"],
    [{ at: [new Date(5), new Date(5)] }, "at eq 1970-01-01T00:00:00.005Z"],
    [{ price: ["1.5", "1.50"] }, 'price eq "1.5"'],
  ])("reads the list in %o", (filter, expected) => expect(parse(filter)).toBe(expected));

  it.each<[unknown, string]>([
    [{ $or: { name: "a", stars: 2 } }, 'or(name eq "a", stars eq 2)'],
    [{ $or: [{ name: "a", stars: 2 }, { done: true }] }, 'or(and(name eq "a", stars eq 2), done eq true)'],
    [{ $or: { stars: { $gt: 1, $lt: 9 }, name: "a" } }, 'or(and(stars gt 1, stars lt 9), name eq "a")'],
    [{ $OR1: { name: "a", stars: 2 }, $$or: { name: "b", stars: 3 } }, 'and(or(name eq "a", stars eq 2), or(name eq "b", stars eq 3))'],
    [{ $and: [{ name: "a" }, { $or: { stars: 1, done: true } }] }, 'and(name eq "a", or(stars eq 1, done eq true))'],
    [{ $not: { name: "a" } }, 'name ne "a"'],
    [{ $not: { name: "a", stars: { $gt: 1, $le: 5 } } }, 'or(name ne "a", stars le 1, stars gt 5)'],
    [{ $not: [{ name: "a" }, { stars: [1, 2] }] }, 'or(name ne "a", stars not_in 1 2)'],
    [{ $not: { $or: [{ name: null, stars: 1 }, { done: true }] } }, "and(or(name not_null, stars ne 1), done ne true)"],
    [{ $not: { $not: { name: { $begins_with: "a" } } } }, 'name begins_with "a" "b"'],
    [{ $not: { stars: [] } }, "stars not_null"],
    [{ $not: { stars: { $not_in: [] } } }, "or()"],
    [{ $not: { name: { $null: false } } }, "name null"],
    [{ $not: { name: { $contains: "" } } }, "or()"],
  ])("reads the groups of %o", (filter, expected) => expect(parse(filter)).toBe(expected));

  it("gives plain values the operators of ops, wherever they stand", () => {
    expect(parse({ stars: 4 }, { ops: { stars: "ge" } })).toBe("stars ge 4");
    expect(parse({ stars: [1, 2], name: "x" }, { ops: { stars: "between", name: "not like%" } })).toBe(
      'and(stars between 1 2, name not_begins_with "x" "y")',
    );
    expect(parse({ $or: { stars: 4, name: null } }, { ops: { stars: "<", name: "not null" } })).toBe("or(stars lt 4, name not_null)");
    expect(refusal({ name: "a" }, { ops: { stars: "gt" } })).toMatchObject({ code: "invalid", column: "stars" });
    expect(refusal({ stars: { $gt: 1 } }, { ops: { stars: "gt" } })).toMatchObject({ code: "invalid", column: "stars" });
    expect(refusal({ stars: 1 }, { ops: { stars: "near" } }).message).toContain('"near"');
    expect(refusal({ stars: 1 }, { ops: { nope: "gt" } })).toMatchObject({ code: "invalid", column: "nope" });
    expect(refusal({ stars: 1 }, { ops: { stars: "in" } }).message).toContain("takes a list");
  });

  it("uses a column's own operator for plain values of select alone", () => {
    expect(parse({ path: "a" }, { call: "select" })).toBe('path begins_with "a" "b"');
    expect(parse({ path: ["a", "b"] }, { call: "select" })).toBe('path in "a" "b"');
    expect(parse({ path: null }, { call: "select" })).toBe("path null");
    expect(parse({ path: { $eq: "a" } }, { call: "select" })).toBe('path eq "a"');
    expect(parse({ path: "a" }, { call: "select", ops: { path: "eq" } })).toBe('path eq "a"');
    expect(parse({ path: "a" }, { call: "delAll" })).toBe('path eq "a"');
  });

  it.each<[unknown, string | undefined]>([
    [undefined, undefined],
    [null, undefined],
    [[], undefined],
    ["a", undefined],
    [{ name: undefined }, "name"],
    [{ name: { $eq: undefined } }, "name"],
    [{ stars: [1, undefined] }, "stars"],
    [{ stars: [1, null] }, "stars"],
    [{ stars: { $gt: null } }, "stars"],
    [{ name: { $eq: null } }, "name"],
    [{ stars: { $between: [1] } }, "stars"],
    [{ stars: { $between: [1, 2, 3] } }, "stars"],
    [{ stars: { $between: [1, null] } }, "stars"],
    [{ stars: {} }, undefined],
    [{ stars: { gt: 1 } }, "stars"],
    [{ stars: { $near: 1 } }, "stars"],
    [{ name: { $null: 1 } }, "name"],
    [{ nope: 1 }, "nope"],
    [{ _rest: 1 }, "_rest"],
    [{ $or: {} }, undefined],
    [{ $or: [] }, undefined],
    [{ $or: [{}] }, undefined],
    [{ $or: [{ name: "a" }, undefined] }, undefined],
    [{ $not: {} }, undefined],
    [{ $xor: { name: "a" } }, "$xor"],
    [{ stars: "5" }, "stars"],
    [{ done: 1 }, "done"],
    [{ at: 0 }, "at"],
    [{ price: "1e3" }, "price"],
    [{ big: 5 }, "big"],
    [{ stars: { $begins_with: "1" } }, "stars"],
    [{ meta: { $eq: "a" } }, "meta"],
    [{ data: new Uint8Array(1) }, "data"],
    [{ tags: "a" }, "tags"],
    [{ tags: { $contains: 1 } }, "tags"],
    [{ sizes: { $contains: 1.5 } }, "sizes"],
    [{ name: { $regexp: "(" } }, "name"],
    [{ name: { $contains: "\ud800" } }, "name"],
    [{ name: "a\0" }, "name"],
  ])("refuses %o", (filter, column) => {
    const error = refusal(filter);
    expect(error.code).toBe("invalid");
    if (column !== undefined) expect(error.column).toBe(column);
  });

  it("has one shape for lists of like length", () => {
    const key = (stars: number[]): string => conditionKey(parseFilter(tables.get("item")!, { stars }, []));
    expect(key([1, 2, 3])).toBe(key([4, 5, 6, 7]));
    expect(key([1, 2, 3])).not.toBe(key([4, 5]));
  });
});

describe("parseFilter on an open table", () => {
  it.each<[unknown, string]>([
    [{ color: "red" }, '_rest.color eq "red"'],
    [{ color: { $gt: 1, $null: false } }, "and(_rest.color gt 1, _rest.color not_null)"],
    [{ color: ["a", 1, true] }, '_rest.color in "a" 1 true true'],
    [{ color: { $begins_with: "" } }, '_rest.color begins_with "" ""'],
    [{ $not: { color: "red" } }, '_rest.color ne "red"'],
    [{ constructor: null }, "_rest.constructor null"],
  ])("reads %o", (filter, expected) => expect(parse(filter, {}, "open")).toBe(expected));

  it.each([
    { color: { $contains: "a" } },
    { color: { $gt: true } },
    { color: { $between: [1, "b"] } },
    { color: Number.NaN },
    { color: 1n },
    { "a.b": 1 },
    { _rest: 1 },
  ])("refuses %o", (filter) => expect(refusal(filter, {}, "open").code).toBe("invalid"));
});

describe("parseFilter on joined columns", () => {
  const joined = (filter: unknown): string => parse(filter, {}, "joined");

  it("adds a test on a key's joined column when the first parts are given", () => {
    expect(joined({ owner: "o", kind: "k" })).toBe('and(owner eq "o", kind eq "k", sort begins_with "k|" "k}")');
    expect(joined({ kind: "a|b" })).toBe('and(kind eq "a|b", sort begins_with "a\\\\|b|" "a\\\\|b}")');
    expect(joined({ owner: "o", n: 1 })).toBe('and(owner eq "o", n eq 1)');
    expect(joined({ kind: { $gt: "k" } })).toBe('kind gt "k"');
  });

  it("puts it in the place of parts that are not stored", () => {
    expect(joined({ kind: "k", day: "d" })).toBe('and(kind eq "k", sort begins_with "k|d|" "k|d}")');
    expect(joined({ day: "d", kind: "k", n: 5 })).toBe('and(kind eq "k", n eq 5, sort eq "k|d|5", pair eq "k|5")');
  });

  it("adds equality alone for indexed columns, and nothing where it serves nothing", () => {
    expect(joined({ owner: "o", sort: "x", kind: "k", n: 2 })).toBe('and(owner eq "o", sort eq "x", kind eq "k", n eq 2, pair eq "k|2")');
  });

  it("replaces the test of a column that is a part of itself, unless it names the joined text", () => {
    expect(joined({ self: "s", n: 2 })).toBe('and(n eq 2, self eq "s|2")');
    expect(joined({ self: "s|2", n: 2 })).toBe('and(self eq "s|2", n eq 2)');
    expect(joined({ self: "s" })).toBe('self eq "s"');
  });

  it("leaves null in the slots of tests that went", () => {
    const values: unknown[] = [];
    parseFilter(tables.get("joined")!, { kind: "k", day: "d" }, values);
    expect(values).toEqual(["k", null, "k|d|", "k|d}"]);
  });

  it.each([{ day: "d" }, { kind: "k", day: { $gt: "d" } }, { kind: "k", $or: { day: "d", n: 1 } }, { kind: "k", $not: { day: "d" } }])(
    "refuses %o, whose part is not stored",
    (filter) => {
      const error = refusal(filter, {}, "joined");
      expect(error).toMatchObject({ code: "invalid", column: "day" });
      expect(error.message).toContain("sort (kind, day, n)");
    },
  );
});
