import { describe, expect, it } from "vitest";
import type { Change } from "../driver.js";
import { rowRules } from "./row.js";
import { compileTables } from "../schema/compile-table.js";
import { table as withSettings } from "../schema/define-tables.js";
import { applyChanges } from "../reference/apply-changes.js";
import { type ChangeOptions, parseChanges } from "./changes.js";

const tables = compileTables({
  item: {
    id: { primary: 1 },
    name: { maxLength: 5 },
    stars: { type: "int", min: 0, max: 10 },
    big: { type: "int64" },
    rate: { type: "real" },
    price: { type: "decimal" },
    cents: { type: "int", multiplier: 100 },
    tags: { type: "set", maxLength: 3 },
    marks: { type: "set", of: "int" },
    sizes: { type: "list", of: "int" },
    meta: { type: "json" },
    must: { notEmpty: true },
    once: { readonly: true },
    mtime: { type: "now" },
    ttl: { type: "ttl" },
  },
  open: withSettings({ id: { primary: 1 }, text: {} }, { open: true }),
  joined: {
    owner: { primary: 1 },
    sort: { primary: 2, join: ["kind", "n"] },
    kind: {},
    n: { type: "int" },
    pair: { join: ["a", "b"] },
    a: {},
    b: { type: "int" },
    veiled: { join: ["x", "y"] },
    x: { hidden: true },
    y: { hidden: true },
    self: { join: ["self", "b"] },
    mixed: { join: ["owner", "a"] },
  },
  place: { id: { primary: 1 }, lat: { type: "real" }, lon: { type: "real" }, hash: { type: "geohash", lat: "lat", lon: "lon" } },
});

function parse(name: string, row: unknown, options: Partial<ChangeOptions> = {}): { changes: Change[]; values: unknown[] } {
  const values: unknown[] = [];
  return { changes: parseChanges(rowRules(tables.get(name)!), row, { verb: "update", ...options }, values), values };
}

/** Changes as text: `column op value`. */
function shown(name: string, row: unknown, options?: Partial<ChangeOptions>): string[] {
  const { changes, values } = parse(name, row, options);
  return changes.map(({ column, op, slot, member, from }) => {
    const subject = member === undefined ? column.name : `${column.name}.${member}`;
    const value = slot === undefined ? undefined : values[slot];
    const text = typeof value === "bigint" ? `${value}n` : JSON.stringify(value);
    const parts = from?.slots.map((part) => (part === undefined ? "row" : JSON.stringify(values[part])));
    return [subject, op, text, parts && `from ${parts.join(" ")}`].filter((word) => word !== undefined).join(" ");
  });
}

function refusal(name: string, row: unknown, options?: Partial<ChangeOptions>): unknown {
  try {
    parse(name, row, options);
  } catch (error) {
    return error;
  }
  throw new Error("was not refused");
}

/** The row after the changes that `row` asks for, by name, without absent columns. */
function changed(
  name: string,
  old: Readonly<Record<string, unknown>>,
  row: unknown,
  options?: Partial<ChangeOptions>,
): Record<string, unknown> {
  const { columns } = tables.get(name)!;
  const before = columns.map((column) => old[column.name] ?? null);
  const frozen = Object.freeze([...before]);
  const { changes, values } = parse(name, row, options);
  const after = applyChanges(changes, frozen, values);
  return Object.fromEntries(columns.map((column, i) => [column.name, after[i]] as const).filter(([, value]) => value !== null));
}

