// Numbers as text that sorts, by code point, as the numbers do. Every string tells its own end when more text follows
// (that of a positive decimal when the next character sorts below the digits).

// One letter says sign and number of digits: Y is a negative number of one digit, X of two …; a, b … are positive.
const positive = "a".charCodeAt(0) - 1;
const negative = "Z".charCodeAt(0);

/** Text of an integer of at most 25 digits that sorts as the number. */
export function sortableInt(value: number | bigint): string {
  if (value >= 0) {
    const digits = value.toString();
    return String.fromCharCode(positive + digits.length) + digits;
  }
  const digits = value.toString().slice(1);
  return String.fromCharCode(negative - digits.length) + complement(digits);
}

/** The integer of a string that begins with one made by {@link sortableInt}; `length` is the number of its characters. */
export function readSortableInt(text: string, start = 0): { readonly value: bigint; readonly length: number } {
  const letter = text.charCodeAt(start);
  const count = letter > negative ? letter - positive : negative - letter;
  const digits = text.slice(start + 1, start + 1 + count);
  return { value: letter > negative ? BigInt(digits) : -BigInt(complement(digits)), length: 1 + count };
}

const view = new DataView(new ArrayBuffer(8));

/** 16 hexadecimal digits of a finite number that sort as the number; −0 is 0. */
export function sortableReal(value: number): string {
  view.setFloat64(0, value === 0 ? 0 : value);
  const bits = view.getBigUint64(0);
  const flipped = bits >> 63n === 1n ? ~bits & 0xffff_ffff_ffff_ffffn : bits | (1n << 63n);
  return flipped.toString(16).padStart(16, "0");
}

/** The number of a string made by {@link sortableReal}. */
export function readSortableReal(text: string): number {
  const flipped = BigInt(`0x${text}`);
  view.setBigUint64(0, flipped >> 63n === 1n ? flipped ^ (1n << 63n) : ~flipped & 0xffff_ffff_ffff_ffffn);
  return view.getFloat64(0);
}

/**
 * Text of a decimal in its shortest form, at most 34 digits, that sorts as the number: 0 for negative, 1 for zero and 2
 * for positive; the place of the first digit that is not 0, as two digits; the digits. For negative numbers all digits
 * are complemented, and a `~`, which is above them, ends the text.
 */
export function sortableDecimal(text: string): string {
  const isNegative = text.startsWith("-");
  const [whole = "", fraction = ""] = (isNegative ? text.slice(1) : text).split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return "1";
  const place = whole.length - (whole.length + fraction.length - digits.length);
  const body = String(place + 50).padStart(2, "0") + digits.replace(/0+$/, "");
  return isNegative ? `0${complement(body)}~` : `2${body}`;
}

/** The decimal, in its shortest form, of a string made by {@link sortableDecimal}. */
export function readSortableDecimal(text: string): string {
  if (text === "1") return "0";
  const isNegative = text.startsWith("0");
  const body = isNegative ? complement(text.slice(1, -1)) : text.slice(1);
  const place = Number(body.slice(0, 2)) - 50;
  const digits = body.slice(2);
  const whole = place > 0 ? digits.slice(0, place).padEnd(place, "0") : "0";
  const fraction = place > 0 ? digits.slice(place) : "0".repeat(-place) + digits;
  return `${isNegative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

function complement(digits: string): string {
  let result = "";
  for (let i = 0; i < digits.length; i++) result += 57 - digits.charCodeAt(i);
  return result;
}
