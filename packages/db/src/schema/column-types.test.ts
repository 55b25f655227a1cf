import type { StandardSchemaV1 } from "@standard-schema/spec";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { DbError } from "../errors.js";
import { checkerOf, filterCheckerOf } from "./column-types.js";
import { compileTables } from "./compile-table.js";
import type { ColumnDefinition } from "./definition.js";
import type { Column } from "./table.js";

function columnOf(definition: ColumnDefinition): Column {
  return compileTables({ t: { id: { primary: 1, type: "int" }, c: definition } })
    .get("t")!
    .byName.get("c")!;
}

function check(definition: ColumnDefinition, value: unknown): unknown {
  return checkerOf(columnOf(definition))(value);
}

const checkJson = checkerOf(columnOf({ type: "json" }));

/** The rule that refuses a value, with the code where it is not `invalid`. */
function refusedBy(definition: ColumnDefinition, value: unknown): string {
  try {
    check(definition, value);
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    expect(error.column).toBe("c");
    expect(error.message).toMatch(/^(an element of )?column c /);
    const rule = String(error.detail?.["rule"]);
    return error.code === "invalid" ? rule : `${rule}: ${error.code}`;
  }
  return "nothing";
}

const taken: readonly (readonly [ColumnDefinition, unknown, unknown])[] = [
  [{}, "a 😀\n'\"\\%", "a 😀\n'\"\\%"],
  [{}, "", ""],
  [{ type: "int" }, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  [{ type: "int" }, -0, 0],
  [{ type: "int64" }, -(2n ** 63n), -(2n ** 63n)],
  [{ type: "real" }, -0, 0],
  [{ type: "real" }, 5e-324, 5e-324],
  [{ type: "decimal" }, "001.50", "1.5"],
  [{ type: "decimal" }, -5, "-5"],
  [{ type: "decimal" }, 10n ** 33n, `1${"0".repeat(33)}`],
  [{ type: "bool" }, false, false],
  [{ type: "date" }, new Date("0001-01-01T00:00:00Z"), new Date("0001-01-01T00:00:00Z")],
  [{ type: "timestamp" }, new Date("9999-12-31T23:59:59.999Z"), new Date("9999-12-31T23:59:59.999Z")],
  [{ type: "json" }, { a: [1, -0, null, { b: undefined, c: "x" }] }, { a: [1, 0, null, { c: "x" }] }],
  [{ type: "json" }, false, false],
  [{ type: "json" }, Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
  [{ type: "list" }, ["b", "a", "b"], ["b", "a", "b"]],
  [{ type: "list", of: "real" }, [1.5, -0], [1.5, 0]],
  [{ type: "set" }, ["b", "\u{1f600}", "\u{ffff}", "a", "b"], ["a", "b", "\u{ffff}", "\u{1f600}"]],
  [{ type: "set", of: "int" }, [10, 9, 100, 9], [9, 10, 100]],
  [{ type: "set" }, [], []],
  [{ type: "blob" }, Buffer.from([1, 2]), new Uint8Array([1, 2])],
  [{ type: "email" }, "Zoë.o'neil+x@mail.example.com", "Zoë.o'neil+x@mail.example.com"],
  [{ type: "url" }, "https://example.com/a?b=c#d", "https://example.com/a?b=c#d"],
  [{ type: "phone" }, "+41 (44) 123-45.67", "+41 (44) 123-45.67"],
  [{ type: "uuid" }, "my own id", "my own id"],
  [{ type: "geohash" }, "u4pru", "u4pru"],
  [{ type: "geopoint" }, { lat: -90, lon: 180 }, { lat: -90, lon: 180 }],
];

const deep = JSON.parse("[".repeat(64) + "]".repeat(64)) as unknown;
const cyclic: unknown[] = [];
cyclic.push(cyclic);

const refused: readonly (readonly [ColumnDefinition, unknown])[] = [
  ...[5, true, ["a"], {}, "a\0b", "\ud800", "a\udc00b", new String("a")].map((value) => [{}, value] as const),
  ...["5", 1.5, 2 ** 53, Number.NaN, Infinity, 5n, true, new Date(5)].map((value) => [{ type: "int" }, value] as const),
  ...[5, "5", 2n ** 63n, -(2n ** 63n) - 1n].map((value) => [{ type: "int64" }, value] as const),
  ...["1.5", Number.NaN, -Infinity, 5n].map((value) => [{ type: "real" }, value] as const),
  ...[1.5, "", "+1", "1e3", ".5", "5.", "1,5", " 1", "0x1", `1${"0".repeat(34)}`, `0.${"0".repeat(30)}1`, 2 ** 53].map(
    (value) => [{ type: "decimal" }, value] as const,
  ),
  ...[0, 1, "true", "", null].map((value) => [{ type: "bool" }, value] as const),
  ...[0, "2020-01-01", new Date(Number.NaN), new Date("0000-12-31T23:59:59.999Z"), new Date(253402300800000)].map(
    (value) => [{ type: "date" }, value] as const,
  ),
  ...[new Date(0), 5n, () => 1, Symbol("x"), Number.NaN, undefined, "a\0", "\ud800", { "a\0": 1 }, { "\udfff": 1 }].flatMap((value) => [
    [{ type: "json" }, [value]] as const,
  ]),
  ...[{ a: new Date(0) }, new Map(), new (class Point {})(), Buffer.from("a"), [deep], cyclic, Array(2), { "a\0": 1 }].map(
    (value) => [{ type: "json" }, value] as const,
  ),
  ...["a,b", [1], [null], ["a\0"], Array(1), new Set(["a"])].map((value) => [{ type: "list" }, value] as const),
  ...[["1"], [1.5]].map((value) => [{ type: "set", of: "int" }, value] as const),
  ...["aGk=", [1, 2], new ArrayBuffer(2)].map((value) => [{ type: "blob" }, value] as const),
  ...["", "a", "@b.c", "a@", "a@b@c", "a b@c.d", "a@b..c", "a@b.c\n"].map((value) => [{ type: "email" }, value] as const),
  ...["", "example.com", "/a", "http://a b/", " http://a"].map((value) => [{ type: "url" }, value] as const),
  ...["", "12", "abc", "+", "1".repeat(21), "12a34"].map((value) => [{ type: "phone" }, value] as const),
  [{ type: "uuid" }, ""],
  ...["", "abc", "u4pruydqqvj88"].map((value) => [{ type: "geohash" }, value] as const),
  ...[{ lat: 91, lon: 0 }, { lat: 0, lon: -181 }, { lat: 0 }, { lat: 0, lon: 0, x: 1 }, [0, 0], { lat: "0", lon: 0 }].map(
    (value) => [{ type: "geopoint" }, value] as const,
  ),
];

describe("checkerOf", () => {
  it.each(taken)("of %j takes case %#", (definition, value, logical) => {
    const result = check(definition, value);
    expect(result).toStrictEqual(logical);
    expect(Object.is(result, -0)).toBe(false);
  });

  it.each(refused)("of %j refuses case %#", (definition, value) => expect(refusedBy(definition, value)).toBe("type"));

  it("copies what the caller could change", () => {
    const given = { json: { a: [1] }, list: ["a"], blob: new Uint8Array([1]), date: new Date(1) };
    const json = check({ type: "json" }, given.json) as typeof given.json;
    const list = check({ type: "list" }, given.list);
    const blob = check({ type: "blob" }, given.blob);
    const date = check({ type: "date" }, given.date);
    given.json.a.push(2);
    given.list.push("b");
    given.blob[0] = 2;
    given.date.setTime(2);
    expect([json, list, blob, date]).toEqual([{ a: [1] }, ["a"], new Uint8Array([1]), new Date(1)]);
  });

  it("gives JSON that equals what JSON itself gives", () =>
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "grapheme" }), (value) => {
        expect(checkJson(value)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    ));

  it("keeps a member named __proto__ as a member", () => {
    const result = check({ type: "json" }, JSON.parse('{ "__proto__": { "admin": true } }')) as { admin?: unknown };
    expect(Object.keys(result)).toEqual(["__proto__"]);
    expect(result.admin).toBeUndefined();
  });

  it("takes lists and objects up to 64 levels", () => expect(check({ type: "json" }, deep)).toEqual(deep));
});

describe("what a definition asks", () => {
  it.each<readonly [ColumnDefinition, unknown, unknown]>([
    [{ trim: true, lower: true }, "  ÀB ", "àb"],
    [{ upper: true }, "straße", "STRASSE"],
    [{ lower: true, cap: true }, "JEAN-luc o'NEIL 2nd élan", "Jean-Luc O'neil 2nd Élan"],
    [{ type: "email", trim: true }, " a@b.c ", "a@b.c"],
    [{ type: "real", decimals: 2 }, 1.005, 1.01],
    [{ type: "real", decimals: 0 }, -2.5, -3],
    [{ type: "real", decimals: 0 }, -0.4, 0],
    [{ type: "decimal", decimals: 2 }, "-1.005", "-1.01"],
    [{ type: "int", multiplier: 100 }, 5, 500],
    [{ type: "int", multiplier: 0.1 }, 30, 3],
    [{ type: "int64", multiplier: 10 }, 2n ** 59n, 10n * 2n ** 59n],
    [{ type: "decimal", multiplier: 0.1 }, "3", "0.3"],
    [{ type: "decimal", decimals: 1, multiplier: 3 }, "0.25", "0.9"],
    [{ values: ["a", "b"] }, "b", "b"],
    [{ type: "decimal", values: ["1.50"] }, "1.5", "1.5"],
    [{ type: "int64", values: [5] }, 5n, 5n],
    [{ type: "set", values: ["a", "b"] }, ["b"], ["b"]],
    [{ type: "int", min: 1, max: 5 }, 5, 5],
    [{ type: "decimal", min: 0.1 }, "0.1", "0.1"],
    [{ maxLength: 2 }, "😀😀", "😀😀"],
    [{ notEmpty: true, type: "json" }, 0, 0],
  ])("%j makes what it asks of case %#", (definition, value, logical) => expect(check(definition, value)).toStrictEqual(logical));

  it.each<readonly [ColumnDefinition, unknown, string]>([
    [{ type: "int", multiplier: 0.5 }, 3, "multiplier"],
    [{ type: "int", multiplier: 2 }, 2 ** 52, "multiplier"],
    [{ type: "real", multiplier: 10 }, 1e308, "multiplier"],
    [{ type: "int64", multiplier: 2 }, 2n ** 62n, "multiplier"],
    [{ values: ["a", "b"] }, "A", "values"],
    [{ type: "set", values: ["a", "b"] }, ["a", "c"], "values"],
    [{ type: "int", min: 1 }, 0, "min"],
    [{ type: "int64", max: 1 }, 2n, "max"],
    [{ type: "decimal", min: 0.1 }, "0.09", "min"],
    [{ type: "decimal", max: 10 }, "10.01", "max"],
    [{ type: "int", max: 100, multiplier: 100 }, 2, "max"],
    [{ maxLength: 2 }, "abc", "maxLength"],
    [{ maxLength: 2 }, "😀😀😀", "maxLength"],
    [{ type: "list", maxLength: 2 }, ["a", "a", "a"], "maxLength"],
    [{ type: "blob", maxLength: 2 }, new Uint8Array(3), "maxLength"],
    [{ notEmpty: true }, "", "notEmpty"],
    [{ notEmpty: true, trim: true }, "  ", "notEmpty"],
    [{ notEmpty: true, type: "set" }, [], "notEmpty"],
    [{ notEmpty: true, type: "json" }, {}, "notEmpty"],
    [{ notEmpty: true, type: "blob" }, new Uint8Array(), "notEmpty"],
    [{ primary: 2 }, "", "primary"],
    [{ primary: 2 }, "x".repeat(256), "maxLength: too-large"],
    [{ primary: 2, maxLength: 3 }, "four", "maxLength: too-large"],
  ])("%j refuses case %#", (definition, value, rule) => expect(refusedBy(definition, value)).toBe(rule));

  it("is checked in keys by code points", () => expect(check({ primary: 2 }, "😀".repeat(255))).toHaveLength(510));

  it("puts no value into messages", () => {
    for (const definition of [
      { values: ["x"] },
      { type: "int" },
      { maxLength: 3 },
      { type: "email" },
      { type: "decimal" },
    ] satisfies ColumnDefinition[]) {
      expect(() => check(definition, "s3cret value")).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining("s3cret") as string }),
      );
    }
  });
});