describe("parseChanges", () => {
  it("sets what is given, unsets nulls and leaves out what is undefined", () => {
    expect(shown("item", { id: "1", name: "a", stars: null, meta: { b: 1 }, big: undefined })).toEqual([
      'name set "a"',
      "stars unset",
      'meta set {"b":1}',
    ]);
    expect(shown("item", { id: "1", name: "a" }, { ops: { name: "unset", stars: "unset" } })).toEqual(["name unset", "stars unset"]);
    expect(shown("item", { id: "1" })).toEqual([]);
  });

  it("leaves keys, readonly columns and now columns alone", () => {
    expect(shown("item", { id: "1", once: "x", mtime: 5 })).toEqual([]);
    expect(shown("item", { id: "1", mtime: 5 }, { keepNow: true })).toEqual(["mtime set 5"]);
  });

  it("adds numbers with incr and sets other columns", () => {
    const row = { id: "1", stars: 1, big: 2n, rate: 0.5, price: "1.50", cents: 3, name: "a", ttl: 9 };
    expect(shown("item", row, { verb: "incr" })).toEqual([
      "stars incr 1",
      "big incr 2n",
      "rate incr 0.5",
      'price incr "1.5"',
      "cents incr 300",
      'name set "a"',
      "ttl set 9",
    ]);
    expect(shown("item", { id: "1", stars: 1, big: 2n }, { verb: "incr", ops: { stars: "set" } })).toEqual(["stars set 1", "big incr 2n"]);
  });

  it("takes operands that the column's rules would refuse as values", () => {
    expect(shown("item", { id: "1", stars: -100 }, { verb: "incr" })).toEqual(["stars incr -100"]);
    expect(shown("item", { id: "1", tags: ["b", "a", "b", "c", "d"] }, { ops: { tags: "del" } })).toEqual(['tags del ["a","b","c","d"]']);
    expect(shown("item", { id: "1", name: "x", sizes: [1] }, { ops: { name: "append", sizes: "prepend" } })).toEqual([
      'name append "x"',
      "sizes prepend [1]",
    ]);
  });

  it("takes no column from what every object inherits", () => {
    expect(refusal("open", { id: "1" }, { ops: { constructor: "set" } })).toMatchObject({ code: "invalid", column: "constructor" });
    expect(shown("open", { id: "1", constructor: 5, toString: null })).toEqual(["_rest.constructor set 5", "_rest.toString unset"]);
    expect(shown("open", { id: "1" }, { ops: { constructor: "unset" } })).toEqual(["_rest.constructor unset"]);
  });

  it.each<[Record<string, unknown>, Partial<ChangeOptions>, string]>([
    [{ nope: 1 }, {}, "nope"],
    [{ stars: "1" }, {}, "stars"],
    [{ stars: 11 }, {}, "stars"],
    [{ must: null }, {}, "must"],
    [{ must: "" }, {}, "must"],
    [{ must: "x" }, { ops: { must: "unset" } }, "must"],
    [{ stars: null }, { verb: "incr" }, "stars"],
    [{ stars: 1.5 }, { verb: "incr" }, "stars"],
    [{ name: "a" }, { ops: { name: "incr" } }, "name"],
    [{ ttl: 1 }, { ops: { ttl: "incr" } }, "ttl"],
    [{ tags: ["a"] }, { ops: { tags: "append" } }, "tags"],
    [{ tags: "a" }, { ops: { tags: "add" } }, "tags"],
    [{ sizes: [1] }, { ops: { sizes: "add" } }, "sizes"],
    [{ sizes: ["1"] }, { ops: { sizes: "append" } }, "sizes"],
    [{ name: "a" }, { ops: { name: "concat" } }, "name"],
    [{ name: "a" }, { ops: { stars: "incr" } }, "stars"],
    [{ name: "a" }, { ops: { nope: "set" } }, "nope"],
    [{ id: "2" }, { verb: "updateAll" }, "id"],
    [{ id: "2" }, { ops: { id: "append" } }, "id"],
  ])("refuses %o with %o", (row, options, column) => expect(refusal("item", row, options)).toMatchObject({ code: "invalid", column }));

  it.each([null, 5, ["a"], "x"])("refuses %o as a row", (row) => expect(refusal("item", row)).toMatchObject({ code: "invalid" }));

  it("changes undeclared columns of an open table one by one", () => {
    expect(shown("open", { id: "1", color: { r: 1 }, old: null })).toEqual(['_rest.color set {"r":1}', "_rest.old unset"]);
    expect(refusal("open", { id: "1", color: 1n })).toMatchObject({ code: "invalid" });
    expect(refusal("open", { id: "1", color: 1 }, { ops: { color: "incr" } })).toMatchObject({ code: "invalid", column: "color" });
    expect(refusal("open", { id: "1", _rest: 1 })).toMatchObject({ code: "invalid", column: "_rest" });
  });

  it("joins anew what has all its parts, and takes missing parts from the row", () => {
    const key = { owner: "o", kind: "k", n: 1 };
    expect(shown("joined", { ...key, a: "x|", b: 2 })).toContain('pair set "x\\\\||2"');
    expect(shown("joined", { ...key, a: null, b: 2 })).toContain("pair unset");
    expect(shown("joined", { ...key, a: "x" })).toEqual(['a set "x"', "pair set from row row", 'mixed set "o|x"']);
    expect(shown("joined", { ...key, x: "1" })).toEqual(['veiled set from "1" row']);
    expect(shown("joined", { ...key, x: "1", y: "2" })).toEqual(['veiled set "1|2"']);
    expect(shown("joined", { ...key, self: "s" })).toEqual(['self set from "s" row']);
    expect(shown("joined", { ...key, veiled: "1|2" })).toEqual(['veiled set "1|2"']);
    expect(shown("joined", { ...key, b: 1 }, { verb: "incr" })).toEqual(["b incr 1", "pair set from row row", "self set from row row"]);
    expect(shown("joined", { ...key, pair: "stale", a: "x", b: 2 })).toContain('pair set "x|2"');
    expect(shown("joined", { ...key, mixed: "stale" })).toEqual([]);
    expect(refusal("joined", { ...key, pair: "x|2" })).toMatchObject({ code: "invalid", column: "pair" });
    expect(refusal("joined", { kind: "k" }, { verb: "updateAll" })).toMatchObject({ code: "invalid", column: "kind" });
    expect(refusal("joined", { ...key, x: "1" }, { ops: { x: "append" } })).toMatchObject({ code: "invalid", column: "x" });
  });

  it("makes geohashes of both coordinates, and refuses one alone", () => {
    expect(shown("place", { id: "1", lat: 57.64911, lon: 10.40744 })).toContain('hash set "u4pruydq"');
    expect(shown("place", { id: "1", lat: null, lon: null })).toContain("hash unset");
    expect(refusal("place", { id: "1", lat: 1 })).toMatchObject({ code: "invalid", column: "hash" });
    expect(refusal("place", { id: "1", lat: 91, lon: 0 })).toMatchObject({ code: "invalid", column: "lat" });
  });
});

