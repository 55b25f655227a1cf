import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparatorOf, compareText, sameValue } from "./compare.js";
import type { Kind } from "./table.js";

// Characters on both sides of the surrogates, where UTF-16 order and code-point order differ.
const texts = fc.string({
  unit: fc.oneof(
    fc.constantFrom("a", "b", "\u{d7ff}", "\u{e000}", "\u{ffff}", "\u{10000}", "\u{1f600}", "\u{10ffff}"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
});

const orderedValues: readonly (readonly [Kind, fc.Arbitrary<unknown>])[] = [
  ["text", texts],
  ["int", fc.maxSafeInteger()],
  ["int64", fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  ["real", fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)],
  ["decimal", fc.integer().map((value) => String(value))],
  ["bool", fc.boolean()],
  ["time", fc.date({ noInvalidDate: true })],
];

describe("compareText", () => {
  it("orders as the bytes of UTF-8", () =>
    fc.assert(
      fc.property(texts, texts, (a, b) => void expect(compareText(a, b)).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))),
      { numRuns: 1000 },
    ));

  it("puts U+10000 after U+FFFF, where UTF-16 does not", () => {
    expect(compareText("\u{10000}", "\u{ffff}")).toBe(1);
    expect(["\u{ffff}", "\u{10000}"].sort()).toEqual(["\u{10000}", "\u{ffff}"]);
  });
});

describe.each(orderedValues)("the order of %s", (kind, values) => {
  const compare = comparatorOf(kind);
  const same = sameValue(kind);

  it("is total and agrees with equality", () =>
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        expect(compare(a, a)).toBe(0);
        expect(compare(a, b)).toBe(0 - compare(b, a) + 0);
        expect(compare(a, b) === 0).toBe(same(a, b));
        if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
      }),
    ));
});

describe("sameValue", () => {
  it.each(["text", "time", "json", "list", "blob"] as const)("of %s takes absent values as equal to each other alone", (kind) => {
    expect(sameValue(kind)(null, undefined)).toBe(true);
    expect(sameValue(kind)(null, kind === "time" ? new Date(0) : kind === "blob" ? new Uint8Array() : [])).toBe(false);
  });

  it("compares JSON deeply, whatever the order of members", () => {
    const same = sameValue("json");
    expect(same({ a: [1, { b: null }], c: "x" }, { c: "x", a: [1, { b: null }] })).toBe(true);
    expect(same({ a: 1 }, { a: 1, b: 2 })).toBe(false);
    expect(same({ a: 1 }, { b: 1 })).toBe(false);
    expect(same([1, 2], [2, 1])).toBe(false);
    expect(same([], {})).toBe(false);
    expect(same({ toString: 1 }, {})).toBe(false);
    expect(same({}, { toString: 1 })).toBe(false);
  });

  it("compares bytes", () => {
    expect(sameValue("blob")(new Uint8Array([1, 2]), Buffer.from([1, 2]))).toBe(true);
    expect(sameValue("blob")(new Uint8Array([1, 2]), new Uint8Array([1, 3]))).toBe(false);
  });
});

describe("comparatorOf", () => {
  it.each(["json", "list", "blob"] as const)("has no order for %s", (kind) => expect(() => comparatorOf(kind)([], [])).toThrow("no order"));
});
