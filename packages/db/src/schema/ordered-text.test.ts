import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparatorOf, compareText } from "./compare.js";
import { compileTables } from "./compile-table.js";
import { shortestDecimal } from "./decimal.js";
import { readSortableDecimal, readSortableInt, readSortableReal, sortableDecimal, sortableInt, sortableReal } from "./sortable.js";
import type { Column } from "./table.js";
import { decodeKey, encodeKey, encodeKeyPrefix, encodeKeyPresent, keyUpper, textAfterPrefix } from "./ordered-text.js";

const table = compileTables({
  t: {
    hash: { primary: 1 },
    range: { type: "bigint", primary: 2 },
    text: {},
    int: { type: "int" },
    int64: { type: "int64" },
    real: { type: "real" },
    decimal: { type: "decimal" },
    bool: { type: "bool" },
    time: { type: "timestamp" },
    json: { type: "json" },
  },
}).get("t")!;

function columnsOf(...names: string[]): Column[] {
  return names.map((name) => table.byName.get(name)!);
}

// Characters around every boundary of the encoding and of UTF-16.
const character = fc.constantFrom(
  "a",
  "b",
  "\u0001",
  "\u0002",
  "\u0003",
  "|",
  "\\",
  "\u007f",
  "é",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "\u{10000}",
  "\u{10ffff}",
);
const text = fc.string({ unit: character, maxLength: 6 });
const int = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -12, max: 12 }), fc.constantFrom(99, 100, -99, -100, 999_999, 1_000_000));
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -11n, max: 11n }));
const real = fc
  .oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, 1, -1, Number.MIN_VALUE, -Number.MIN_VALUE, Number.MAX_VALUE),
  )
  .map((value) => value + 0);
const digits = fc.string({ unit: fc.constantFrom("0", "1", "5", "9"), minLength: 1, maxLength: 17 });
const decimal = fc
  .tuple(fc.boolean(), digits, fc.option(digits, { nil: undefined }))
  .map(([negative, whole, fraction]) => shortestDecimal(`${negative ? "-" : ""}${whole}${fraction === undefined ? "" : `.${fraction}`}`)!);
const time = fc.date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true });

const valuesOf = { text, int, int64, real, decimal, bool: fc.boolean(), time } as const;
const names = Object.keys(valuesOf) as (keyof typeof valuesOf)[];

/** The order that keys must have: null first, then by the columns' own order, column by column. */
function compareRows(columns: readonly Column[], a: readonly unknown[], b: readonly unknown[]): number {
  for (let i = 0; i < columns.length; i++) {
    const [x, y] = [a[i], b[i]];
    if (x === null || y === null) {
      if (x !== y) return x === null ? -1 : 1;
      continue;
    }
    const order = comparatorOf(columns[i]!.kind)(x, y);
    if (order !== 0) return order;
  }
  return 0;
}

describe("sortable numbers", () => {
  it("sort as the numbers and come back as they were", () => {
    fc.assert(
      fc.property(int64, int64, (a, b) => {
        expect(compareText(sortableInt(a), sortableInt(b))).toBe(comparatorOf("int64")(a, b));
        expect(readSortableInt(sortableInt(a))).toEqual({ value: a, length: sortableInt(a).length });
      }),
    );
    fc.assert(
      fc.property(real, real, (a, b) => {
        expect(compareText(sortableReal(a), sortableReal(b))).toBe(comparatorOf("real")(a, b));
        expect(readSortableReal(sortableReal(a))).toBe(a);
      }),
    );
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        expect(compareText(sortableDecimal(a), sortableDecimal(b))).toBe(comparatorOf("decimal")(a, b));
        expect(readSortableDecimal(sortableDecimal(a))).toBe(a);
      }),
      { numRuns: 1000 },
    );
  });

  it("takes numbers and bigints for one", () => {
    expect(sortableInt(-0)).toBe(sortableInt(0n));
    expect(sortableInt(-17)).toBe(sortableInt(-17n));
  });

  it.each(["0", "-0.000000000000000000000000000001", "9999999999999999999999999999999999", "-9999.0001", "100", "0.1", "10.01"])(
    "brings back the decimal %s",
    (value) => expect(readSortableDecimal(sortableDecimal(value))).toBe(value),
  );
});

