import { expect, test } from "vitest";

import { rowRules } from "../normalize/row.js";
import { parseChanges } from "../normalize/changes.js";
import { compileTables } from "../schema/compile-table.js";
import { table as withSettings } from "../schema/define-tables.js";
import { applyChanges } from "./apply-changes.js";

const open = compileTables({ open: withSettings({ id: { primary: 1 } }, { open: true }) }).get("open")!;

function changed(rest: Record<string, unknown> | null, row: Record<string, unknown>): unknown {
  const values: unknown[] = [];
  const changes = parseChanges(rowRules(open), { id: "1", ...row }, { verb: "update" }, values);
  return applyChanges(changes, ["1", rest], values)[1];
}

test("undeclared columns are set, replaced and unset together, and the others stay", () => {
  expect(changed({ a: 1, b: 2, c: 3 }, { b: null, c: 4, d: [5] })).toEqual({ a: 1, c: 4, d: [5] });
  expect(changed(null, { a: 1 })).toEqual({ a: 1 });
  expect(changed({ a: 1 }, { a: null })).toBeNull();
});

// Copying the members for each change would take minutes, and the test would not end in time.
test("a change of 30,000 undeclared columns takes work in proportion to their number", () => {
  const named = (by: number): Record<string, number> => Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`c${i}`, i + by]));
  expect(changed(named(0), named(1))).toEqual(named(1));
});
