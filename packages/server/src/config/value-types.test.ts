import { describe, expect, it } from "vitest";

import { bool, bytes, duration, json, pairs, regexp, shownBytes, shownDuration, words } from "./value-types.js";

describe("values of parameters", () => {
  it.each([
    [bool, "Yes", true],
    [bool, "0", false],
    [bool, "NULL", false],
    // Whole words: backendjs took all that begins with n or f for false.
    [bool, "next", undefined],
    [bool, "full", undefined],
    [bool, "", undefined],
    [duration(), "0", 0],
    [duration(), "1.5s", 1500],
    [duration(), "15m", 900_000],
    [duration(), "10", undefined],
    [duration(), "-1s", undefined],
    [duration({ min: 1000 }), "500ms", undefined],
    [bytes(), "64KB", 65_536],
    [bytes(), "17", 17],
    [bytes({ max: 1024 }), "2kb", undefined],
    [words(), "a, B|b,,c", ["a", "b", "c"]],
    [words(["web", "worker"]), "web,other", undefined],
    [words(), "", []],
    [
      pairs,
      "a:1, b:2:3",
      new Map([
        ["a", "1"],
        ["b", "2:3"],
      ]),
    ],
    [pairs, '{"a":"x,y"}', new Map([["a", "x,y"]])],
    [pairs, "__proto__:x", new Map([["__proto__", "x"]])],
    [pairs, "a", undefined],
    [pairs, '{"a":1}', undefined],
    [json, '{"a":[1]}', { a: [1] }],
    [json, "{a}", undefined],
    [regexp, "^/api", /^\/api/],
    [regexp, "a*", undefined],
    [regexp, "(", undefined],
  ])("%o reads %o as %o", (type, text, value) => {
    expect(type.read(text)).toEqual(value);
  });

  it("shows times and sizes as they are written", () => {
    for (const text of ["0", "500ms", "90s", "15m", "36h", "2d"]) expect(shownDuration(duration().read(text)!)).toBe(text);
    for (const text of ["0", "17", "64kb", "10mb", "3gb"]) expect(shownBytes(bytes().read(text)!)).toBe(text);
    // Too long for a timer is said so, as it is written like a time.
    expect([duration().read("30d"), duration().mustBe]).toEqual([undefined, "a time such as 500ms, 10s, 15m, 2h or 1d, less than 25d"]);
    expect(duration({ min: 1000, max: 60_000 }).mustBe).toBe("a time such as 500ms, 10s, 15m, 2h or 1d, from 1s to 1m");
  });
});