describe("encodeKey", () => {
  for (const first of names) {
    it(`sorts ${first} with nulls, alone and before every other kind, as its values`, () => {
      for (const second of names) {
        const columns = columnsOf(first, second);
        const row = fc.tuple(fc.option(valuesOf[first] as fc.Arbitrary<unknown>), fc.option(valuesOf[second] as fc.Arbitrary<unknown>));
        fc.assert(
          fc.property(row, row, (a, b) => {
            const keys = [encodeKey(columns, a), encodeKey(columns, b)] as const;
            expect(compareText(...keys)).toBe(Math.sign(compareRows(columns, a, b)));
            expect(decodeKey(columns, keys[0])).toEqual(a);
            expect(keys[0].startsWith(encodeKey(columns, a.slice(0, 1)))).toBe(true);
            expect(keys[0].isWellFormed() && !keys[0].includes("\0")).toBe(true);
          }),
          { numRuns: 60 },
        );
      }
    });
  }

  it("begins with the text of fewer columns only when these are equal", () => {
    const columns = columnsOf("hash", "range");
    fc.assert(
      fc.property(text, text, int, (a, b, range) => {
        expect(encodeKey(columns, [a, range]).startsWith(encodeKey(columns, [b]))).toBe(a === b);
        expect(decodeKey(columns, encodeKey(columns, [a, range]))).toEqual([a, range]);
      }),
    );
  });

  it("finds by a text's prefix exactly the rows whose text begins with it", () => {
    for (const columns of [columnsOf("hash"), columnsOf("int", "text")]) {
      const leading = columns.length === 1 ? [] : [null];
      fc.assert(
        fc.property(text, text, (value, prefix) => {
          const key = encodeKey(columns, [...leading, value]);
          expect(key.startsWith(encodeKeyPrefix(columns, leading, prefix))).toBe(value.startsWith(prefix));
        }),
      );
    }
  });

  it("parts absent from present values", () => {
    const columns = columnsOf("hash", "text");
    const present = encodeKeyPresent(columns, ["h"]);
    expect(encodeKey(columns, ["h", ""]).startsWith(present)).toBe(true);
    expect(encodeKey(columns, ["h", null]).startsWith(present)).toBe(false);
  });

  it("refuses kinds without an order", () => {
    expect(() => encodeKey(columnsOf("json"), [{}])).toThrow("json");
  });
});

describe("decodeKey", () => {
  it("refuses every text that encodeKey did not make, and takes none for another", () => {
    for (const first of names)
      fc.assert(
        fc.property(fc.string({ unit: "binary" }), (forged) => {
          const columns = columnsOf(first);
          let values: unknown[];
          try {
            values = decodeKey(columns, forged);
          } catch (error) {
            expect(error).toMatchObject({ code: "invalid", outcome: "none" });
            return;
          }
          expect(encodeKey(columns, values)).toBe(forged);
        }),
      );
  });

  it.each([
    ["text without an end", "text", "\u0002abc"],
    ["text with more after it", "text", "\u0002abc\u0001abc"],
    ["text with U+0000", "text", "\u0002a\0\u0001"],
    ["nothing", "text", ""],
    ["an integer without digits", "int", "\u0002a"],
    ["an integer beyond the safe ones", "int", "\u0002p9999999999999999"],
    ["an integer of a letter that is none", "int", "\u0002\uffff1"],
    ["a 64-bit integer of 65 bits", "int64", "\u0002s9999999999999999999"],
    ["a number that is none", "real", "\u0002ffffffffffffffff"],
    ["a decimal without digits", "decimal", "\u00022\u0001"],
    ["a truth value that is neither", "bool", "\u00022"],
    ["a time after the last year", "time", "\u0002p9999999999999999"],
  ] as const)("refuses %s", (_what, kind, forged) => {
    expect(() => decodeKey(columnsOf(kind as never), forged)).toThrow(expect.objectContaining({ code: "invalid" }) as Error);
  });
});

describe("keyUpper", () => {
  it("is above every text with the prefix and not above any other", () => {
    fc.assert(
      fc.property(text, text, (prefix, other) => {
        const upper = textAfterPrefix(prefix);
        if (upper === undefined) {
          expect(prefix).toMatch(/^\u{10ffff}*$/u);
          return;
        }
        expect(upper.isWellFormed()).toBe(true);
        expect(compareText(prefix + other, upper)).toBe(-1);
        const isInside = compareText(other, prefix) >= 0 && compareText(other, upper) < 0;
        expect(isInside).toBe(other.startsWith(prefix));
      }),
      { numRuns: 1000 },
    );
  });

  it("skips surrogates", () => {
    expect(keyUpper("a\ud7ff")).toBe("a\ue000");
    expect(keyUpper("a\uffff")).toBe("a\u{10000}");
    expect(keyUpper("a\u{10ffff}")).toBe("b");
  });

  it("has no answer for a prefix of every text", () => {
    expect(() => keyUpper("")).toThrow("no text");
    expect(() => keyUpper("\u{10ffff}")).toThrow("no text");
  });
});
