// Exact decimal numbers as text in shortest form: no plus sign, exponent, needless zero or negative zero.

/** Most digits of a decimal, and most of them after the point. */
export const maxDecimalDigits = 34;
export const maxDecimalPlaces = 30;

const written = /^(-?)0*([0-9]+?)(?:\.([0-9]*?)0*)?$/;
const form = /^-?[0-9]+(?:\.[0-9]+)?$/;

/** The shortest text of a decimal that is written `-?digits(.digits)?`; undefined when it is written otherwise. */
export function shortestDecimal(text: string): string | undefined {
  if (!form.test(text)) return undefined;
  const [, sign, whole, fraction] = written.exec(text) ?? [];
  const body = fraction ? `${whole}.${fraction}` : whole!;
  return sign && body !== "0" ? `-${body}` : body;
}

/** Whether a decimal in shortest form has at most 34 digits, 30 of them after the point. */
export function fitsDecimal(text: string): boolean {
  const start = text.startsWith("-") ? 1 : 0;
  const point = text.indexOf(".");
  if (point < 0) return text.length - start <= maxDecimalDigits;
  const places = text.length - point - 1;
  // The zero before the point is no digit of the number: 0.001 has three.
  const whole = text.startsWith("0.", start) ? 0 : point - start;
  return places <= maxDecimalPlaces && whole + places <= maxDecimalDigits;
}

/** The exact shortest text that a finite number prints as: 1e-7 gives `0.0000001`. */
export function decimalOfNumber(value: number): string {
  const text = String(value);
  const at = text.indexOf("e");
  if (at < 0) return value === 0 ? "0" : text;
  const { units, scale } = scaled(text.slice(0, at));
  const exponent = Number(text.slice(at + 1));
  return exponent >= scale ? unscaled(units * 10n ** BigInt(exponent - scale), 0) : unscaled(units, scale - exponent);
}

/** Compares decimals in shortest form as numbers. */
export function compareDecimal(a: string, b: string): -1 | 0 | 1 {
  if (a === b) return 0;
  const aNegative = a.startsWith("-");
  if (aNegative !== b.startsWith("-")) return aNegative ? -1 : 1;
  if (aNegative) return compareAbsolute(b.slice(1), a.slice(1));
  return compareAbsolute(a, b);
}

function compareAbsolute(a: string, b: string): -1 | 0 | 1 {
  const aWhole = a.indexOf(".") < 0 ? a.length : a.indexOf(".");
  const bWhole = b.indexOf(".") < 0 ? b.length : b.indexOf(".");
  if (aWhole !== bWhole) return aWhole < bWhole ? -1 : 1;
  // Equal numbers of digits before the point: the order of the strings is that of the numbers.
  return a === b ? 0 : a < b ? -1 : 1;
}

/** The exact sum of two decimals, in shortest form; it may have more digits than a column takes. */
export function addDecimal(a: string, b: string): string {
  const x = scaled(a);
  const y = scaled(b);
  const scale = Math.max(x.scale, y.scale);
  return unscaled(x.units * 10n ** BigInt(scale - x.scale) + y.units * 10n ** BigInt(scale - y.scale), scale);
}

/** The exact product of two decimals, in shortest form; it may have more digits than a column takes. */
export function multiplyDecimal(a: string, b: string): string {
  const x = scaled(a);
  const y = scaled(b);
  return unscaled(x.units * y.units, x.scale + y.scale);
}

/** A decimal rounded to `places` digits after the point, half away from zero. */
export function roundDecimal(text: string, places: number): string {
  const { units, scale } = scaled(text);
  if (scale <= places) return text;
  const divisor = 10n ** BigInt(scale - places);
  const half = divisor / 2n;
  // Division of big integers cuts toward zero.
  return unscaled((units < 0n ? units - half : units + half) / divisor, places);
}

/** A decimal in units of its last place when it has `places` digits after the point; undefined when it has more. */
export function decimalUnits(text: string, places: number): bigint | undefined {
  const { units, scale } = scaled(text);
  return scale > places ? undefined : units * 10n ** BigInt(places - scale);
}

/** The decimal, in shortest form, of such units. */
export function decimalOfUnits(units: bigint, places: number): string {
  return unscaled(units, places);
}

function scaled(text: string): { units: bigint; scale: number } {
  const point = text.indexOf(".");
  if (point < 0) return { units: BigInt(text), scale: 0 };
  return { units: BigInt(text.slice(0, point) + text.slice(point + 1)), scale: text.length - point - 1 };
}

function unscaled(units: bigint, scale: number): string {
  const negative = units < 0n;
  const digits = String(negative ? -units : units).padStart(scale + 1, "0");
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return shortestDecimal(negative ? `-${text}` : text)!;
}
