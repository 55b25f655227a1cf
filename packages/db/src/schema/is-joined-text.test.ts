import { expect, it } from "vitest";
import { compileTables } from "./compile-table.js";
import { isJoinedText } from "./is-joined-text.js";
import type { Join } from "./table.js";

function joinOf(unjoin: boolean): Join {
  const own = { join: ["a", "b", "own"], unjoin };
  return compileTables({ t: { id: { primary: 1 }, a: {}, b: { type: "int" }, own } }).get("t")!.joins[0]!;
}

it("knows the joined text of a column that is a part of itself", () => {
  expect(isJoinedText(joinOf(false), "x|1|own", ["x", 1, undefined])).toBe(true);
  expect(isJoinedText(joinOf(false), "x|2|own", ["x", 1, undefined])).toBe(false);
  expect(isJoinedText(joinOf(false), "own", ["x", 1, undefined])).toBe(false);
  expect(isJoinedText(joinOf(false), null, ["x", 1, undefined])).toBe(false);
});

it("takes every value for the part where reads give the part", () =>
  expect(isJoinedText(joinOf(true), "x|1|own", ["x", 1, undefined])).toBe(false));
