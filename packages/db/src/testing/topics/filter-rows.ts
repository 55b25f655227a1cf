// Rows of every type for the tests of filters, and what plain JavaScript finds in them.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import type { AnyDb, AnyRow } from "../any-db.js";
import { byCodePoint } from "../expectations.js";

export const tables = defineTables({
  thing: {
    owner: { primary: 1 },
    id: { type: "int", primary: 2 },
    text: { index: 1 },
    n: { type: "int", index1: 1 },
    big: { type: "int64" },
    x: { type: "real" },
    price: { type: "decimal" },
    ok: { type: "bool" },
    at: { type: "timestamp" },
    tags: { type: "set" },
    codes: { type: "list", of: "int" },
    data: { type: "json" },
    bytes: { type: "blob" },
  },
});

export const texts = [
  "",
  "a",
  "A",
  "ab",
  "abc",
  "b",
  "a%b",
  "a_b",
  "axb",
  "a\\b",
  "%",
  "é",
  "E",
  "ß",
  "İstanbul",
  "\uffff",
  "😀",
  "line\nend",
  "a ",
  "null",
  "K",
];
export const numbers = [0, 1, -1, 2, 10, 9, 100, -100, 5, 5];

export const rows: readonly AnyRow[] = texts.map((text, i) => ({
  id: i,
  text: i % 7 === 6 ? null : text,
  n: i % 5 === 4 ? null : numbers[i % numbers.length],
  big: i % 6 === 5 ? null : BigInt(numbers[i % numbers.length]!) * 2n ** 55n,
  x: i % 4 === 3 ? null : numbers[i % numbers.length]! / 10,
  price: i % 5 === 2 ? null : ["9", "10", "-10", "-9", "0", "0.5", "0.05", "100"][i % 8],
  ok: [true, false, null][i % 3],
  at: i % 6 === 1 ? null : new Date(numbers[i % numbers.length]! * 1000 + 1),
  tags: i % 4 === 0 ? null : texts.slice(i % 5, (i % 5) + (i % 4)).sort(byCodePoint),
  codes: i % 4 === 1 ? null : numbers.slice(i % 7, (i % 7) + (i % 3)),
  data: i % 3 === 0 ? null : { i },
  bytes: i % 2 === 0 ? null : new Uint8Array([i]),
}));

type Holds = (value: never, operand: never) => boolean;
type Compare = (a: never, b: never) => number;

const numeric: Compare = (a: number, b: number) => (a < b ? -1 : a > b ? 1 : 0);
const compares: Readonly<Record<string, Compare>> = {
  text: byCodePoint as Compare,
  n: numeric,
  big: numeric,
  x: numeric,
  price: ((a: string, b: string) => Number(a) - Number(b)) as Compare,
  ok: ((a: boolean, b: boolean) => Number(a) - Number(b)) as Compare,
  at: ((a: Date, b: Date) => a.getTime() - b.getTime()) as Compare,
};

export const operands: Readonly<Record<string, readonly unknown[]>> = {
  text: ["a", "A", "ab", "", "😀", "zz", "\uffff", "é", "a%b", "null"],
  n: [0, 5, -1, 1000],
  big: [0n, 5n * 2n ** 55n, -1n],
  x: [0, 0.5, -0.1, 0.9],
  price: ["10", "9", "0.05", "-9.5"],
  ok: [true, false],
  at: [new Date(1), new Date(5001), new Date(-1), new Date(1e13)],
};

/** The operators that compare, as functions of a value and an operand. */
export function comparisons(column: string): Readonly<Record<string, Holds>> {
  const compare = compares[column]!;
  return {
    eq: (value, operand) => compare(value, operand) === 0,
    ne: (value, operand) => compare(value, operand) !== 0,
    gt: (value, operand) => compare(value, operand) > 0,
    ge: (value, operand) => compare(value, operand) >= 0,
    lt: (value, operand) => compare(value, operand) < 0,
    le: (value, operand) => compare(value, operand) <= 0,
  };
}

/** The ids of the rows with a value for which a test holds. */
export function matching(column: string, holds: (value: never) => boolean): number[] {
  return rows.filter((row) => row[column] !== null && holds(row[column] as never)).map((row) => row["id"] as number);
}

/** Finds the ids of the rows of one partition; fills the table before the first search. */
export type Find = (db: AnyDb, filter: object, options?: object) => Promise<number[]>;

/** A search in the rows above, for the tests of one topic. */
export function finder(): Find {
  let filled: Promise<void> | undefined;
  return async (db, filter, options = {}) => {
    await (filled ??= fill(db));
    const { rows: some, next } = await db.select("thing", { owner: "o", ...filter }, { ...options, count: 1000 });
    expect(next).toBeUndefined();
    return some.map((row) => row["id"] as number);
  };
}

async function fill(db: AnyDb): Promise<void> {
  // The rows of "p" are others that a search in "o" must not find.
  await Promise.all(["o", "p"].flatMap((owner) => rows.map((row) => db.put("thing", { owner, ...row }))));
}
