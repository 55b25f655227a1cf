import { describe, expect, it } from "vitest";

import { allOf, always, anyOf } from "../../reference/condition.js";
import { columnOf, count, del, get, orderOf, put, select, tableOf, test, update } from "../../../test/golden/shapes.js";
import type { SelectShape } from "../../driver.js";
import { mayBeLong } from "./may-be-long.js";

const page = (table: string, parts: Omit<Parameters<typeof select>[1], "columns">): SelectShape => select(table, { limit: 9, ...parts });
const owner = test("photo", "owner", "eq", 0);

describe("a statement on SQLite", () => {
  it.each([
    ["a get", get("photo")],
    ["a write of one row", put("photo", "put")],
    ["a change of one row", update("account", [["logins", "set", 1]])],
    ["a removal of one row", del("account")],
    ["a page without a filter, in order of the key", page("account", { order: orderOf("account", "id") })],
    ["a page of a partition", page("photo", { filter: owner, order: orderOf("photo", "taken") })],
    [
      "a page of a range, backwards",
      page("photo", { filter: allOf([owner, test("photo", "taken", "gt", 1)]), order: orderOf("photo", "-taken") }),
    ],
    ["a page of an index", page("photo", { filter: test("photo", "place", "eq", 0), order: orderOf("photo", "stars", "owner", "taken") })],
    ["a page in order of an index", page("photo", { order: orderOf("photo", "place", "stars", "owner", "taken") })],
    [
      "a row by a unique value, whatever else is asked",
      page("account", { filter: allOf([test("account", "email", "eq", 0), test("account", "name", "contains", 1)]) }),
    ],
    [
      "rows by a list of keys, sorted",
      page("account", { filter: test("account", "id", "in", 0, 1, 2), order: orderOf("account", "name") }),
    ],
    ["a count of one key", count("account", { filter: test("account", "id", "eq", 0) })],
    ["a removal by a filter that is a key", del("account", { target: "filter", key: [], guard: test("account", "id", "eq", 0) })],
  ])("is bounded: %s", (_name, shape) => {
    expect(mayBeLong(shape)).toBe(false);
  });

  it.each([
    ["a page by a column without an index", page("account", { filter: test("account", "name", "eq", 0), order: orderOf("account", "id") })],
    ["a page sorted without an index", page("account", { order: orderOf("account", "name", "id") })],
    [
      "a page of a partition by another column",
      page("photo", { filter: allOf([owner, test("photo", "stars", "gt", 1)]), order: orderOf("photo", "taken") }),
    ],
    ["a page of a partition in another order", page("photo", { filter: owner, order: orderOf("photo", "stars", "taken") })],
    ["a page in mixed directions", page("photo", { order: orderOf("photo", "place", "-stars", "owner", "taken") })],
    [
      "a part that an index does not see from its beginning",
      page("photo", { filter: test("photo", "stars", "eq", 0), order: orderOf("photo", "owner", "taken") }),
    ],
    ["alternatives", page("photo", { filter: anyOf([owner, test("photo", "place", "eq", 1)]), order: orderOf("photo", "owner", "taken") })],
    ["everything", select("account", { order: orderOf("account", "id") })],
    ["a search", page("post", { match: 0, order: orderOf("post", "id") })],
    ["a count", count("account")],
    ["a count of a partition", count("photo", { filter: owner })],
    ["changes by a filter", update("account", [["logins", "set", 1]], { target: "filter", key: [], guard: always })],
    ["removals by a filter", del("photo", { target: "filter", key: [], guard: owner })],
  ])("may be long: %s", (_name, shape) => {
    expect(mayBeLong(shape)).toBe(true);
  });

  it("may be long where the order of an index is not that of its columns", () => {
    const [index] = tableOf("photo").indexes;
    expect(index!.columns).toEqual([columnOf("photo", "place"), columnOf("photo", "stars")]);
    expect(mayBeLong(page("photo", { filter: test("photo", "place", "eq", 0), order: orderOf("photo", "owner", "taken", "stars") }))).toBe(
      true,
    );
  });
});
