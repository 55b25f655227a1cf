import { describe, expect, it } from "vitest";

import { either, flag, integer, list, number, oneOf, type OptionType, problemOf, readOptions, settingsOf, string } from "./options.js";

const fail = (option: string, problem: string): Error => new Error(`${option}: ${problem}`);
const types = { on: flag, max: integer({ min: 1, max: 9 }), rate: number(), name: string(), mode: oneOf(["a", "b"]), names: list };

describe("readOptions", () => {
  it("gives values of their types, and nothing for what is not given", () => {
    expect(readOptions({ on: true, max: 3, name: "x", mode: "b", names: ["a"], rate: undefined }, types, fail)).toEqual({
      on: true,
      max: 3,
      name: "x",
      mode: "b",
      names: ["a"],
    });
  });

  it("reads the texts of a URL", () => {
    const given = { on: "1", max: "9", rate: "0.5", names: "a, b" };
    expect(readOptions(given, types, fail)).toEqual({ on: true, max: 9, rate: 0.5, names: ["a", "b"] });
  });

  it("refuses unknown options and lists those that exist", () => {
    expect(() => readOptions({ maxx: 1 }, types, fail)).toThrow('maxx: unknown option "maxx"; there are on, max, rate, name, mode, names');
    expect(() => readOptions({ a: 1 }, {}, fail)).toThrow('unknown option "a"; there are none');
    for (const inherited of ["constructor", "toString"])
      expect(() => readOptions({ [inherited]: 1 }, types, fail)).toThrow("unknown option");
    expect(() => readOptions(JSON.parse('{"__proto__": 1}') as Record<string, unknown>, types, fail)).toThrow("unknown option");
  });

  it("says what an option takes, and never what was given", () => {
    expect(() => readOptions({ max: "secret" }, types, fail)).toThrow('max: option "max" must be an integer from 1 to 9');
    expect(() => readOptions({ mode: "secret" }, types, fail)).toThrow('mode: option "mode" must be one of a, b');
  });
});

describe("an option", () => {
  it.each<[string, OptionType<unknown>, readonly unknown[], readonly unknown[]]>([
    ["a flag", flag, [true, "true", "1", false, "false", "0"], ["yes", 1, 0, null, ""]],
    ["an integer", integer({ min: -1, max: 5 }), [-1, 5, "5", "-1"], [6, -2, 1.5, "1.5", "0x1", "", " 1", NaN, 1n, null]],
    ["a number", number({ max: 1 }), [0.5, 1, "0.5"], [0, -1, 2, "", " ", "a", NaN, Infinity, null]],
    ["a string", string(), ["a"], ["", 5, null]],
    ["a string with a rule", string("a digit", (text) => /^\d$/.test(text)), ["5"], ["55", "", 5]],
    ["a word", oneOf(["on", "off"]), ["on", "off"], ["ON", "", "constructor", true]],
    ["a list", list, [["a"], "a", "a,b"], [[], "", "a,,b", [1], {}, null]],
    ["settings", settingsOf("tls"), [{}, { ca: "x" }], [[], null, "x", true]],
    ["one of two types", either(flag, settingsOf("tls")), [false, {}], ["x", null]],
  ])("%s takes its values and no others", (_name, type, right, wrong) => {
    for (const value of right) expect(problemOf(type, value)).toBeUndefined();
    for (const value of wrong) expect(problemOf(type, value)).toBe(`must be ${type.mustBe}`);
  });
});
