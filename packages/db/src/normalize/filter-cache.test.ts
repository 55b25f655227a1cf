import { expect, test } from "vitest";

import { compileTables } from "../schema/compile-table.js";
import { parseFilter } from "./filter.js";
import { type PlainFilters, learnFilter, plainFilter } from "./filter-cache.js";

const table = compileTables({ t: { id: { primary: 1 }, n: { type: "int" }, m: { type: "int" } } }).get("t")!;

function learned(...filters: readonly unknown[]): PlainFilters {
  const kept: PlainFilters = new Map();
  for (const filter of filters) {
    const values: unknown[] = [];
    learnFilter(kept, table, filter, parseFilter(table, filter, values), values);
  }
  return kept;
}

test("a plain filter that was met before gives the same condition and its own values", () => {
  const values: unknown[] = [];
  expect(plainFilter(learned({ n: { $gt: 5 }, m: 1 }), { n: { $gt: 7 }, m: 2 }, values)).toBeDefined();
  expect(values).toEqual([7, 2]);
});

test.each([
  [{ n: { $gt: 5 } }, { n$gt: 5 }],
  [
    { n: 5, m: 1 },
    { "n;m": 5, id: "a" },
  ],
  [{ n: 5, m: 1 }, { "n1:m": 5 }],
  [
    { n: 5, m: 1 },
    { n: {}, m: 1 },
  ],
  [{ n: { $gt: 1, $lt: 9 } }, { n$gt: 1, $lt: 9 }],
  [{ n: { $gt: 5 } }, { "n;$gt": 5 }],
])("a filter is never taken for another one that was asked before: %j, then %j", (asked, other) => {
  expect(plainFilter(learned(asked), other, [])).toBeUndefined();
});