describe("applyChanges", () => {
  it("carries out every operation, from absent values too", () => {
    const row = { name: "b", stars: 1, big: 2n, rate: 0.5, price: "0.1", tags: ["b"], sizes: [3] };
    const ops = { name: "append", tags: "add", sizes: "prepend", price: "incr", big: "incr", rate: "incr", stars: "incr" };
    expect(
      changed("item", { name: "a", stars: 2, big: 3n, rate: 1, price: "0.2", tags: ["a", "c"], sizes: [1] }, { id: "1", ...row }, { ops }),
    ).toEqual({
      name: "ab",
      stars: 3,
      big: 5n,
      rate: 1.5,
      price: "0.3",
      tags: ["a", "b", "c"],
      sizes: [3, 1],
    });
    expect(changed("item", {}, { id: "1", ...row }, { ops })).toEqual(row);
    expect(changed("item", { tags: ["a"], name: "x" }, { id: "1", tags: ["a", "b"], name: null }, { ops: { tags: "del" } })).toEqual({
      tags: [],
    });
    expect(changed("item", { name: "ab" }, { id: "1", name: "c" }, { ops: { name: "prepend" } })).toEqual({ name: "cab" });
    expect(changed("item", { marks: [9, 10] }, { id: "1", marks: [100, 2, 9] }, { ops: { marks: "add" } })).toEqual({
      marks: [2, 9, 10, 100],
    });
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ["safe integers", { stars: Number.MAX_SAFE_INTEGER }, { stars: 1 }, "incr"],
    ["64 bits", { big: 2n ** 63n - 1n }, { big: 1n }, "incr"],
    ["finite numbers", { rate: Number.MAX_VALUE }, { rate: Number.MAX_VALUE }, "incr"],
    ["34 digits", { price: "9".repeat(34) }, { price: "1" }, "incr"],
    ["the length of a text", { name: "abcde" }, { name: "f" }, "append"],
    ["the length of a set", { tags: ["a", "b", "c"] }, { tags: ["d"] }, "add"],
  ])("refuses a result outside of %s", (_what, old, row, op) => {
    const [column] = Object.keys(row) as [string];
    expect(() => changed("item", old, { id: "1", ...row }, { ops: { [column]: op } })).toThrow(
      expect.objectContaining({ code: "invalid", column }),
    );
  });

  it("measures texts in code points", () => {
    expect(changed("item", { name: "\u{1f600}".repeat(4) }, { id: "1", name: "\u{1f600}" }, { ops: { name: "append" } })).toEqual({
      name: "\u{1f600}".repeat(5),
    });
  });

  it("changes members of the rest, which is absent when it is empty", () => {
    expect(changed("open", { _rest: { a: 1, b: 2 } }, { id: "1", a: 3, c: [4], b: null })).toEqual({ _rest: { a: 3, c: [4] } });
    expect(changed("open", { _rest: { a: 1 } }, { id: "1", a: null })).toEqual({});
    expect(changed("open", {}, { id: "1", a: 1 })).toEqual({ _rest: { a: 1 } });
  });

  it("joins texts of what the row has after the other changes", () => {
    const key = { owner: "o", kind: "k", n: 1 };
    const old = { a: "x", b: 1, pair: "x|1", veiled: "p|q", self: "s|1" };
    expect(changed("joined", old, { ...key, b: 2 }, { verb: "incr" })).toMatchObject({ b: 3, pair: "x|3", self: "s|3" });
    expect(changed("joined", old, { ...key, a: "y" })).toMatchObject({ a: "y", pair: "y|1", veiled: "p|q" });
    expect(changed("joined", old, { ...key, a: null })).not.toHaveProperty("pair");
    expect(changed("joined", old, { ...key, y: "z" })).toMatchObject({ veiled: "p|z" });
    expect(changed("joined", {}, { ...key, y: "z" })).toEqual({});
    expect(changed("joined", old, { ...key, self: "t" })).toMatchObject({ self: "t|1" });
    expect(changed("joined", old, { ...key, self: "t|1" })).toMatchObject({ self: "t|1" });
  });
});
