/** The integer that an engine gives as a bigint, a number or digits, `5.00` of a decimal type too; undefined for what is none. */
export function wholeNumber(stored: unknown): bigint | undefined {
  const digits = typeof stored === "number" ? String(stored) : typeof stored === "string" ? stored.replace(/\.0+$/, "") : stored;
  return typeof digits === "bigint" ? digits : /^-?\d+$/.test(digits as string) ? BigInt(digits as string) : undefined;
}
