import { describe, expect, it } from "vitest";
import { parseSearch, searchMatcher, wordsOf } from "./search-query.js";

describe("parseSearch", () => {
  it.each([
    ["rome", [["rome"]], []],
    ["Rome -milan", [["rome"]], [["milan"]]],
    ['"grand  hotel" sea', [["grand", "hotel"], ["sea"]], []],
    ['-"grand hotel"', [], [["grand", "hotel"]]],
    [
      "well-known a@b.c",
      [
        ["well", "known"],
        ["a", "b", "c"],
      ],
      [],
    ],
    ['open "to the end', [["open"], ["to", "the", "end"]], []],
    ['a"b c"d', [["a"], ["b", "c"], ["d"]], []],
    ["-", [], []],
    ['"" !! --', [], []],
    ["", [], []],
  ])("%j", (text, all, none) => {
    expect(parseSearch(text)).toEqual({ all, none });
  });
});

describe("wordsOf", () => {
  it("cuts at everything that is no letter or digit, in every script", () => {
    expect(wordsOf("Größe: 3½ m², 東京 e\u0301t\u0301 😀x_y")).toEqual(["größe", "3½", "m²", "東京", "e", "t", "x", "y"]);
  });
});

describe("searchMatcher", () => {
  const matches = (query: string, ...texts: (string | null)[]): boolean => searchMatcher(parseSearch(query), texts);

  it("wants every word, in any of the texts, and none of the excluded", () => {
    expect(matches("rome sea", "In ROME", "by the sea")).toBe(true);
    expect(matches("rome sea", "In Rome", null)).toBe(false);
    expect(matches("rome -sea", "In Rome", "by the sea")).toBe(false);
    expect(matches("rom", "Rome")).toBe(false);
  });

  it("finds a phrase within one text alone", () => {
    expect(matches('"a b c"', "x a b a b c")).toBe(true);
    expect(matches('"a b"', "x a", "b")).toBe(false);
  });

  it("holds for every row when it has no words to look for", () => {
    expect(matches("-milan", "Rome")).toBe(true);
    expect(matches("", null)).toBe(true);
  });
});
