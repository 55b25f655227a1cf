import { describe, expect, it } from "vitest";
import { encodeJson } from "./json.js";

const encode = (value: unknown, maxBytes = 1000): string => encodeJson(value, maxBytes, "submit: the message");

describe("encodeJson", () => {
  it("gives what JSON.stringify gives for what JSON can hold", () => {
    const own: unknown = Object.assign(Object.create(null) as object, { a: 1 });
    for (const value of [null, 0, -1.5, "", "é😀", false, [], {}, [[1], { a: [null] }], own])
      expect(encode(value)).toBe(JSON.stringify(value));
  });

  it("leaves out members that are undefined", () => {
    expect(encode({ a: undefined, b: 1 })).toBe('{"b":1}');
  });

  it("refuses what JSON would change without a word", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    const odd = [undefined, [undefined], NaN, { a: Infinity }, 1n, Symbol("s"), () => 1, new Date(0), new Map(), /x/, "\ud800", circle];
    for (const value of [...odd, { "\ud800": 1 }, { toJSON: () => 1 }])
      expect(() => encode(value)).toThrow(expect.objectContaining({ code: "invalid", outcome: "none" }));
  });

  it("refuses a text of more bytes than are allowed, and says how many it has", () => {
    expect(encode("é".repeat(4), 10)).toBe('"éééé"');
    expect(() => encode("é".repeat(5), 10)).toThrow(expect.objectContaining({ code: "too-large", detail: { bytes: 12, maxBytes: 10 } }));
  });
});
