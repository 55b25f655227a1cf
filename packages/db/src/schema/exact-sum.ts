// Sums without rounding, whatever the order of the values: each kind of number is counted in units of which all its values
// are whole multiples.

import { decimalOfUnits, decimalUnits, maxDecimalDigits, maxDecimalPlaces, shortestDecimal } from "./decimal.js";
import { misfit } from "./refuse.js";
import { wholeNumber } from "./whole-number.js";
import type { Column, Kind } from "./table.js";

/** Units of a real: the smallest number above 0 that a double holds is one. */
const realUnit = 1n << 1074n;
const decimalUnit = 10n ** BigInt(maxDecimalPlaces);

/** How many units make 1. */
function unitsOfOne(kind: Kind): bigint {
  return kind === "real" ? realUnit : kind === "decimal" ? decimalUnit : 1n;
}

/** A present value of a column of numbers in its units. */
export function unitsOf(column: Column, value: unknown): bigint {
  switch (column.kind) {
    case "int":
      return BigInt(value as number);
    case "int64":
      return value as bigint;
    case "decimal":
      return decimalUnits(value as string, maxDecimalPlaces) ?? refuseStored(column);
    case "real":
      return realUnits(value as number);
    default:
      throw new TypeError(`column ${column.name} has no sum`);
  }
}

/** An engine's sum of an `int`, `int64` or `decimal` column in its units: text of digits, or a number or bigint that is exact. */
export function unitsOfStored(column: Column, stored: unknown): bigint {
  if (column.kind !== "decimal") return wholeNumber(stored) ?? refuseStored(column);
  const text = shortestDecimal(String(stored));
  return (text === undefined ? undefined : decimalUnits(text, maxDecimalPlaces)) ?? refuseStored(column);
}

function refuseStored(column: Column): never {
  throw misfit(column);
}

/**
 * The sum that so many units are: a number of `int` and `real`, a bigint of `int64`, a text of `decimal`, which may have
 * more digits than a column takes. Undefined where the number cannot say it: beyond ±(2^53 − 1) of `int`, infinite of `real`.
 */
export function sumOfUnits(kind: Kind, units: bigint): number | bigint | string | undefined {
  if (kind === "int64") return units;
  if (kind === "decimal") return decimalOfUnits(units, maxDecimalPlaces);
  const sum = kind === "int" ? Number(units) : quotient(units, realUnit);
  return (kind === "int" ? Number.isSafeInteger(sum) : Number.isFinite(sum)) ? sum : undefined;
}

/**
 * The average of `count` values: the double that is nearest to it; of `decimal` a text, rounded half away from zero to 30
 * digits after the point and 34 in all, as a column takes.
 */
export function averageOfUnits(kind: Kind, units: bigint, count: number): number | string {
  if (kind !== "decimal") return quotient(units, unitsOfOne(kind) * BigInt(count));
  const divisor = decimalUnit * BigInt(count);
  const whole = absolute(units) / divisor;
  const places = Math.min(maxDecimalPlaces, maxDecimalDigits - (whole === 0n ? 0 : String(whole).length));
  const scaled = absolute(units) * 10n ** BigInt(places);
  const rounded = (2n * scaled + divisor) / (2n * divisor);
  return decimalOfUnits(units < 0n ? -rounded : rounded, places);
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

const view = new DataView(new ArrayBuffer(8));

function realUnits(value: number): bigint {
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const units = exponent === 0n ? fraction : (fraction | 0x10_0000_0000_0000n) << (exponent - 1n);
  return bits >> 63n === 1n ? -units : units;
}

/** Bits of a quotient that are kept before it is rounded: more than the 53 of a double and one that says what is behind them. */
const keptBits = 66;

/** The double nearest to a fraction, ties to even; `divisor` is positive. Infinite where it is beyond all doubles. */
export function quotient(dividend: bigint, divisor: bigint): number {
  if (dividend === 0n) return 0;
  const positive = absolute(dividend);
  // 2^-shift is the unit of `kept`; whatever is left behind it counts as one bit, which no tie has.
  const shift = keptBits - (bitsOf(positive) - bitsOf(divisor));
  const [top, bottom] = shift >= 0 ? [positive << BigInt(shift), divisor] : [positive, divisor << BigInt(-shift)];
  const kept = top / bottom;
  const exact = kept * bottom === top;
  // In two steps, since the whole power may be outside of what a double holds.
  const near = 1 - keptBits;
  const result = isTiny(kept, shift) ? tiny(kept, shift, exact) : Number(exact ? kept : kept | 1n) * 2 ** near * 2 ** -(shift + near);
  // Not -result, which may be −0.
  return dividend < 0n ? 0 - result : result;
}

/** Below the numbers that have all 53 bits. */
function isTiny(kept: bigint, shift: number): boolean {
  return bitsOf(kept) - shift < -1021;
}

function tiny(kept: bigint, shift: number, exact: boolean): number {
  const behind = BigInt(shift - 1074);
  const units = kept >> behind;
  const rest = kept - (units << behind);
  const half = 1n << (behind - 1n);
  const up = rest > half || (rest === half && (!exact || units % 2n === 1n));
  return Number(units + (up ? 1n : 0n)) * Number.MIN_VALUE;
}

function bitsOf(positive: bigint): number {
  const digits = positive.toString(16);
  return 4 * digits.length - Math.clz32(Number.parseInt(digits[0]!, 16)) + 28;
}
