import { describe, expect, it } from "vitest";

import { defineTables } from "./define-tables.js";
import { compileTables } from "./compile-table.js";
import { averageOfUnits, quotient, sumOfUnits, unitsOf, unitsOfStored } from "./exact-sum.js";

const table = compileTables(
  defineTables({
    t: { id: { primary: 1 }, int: { type: "int" }, int64: { type: "int64" }, real: { type: "real" }, decimal: { type: "decimal" } },
  }),
).get("t")!;
const columnOf = (name: string) => table.byName.get(name)!;
const real = (value: number): bigint => unitsOf(columnOf("real"), value);
const one = real(1);

const samples = [
  0,
  1,
  0.1,
  1 / 3,
  2 ** -1074,
  3 * 2 ** -1074,
  2 ** -1022,
  2 ** -1022 - 2 ** -1074,
  5e-310,
  1e-300,
  2 ** 53 - 1,
  2 ** 53 + 2,
  1e300,
  Number.MAX_VALUE,
].flatMap((value) => [value, -value]);

describe("exact sums", () => {
  it("every double is a whole number of units, and comes back as it was", () => {
    for (const value of samples) expect(quotient(real(value), one)).toBe(value === 0 ? 0 : value);
  });

  it("a quotient is the nearest double, as a sum, a difference and a division of two doubles are", () => {
    for (const a of samples)
      for (const b of samples) {
        expect([a, b, quotient(real(a) + real(b), one)]).toEqual([a, b, a + b + 0]);
        if (b > 0) expect([a, b, quotient(real(a), real(b))]).toEqual([a, b, a / b + 0]);
      }
  });

  it("ties go to the even one, and whatever is behind a tie decides it", () => {
    const tie = 2n ** 53n + 1n;
    expect(quotient(tie, 1n)).toBe(2 ** 53);
    expect(quotient(tie * 10n ** 40n + 1n, 10n ** 40n)).toBe(2 ** 53 + 2);
    expect(quotient(-tie * 10n ** 40n - 1n, 10n ** 40n)).toBe(-(2 ** 53) - 2);
    expect(quotient(1n, 2n ** 1075n)).toBe(0);
    expect(quotient(3n, 2n ** 1075n)).toBe(2 ** -1073);
    expect(quotient(2n ** 60n + 1n, 2n ** 1135n)).toBe(2 ** -1074);
    expect(quotient(10n ** 400n, 1n)).toBe(Infinity);
  });

  it("a sum is undefined where a number cannot say it", () => {
    expect(sumOfUnits("int", 2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER);
    expect(sumOfUnits("int", 2n ** 53n)).toBeUndefined();
    expect(sumOfUnits("int", -(2n ** 53n))).toBeUndefined();
    expect(sumOfUnits("int64", 2n ** 70n)).toBe(2n ** 70n);
    expect(sumOfUnits("real", 2n * real(Number.MAX_VALUE))).toBeUndefined();
    expect(sumOfUnits("decimal", -15n * 10n ** 29n)).toBe("-1.5");
  });

  it("an average of decimals has at most 34 digits, 30 of them after the point, rounded half away from zero", () => {
    const units = (text: string): bigint => unitsOf(columnOf("decimal"), text);
    expect(averageOfUnits("decimal", units("2"), 3)).toBe(`0.${"6".repeat(29)}7`);
    expect(averageOfUnits("decimal", units("-2"), 3)).toBe(`-0.${"6".repeat(29)}7`);
    expect(averageOfUnits("decimal", units("1000000"), 3)).toBe(`333333.${"3".repeat(28)}`);
    expect(averageOfUnits("decimal", units("0.000000000000000000000000000001"), 2)).toBe("0.000000000000000000000000000001");
    expect(averageOfUnits("decimal", 2n * units("9".repeat(34)) - 1n, 2)).toBe("9".repeat(34));
    expect(averageOfUnits("decimal", 0n, 2)).toBe("0");
    expect(averageOfUnits("int", 5n, 2)).toBe(2.5);
  });

  it("reads the sums of engines as text or numbers, and refuses others by the column", () => {
    for (const stored of ["12", "12.00", 12, 12n]) expect(unitsOfStored(columnOf("int"), stored)).toBe(12n);
    expect(unitsOfStored(columnOf("decimal"), "1.50")).toBe(unitsOf(columnOf("decimal"), "1.5"));
    for (const [name, stored] of [
      ["int", "1.5"],
      ["int64", "NaN"],
      ["decimal", "NaN"],
      ["decimal", `0.${"0".repeat(30)}1`],
    ] as const)
      expect(() => unitsOfStored(columnOf(name), stored)).toThrow(expect.objectContaining({ code: "drift", column: name }) as Error);
  });
});
