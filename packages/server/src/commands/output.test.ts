import { expect, it } from "vitest";

import { jsonText } from "./output.js";

it.each([
  [{ big: 9_007_199_254_740_993n, list: [1n] }, '{"big":"9007199254740993","list":["1"]}'],
  [undefined, "null"],
  [(): void => undefined, "null"],
  [Symbol("a"), "null"],
  ["a", '"a"'],
])("any value is JSON (%#)", (value, text) => {
  expect(jsonText(value)).toBe(text);
});
