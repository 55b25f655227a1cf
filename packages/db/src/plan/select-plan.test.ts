import { describe, expect, test } from "vitest";

import { allFilters, scalarKinds } from "../engines/core-filters.js";
import { parseFilter } from "../normalize/filter.js";
import type { Capabilities } from "../driver.js";
import { leastCapabilities } from "../testing/least-capabilities.js";
import { planSelect } from "./select-plan.js";
import { compileTables } from "../schema/compile-table.js";
import { parseSort } from "../normalize/order.js";

const photo = compileTables({
  photo: {
    owner: { primary: 1 },
    taken: { type: "bigint", primary: 2 },
    place: { index: 1 },
    stars: { type: "int", index: 2 },
    note: {},
    meta: { type: "json" },
  },
}).get("photo")!;

const any: Capabilities = { ...leastCapabilities, filters: allFilters, sorts: scalarKinds };
const partition: Capabilities = { ...any, access: "partition", filters: { text: ["eq", "gt"], int: ["eq", "gt"] }, sorts: [] };
const ordered: Capabilities = { ...partition, access: "ordered" };

function plan(capabilities: Capabilities, filter: object, sort?: string | string[]) {
  const condition = parseFilter(photo, filter, []);
  const { path, order, readOrder, coreSort, narrow, residual, pushed } = planSelect(photo, condition, parseSort(photo, sort), capabilities);
  const text = (columns: typeof order): string => columns.map((c) => `${c.descending ? "-" : ""}${c.column.name}`).join(" ");
  return {
    path: path === undefined ? "engine" : (path.index?.name ?? "key"),
    equal: path?.equal.length ?? 0,
    range: path?.range?.op,
    backwards: path?.descending ?? false,
    order: text(order),
    readOrder: text(readOrder),
    coreSort,
    narrow,
    isFiltered: residual !== undefined,
    pushes: "parts" in pushed ? pushed.parts.length : 1,
  };
}

describe("an engine that filters and sorts anything", () => {
  test("gets the whole filter, and a total order that ends with the key", () => {
    expect(plan(any, { place: "Rome" }, "-stars")).toMatchObject({
      path: "engine",
      order: "-stars -owner -taken",
      pushes: 1,
      isFiltered: false,
    });
  });
  test("gives one partition in range order", () => {
    expect(plan(any, { owner: "o" })).toMatchObject({ order: "taken" });
  });
  test("breaks ties in the direction of the last sort column", () => {
    expect(plan(any, {}, ["-stars", "place"])).toMatchObject({ order: "-stars place owner taken" });
  });
  test("leaves what it cannot evaluate to the core", () => {
    const plain: Capabilities = { ...any, filters: { text: ["eq"] } };
    expect(plan(plain, { place: { $ilike: "r%" }, owner: "o" })).toMatchObject({ pushes: 1, isFiltered: true });
  });
  test("knows whether a key or index serves a filter", () => {
    expect(plan(any, { note: "x" }).narrow).toBe(false);
    expect(plan(any, { place: { $gt: "x" } }).narrow).toBe(true);
  });
});

describe("an engine that reads by key or index", () => {
  test("takes the primary key when its hash column is given", () => {
    expect(plan(partition, { owner: "o", taken: { $gt: 5 } })).toMatchObject({
      path: "key",
      equal: 1,
      range: "gt",
      order: "taken",
      narrow: true,
    });
  });
  test("joins two bounds to one range and checks strict ones again", () => {
    expect(plan(partition, { owner: "o", taken: { $gt: 5, $le: 9 } })).toMatchObject({ range: "between", isFiltered: true });
  });
  test("takes the index whose first column is given", () => {
    expect(plan(partition, { place: "Rome" })).toMatchObject({
      path: "place_stars",
      equal: 1,
      order: "stars owner taken",
      narrow: true,
    });
  });
  test("reads backwards for a descending sort that the path has", () => {
    expect(plan(partition, { owner: "o" }, "-taken")).toMatchObject({ path: "key", backwards: true, coreSort: false });
    expect(plan(partition, { place: "Rome" }, "-stars")).toMatchObject({ path: "place_stars", backwards: true, coreSort: false });
  });
  test("prefers the path that has the order", () => {
    expect(plan(partition, { owner: "o", place: "Rome" }, "stars")).toMatchObject({ path: "place_stars", coreSort: false });
    expect(plan(partition, { owner: "o", place: "Rome" }, "taken")).toMatchObject({ path: "key", coreSort: false });
  });
  test("leaves an order that no path has to the core", () => {
    expect(plan(partition, { owner: "o" }, "note")).toMatchObject({ path: "key", coreSort: true, order: "note taken", readOrder: "taken" });
  });
  test("does not take an index for an order that stops in the middle of it", () => {
    expect(plan(ordered, { place: { $gt: "a" } }, "place")).toMatchObject({ coreSort: true });
  });
  test("says that nothing narrows the read when neither key nor index serves the filter", () => {
    expect(plan(partition, { note: "x" })).toMatchObject({ path: "engine", narrow: false });
    expect(plan(partition, { taken: { $gt: 1 } })).toMatchObject({ narrow: false });
    expect(plan(ordered, { owner: { $gt: "a" } })).toMatchObject({ path: "key", range: "gt", narrow: true });
  });
  test("a select without filter reads in the engine's order", () => {
    expect(plan(partition, {})).toMatchObject({ path: "engine", narrow: false, order: "owner taken" });
    expect(plan(ordered, {})).toMatchObject({ path: "key", narrow: false, order: "owner taken" });
    expect(plan(partition, {}, "stars")).toMatchObject({ coreSort: true, narrow: false });
  });
  test("does not let the engine filter by columns of its path beside it", () => {
    expect(plan(partition, { owner: "o", taken: [1, 2] })).toMatchObject({ path: "key", isFiltered: true, pushes: 0 });
  });
});
