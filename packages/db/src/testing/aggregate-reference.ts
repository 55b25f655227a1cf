// Rows to compute over, and what is promised of them, by arithmetic of its own.

import { expect } from "vitest";

import { defineTables } from "../schema/define-tables.js";
import type { AnyDb, AnyOptions, AnyRow } from "./any-db.js";
import { byCodePoint, walkPages } from "./expectations.js";

export const tables = defineTables({
  sale: {
    owner: { primary: 1 },
    id: { type: "int", primary: 2 },
    place: { index: 1 },
    kind: {},
    stars: { type: "int" },
    big: { type: "int64" },
    weight: { type: "real" },
    price: { type: "decimal" },
    ok: { type: "bool" },
    at: { type: "timestamp" },
    tags: { type: "set" },
    data: { type: "json" },
  },
  lasting: { owner: { primary: 1 }, id: { type: "int", primary: 2 }, n: { type: "int" }, expires: { type: "ttl" } },
  shop: { id: { primary: 1 }, town: { index: 1 } },
  receipt: { shop: { primary: 1, ref: "shop" }, id: { type: "int", primary: 2 }, sum: { type: "int" } },
  guarded: { owner: { primary: 1 }, id: { primary: 2 }, count: {}, sum: { type: "int" } },
});

export const total = 40;

/** Duplicates and absent values in every column; prices in hundredths. */
export const rows: readonly AnyRow[] = Array.from({ length: total }, (_, id) => ({
  id,
  place: ["Rome", "rome", null, "Rome ", "é", "\uffff", "😀"][id % 7],
  kind: id % 3 === 0 ? null : ["a", "b"][id % 2],
  stars: id % 5 === 0 ? null : (id % 11) - 4,
  big: id % 4 === 0 ? null : 2n ** 61n * BigInt((id % 5) - 2) + BigInt(id),
  weight: id % 6 === 0 ? null : (id % 9) / 8 - 0.5,
  price: id % 8 === 0 ? null : priceOf(id * 37 - 500),
  ok: [null, true, false][id % 3],
  at: id % 7 === 0 ? null : new Date(Date.UTC(2020, id % 12, 1)),
}));

function priceOf(hundredths: number): string {
  return String(hundredths / 100);
}

const hundredthsOf = (price: unknown): bigint => BigInt(Math.round(Number(price) * 100));

export function compare(column: string, a: unknown, b: unknown): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  if (column === "price") return Number(a) - Number(b);
  if (typeof a === "string") return byCodePoint(a, b as string);
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

interface Sort {
  readonly name: string;
  readonly descending: boolean;
}

/** The groups as they are promised, by arithmetic of their own. */
export function groups(some: readonly AnyRow[], by: readonly string[], sort: readonly string[] = by): AnyRow[] {
  const sorts = sort.map((name): Sort => ({ name: name.replace(/^-/, ""), descending: name.startsWith("-") }));
  const descending = sorts.at(-1)?.descending ?? false;
  for (const name of by) if (!sorts.some((one) => one.name === name)) sorts.push({ name, descending });
  const found = new Map<string, { key: AnyRow; members: AnyRow[] }>();
  for (const row of some) {
    const key = Object.fromEntries(by.map((name) => [name, row[name]]));
    const id = by.map((name) => `${typeof row[name]} ${String(row[name])}`).join("|");
    const group = found.get(id) ?? { key, members: [] };
    group.members.push(row);
    found.set(id, group);
  }
  const order = (a: AnyRow, b: AnyRow): number =>
    sorts.reduce((result, one) => result || compare(one.name, a[one.name], b[one.name]) * (one.descending ? -1 : 1), 0);
  return [...found.values()].sort((a, b) => order(a.key, b.key)).map(({ key, members }) => ({ by: key, ...over(members) }));
}

/** Everything that can be computed of the columns. */
export const everything = {
  count: true,
  sum: ["stars", "big", "weight", "price"],
  avg: ["stars", "big", "weight", "price"],
  min: ["place", "stars", "big", "weight", "price", "ok", "at"],
  max: ["place", "stars", "big", "weight", "price", "ok", "at"],
};

export function over(members: readonly AnyRow[]): AnyRow {
  const present = (name: string): unknown[] => members.flatMap((row) => (row[name] === null ? [] : [row[name]]));
  const numbers = (name: string): number[] => present(name).map(Number);
  const add = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  const orNull = (name: string, value: () => unknown): unknown => (present(name).length === 0 ? null : value());
  const bigs = (present("big") as bigint[]).reduce((a, b) => a + b, 0n);
  const cents = present("price").reduce((sum: bigint, price) => sum + hundredthsOf(price), 0n);
  const end = (name: string, last: boolean): unknown =>
    orNull(name, () => present(name).sort((a, b) => compare(name, a, b) * (last ? -1 : 1))[0]);
  const ends = (last: boolean): AnyRow => Object.fromEntries(everything.min.map((name) => [name, end(name, last)]));
  return {
    count: members.length,
    sum: {
      stars: orNull("stars", () => add(numbers("stars"))),
      big: orNull("big", () => bigs),
      // Eighths add up without rounding.
      weight: orNull("weight", () => add(numbers("weight"))),
      price: orNull("price", () => decimal(cents * 10n ** 28n)),
    },
    avg: {
      stars: orNull("stars", () => add(numbers("stars")) / numbers("stars").length),
      big: orNull("big", () => expect.closeTo(Number(bigs) / present("big").length, -6)),
      weight: orNull("weight", () => add(numbers("weight")) / numbers("weight").length),
      price: orNull("price", () => decimal(rounded(cents * 10n ** 28n, BigInt(present("price").length)))),
    },
    min: ends(false),
    max: ends(true),
  };
}

/** Half away from zero. */
function rounded(dividend: bigint, divisor: bigint): bigint {
  const positive = dividend < 0n ? -dividend : dividend;
  const quotient = (2n * positive + divisor) / (2n * divisor);
  return dividend < 0n ? -quotient : quotient;
}

/** A decimal of units of its 30th place, in shortest form. */
function decimal(units: bigint): string {
  const digits = String(units < 0n ? -units : units).padStart(31, "0");
  const text = `${digits.slice(0, -30)}.${digits.slice(-30)}`.replace(/\.?0+$/, "");
  return units < 0n ? `-${text}` : text;
}

/** Writes the rows for two owners, once for each database. */
export function filler(): (db: AnyDb) => Promise<unknown> {
  let filled: Promise<unknown> | undefined;
  return (db) => (filled ??= Promise.all(["o", "p"].flatMap((owner) => rows.map((row) => db.put("sale", { owner, ...row })))));
}

/** Writes some rows of one owner. */
export function putSales(db: AnyDb, owner: string, some: readonly AnyRow[]): Promise<unknown> {
  return Promise.all(some.map((row, id) => db.put("sale", { owner, id, ...row })));
}

/** Every group of a call, page by page; pages before the last one are full. */
export async function walkGroups(db: AnyDb, filter: unknown, options: AnyOptions, limit: number): Promise<AnyRow[]> {
  const pages = await walkPages((own) => db.aggregate("sale", filter, own), { ...options, limit });
  for (const { rows: page, next } of pages) {
    if (next !== undefined) expect(page).toHaveLength(limit);
    expect(page.length).toBeLessThanOrEqual(limit);
  }
  return pages.flatMap((page) => page.rows);
}
