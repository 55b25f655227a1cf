import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDecimal, compareDecimal, decimalOfNumber, fitsDecimal, multiplyDecimal, roundDecimal, shortestDecimal } from "./decimal.js";

/** A decimal with its value as units of 10^-12, for arithmetic with big integers. */
const decimals = fc.tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 12 })).map(([units, scale]) => {
  const sign = units < 0n ? "-" : "";
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return { written: sign + text, text: shortestDecimal(sign + text)!, units: units * 10n ** BigInt(12 - scale) };
});

function unitsOf(text: string, scale: number): bigint {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(scale, "0"));
}

describe("shortestDecimal", () => {
  it.each([
    ["1.50", "1.5"],
    ["007", "7"],
    ["-0", "0"],
    ["-0.000", "0"],
    ["0.10", "0.1"],
    ["-00.010", "-0.01"],
    ["100", "100"],
    ["10.00", "10"],
  ])("gives %s as %s", (written, shortest) => expect(shortestDecimal(written)).toBe(shortest));

  it.each(["", "+1", "1e3", ".5", "5.", "1_000", " 1", "1\n", "٣", "0x1", "--1", "1.2.3", "NaN"])("refuses %j", (text) =>
    expect(shortestDecimal(text)).toBeUndefined(),
  );

  it("keeps the value and is its own shortest form", () =>
    fc.assert(
      fc.property(decimals, ({ text, units }) => {
        expect(unitsOf(text, 12)).toBe(units);
        expect(shortestDecimal(text)).toBe(text);
        expect(text).not.toMatch(/^-?0[0-9]|\.[0-9]*0$|^-0$/);
      }),
    ));
});

describe("fitsDecimal", () => {
  it("takes 34 digits, 30 of them after the point", () => {
    expect(fitsDecimal("9".repeat(34))).toBe(true);
    expect(fitsDecimal("-" + "9".repeat(34))).toBe(true);
    expect(fitsDecimal("9".repeat(35))).toBe(false);
    expect(fitsDecimal(`1234.${"1".repeat(30)}`)).toBe(true);
    expect(fitsDecimal(`12345.${"1".repeat(30)}`)).toBe(false);
    expect(fitsDecimal(`-0.${"1".repeat(30)}`)).toBe(true);
    expect(fitsDecimal(`0.${"1".repeat(31)}`)).toBe(false);
  });
});

describe("decimal arithmetic", () => {
  it("compares as big integers do", () =>
    fc.assert(
      fc.property(
        decimals,
        decimals,
        (a, b) => void expect(compareDecimal(a.text, b.text)).toBe(a.units < b.units ? -1 : a.units > b.units ? 1 : 0),
      ),
    ));

  it("adds as big integers do", () =>
    fc.assert(fc.property(decimals, decimals, (a, b) => void expect(unitsOf(addDecimal(a.text, b.text), 12)).toBe(a.units + b.units))));

  it("multiplies as big integers do", () =>
    fc.assert(
      fc.property(decimals, decimals, (a, b) => void expect(unitsOf(multiplyDecimal(a.text, b.text), 24)).toBe(a.units * b.units)),
    ));

  it("rounds half away from zero", () => {
    expect(["1.005", "-1.005", "1.004", "0.994", "0.995", "-0.5", "2.5", "7"].map((text) => roundDecimal(text, 2))).toEqual([
      "1.01",
      "-1.01",
      "1",
      "0.99",
      "1",
      "-0.5",
      "2.5",
      "7",
    ]);
    expect(["0.5", "-0.5", "0.49", "-0.49", "99.5"].map((text) => roundDecimal(text, 0))).toEqual(["1", "-1", "0", "0", "100"]);
  });

  it("is never further than half a unit from what it rounds", () =>
    fc.assert(
      fc.property(decimals, fc.integer({ min: 0, max: 12 }), ({ text, units }, places) => {
        const distance = unitsOf(roundDecimal(text, places), 12) - units;
        const unit = 10n ** BigInt(12 - places);
        expect((distance < 0n ? -distance : distance) * 2n <= unit).toBe(true);
      }),
    ));

  it("writes any finite number without an exponent", () => {
    expect([1e-7, 1.5e21, -2.5e-8, 123456789012345680000, 0, -0, 5e-324].map(decimalOfNumber).map((text) => text.slice(0, 30))).toEqual([
      "0.0000001",
      "1500000000000000000000",
      "-0.000000025",
      "123456789012345680000",
      "0",
      "0",
      "0.0000000000000000000000000000",
    ]);
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (value) => void expect(Number(decimalOfNumber(value))).toBe(value + 0),
      ),
    );
  });
});
