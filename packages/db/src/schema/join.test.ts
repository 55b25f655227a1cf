import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileTables } from "./compile-table.js";
import { joinPrefix, joinText, splitText } from "./join.js";
import type { Join } from "./table.js";

function joinOf(separator = "|"): Join {
  const joined = { join: ["a", "b", "c"], separator };
  const table = compileTables({ t: { id: { primary: 1 }, a: {}, b: { type: "int" }, c: joined } }).get("t")!;
  return table.joins[0]!;
}

const hostile = fc.string({ unit: fc.constantFrom("|", "\\", "a", "1", "-", "$", "&", "\u{1f600}"), maxLength: 6 });
const parts = fc.tuple(hostile, fc.maxSafeInteger(), hostile);

describe.each(["|", "$", "-", "1", "a"])("a join by %s", (separator) => {
  const join = joinOf(separator);

  it("gives its parts back", () =>
    fc.assert(fc.property(parts, (values) => void expect(splitText(join, joinText(join, values)!)).toEqual(values))));

  it("gives different texts for different parts", () =>
    fc.assert(
      fc.property(parts, parts, (a, b) => void expect(joinText(join, a) === joinText(join, b)).toBe(a.every((part, at) => part === b[at]))),
      { numRuns: 1000 },
    ));

  it("begins with the text of its leading parts exactly when they are equal", () =>
    fc.assert(
      fc.property(parts, hostile, fc.maxSafeInteger(), (values, a, b) => {
        const text = joinText(join, values)!;
        expect(text.startsWith(joinPrefix(join, values.slice(0, 1)))).toBe(true);
        expect(text.startsWith(joinPrefix(join, values.slice(0, 2)))).toBe(true);
        expect(text.startsWith(joinPrefix(join, [a]))).toBe(a === values[0]);
        expect(text.startsWith(joinPrefix(join, [a, b]))).toBe(a === values[0] && b === values[1]);
        expect(joinPrefix(join, values)).toBe(text);
      }),
    ));
});

describe("joinText", () => {
  it("is absent when a part is", () => {
    expect(joinText(joinOf(), ["x", null, "y"])).toBeNull();
    expect(joinText(joinOf(), ["x", 1])).toBeNull();
    expect(joinText(joinOf(), ["", 0, ""])).toBe("|0|");
  });

  it("writes every kind of part so that it comes back", () => {
    const table = compileTables({
      t: {
        id: { primary: 1 },
        i: { type: "int64" },
        r: { type: "real" },
        d: { type: "decimal" },
        b: { type: "bool" },
        t: { type: "date" },
        all: { join: ["i", "r", "d", "b", "t"] },
      },
    }).get("t")!;
    const values = [-(2n ** 63n), -1.5e-9, "-12.5", false, new Date(-1)];
    const text = joinText(table.joins[0]!, values)!;
    expect(text).toBe("-9223372036854775808|-1.5e-9|-12.5|false|-1");
    expect(splitText(table.joins[0]!, text)).toEqual(values);
  });
});

describe("splitText", () => {
  it("gives nulls for what this join did not write", () => {
    expect(splitText(joinOf(), "x|1")).toEqual([null, null, null]);
    expect(splitText(joinOf(), "x|one|y")).toEqual(["x", null, "y"]);
  });
});