function schemaOf(validate: () => never | Promise<never>): StandardSchemaV1 {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

describe("a schema", () => {
  it("changes the value, which is checked again", () => {
    expect(check({ type: "int", check: z.number().transform((n) => n * 2) }, 4)).toBe(8);
    expect(refusedBy({ type: "int", check: z.number().transform(String) }, 4)).toBe("type");
    expect(refusedBy({ type: "int", max: 5, check: z.number().transform((n) => n * 2) }, 4)).toBe("max");
  });

  it("refuses with its own words", () => {
    expect(() => check({ check: z.string().regex(/^x/, "must begin with x") }, "abc")).toThrow(
      "column c is refused by its schema: must begin with x",
    );
  });

  it("must answer at once, with a value and without throwing", async () => {
    expect(refusedBy({ check: schemaOf(() => Promise.reject(new Error("late"))) }, "abc")).toBe("check");
    expect(refusedBy({ check: z.string().refine(async () => true) }, "abc")).toBe("check");
    expect(refusedBy({ check: z.string().transform(() => undefined) }, "abc")).toBe("check");
    const throwing = schemaOf(() => {
      throw new Error("broken");
    });
    expect(refusedBy({ check: throwing }, "abc")).toBe("check");
    // A rejection that nobody handles would end the run here.
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("filterCheckerOf", () => {
  const filter = (definition: ColumnDefinition, value: unknown, what?: "part"): unknown =>
    filterCheckerOf(columnOf(definition), what)(value);

  it("is as strict about types", () => {
    expect(() => filter({ type: "int" }, "5")).toThrow("integer");
    expect(() => filter({ type: "bool" }, 1)).toThrow("true or false");
    expect(() => filter({}, "a\0")).toThrow("U+0000");
    expect(filter({ type: "decimal" }, "1.50")).toBe("1.5");
  });

  it("asks no more than the type", () => {
    expect(filter({ type: "email" }, "a")).toBe("a");
    expect(filter({ type: "int", max: 5, multiplier: 10 }, 50)).toBe(50);
    expect(filter({ values: ["a"], maxLength: 1, notEmpty: true }, "long")).toBe("long");
    expect(filter({ type: "real", decimals: 1 }, 1.55)).toBe(1.55);
  });

  it("changes text as it was changed when stored; parts of text in case alone", () => {
    expect(filter({ trim: true, lower: true, cap: true }, " JOHN ")).toBe("John");
    expect(filter({ trim: true, lower: true }, " JO", "part")).toBe(" jo");
    expect(filter({ cap: true, upper: true }, "ohn", "part")).toBe("OHN");
    expect(filter({ cap: true }, "ohn", "part")).toBe("ohn");
  });

  it("takes one element of a list", () => {
    expect(filter({ type: "set", of: "int" }, 5)).toBe(5);
    expect(() => filter({ type: "set", of: "int" }, "5")).toThrow("integer");
    expect(() => filter({ type: "list" }, ["a"])).toThrow("an element of column c must be a string");
  });

  it.each(["json", "blob"] as const)("compares %s with nothing", (type) => expect(() => filter({ type }, {})).toThrow("absence"));
});
