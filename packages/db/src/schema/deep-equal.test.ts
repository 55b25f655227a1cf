import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deepEqual } from "./deep-equal.js";

const data = fc.anything({ withDate: true, withBigInt: true, withTypedArray: false, withNullPrototype: false, maxDepth: 3 });

describe("deepEqual", () => {
  it("agrees with Node on plain data and dates", () => {
    fc.assert(fc.property(data, data, (a, b) => void expect(deepEqual(a, b)).toBe(isDeepStrictEqual(a, b))));
    fc.assert(fc.property(fc.clone(data, 2), ([a, b]) => void expect(deepEqual(a, b)).toBe(isDeepStrictEqual(a, b))));
  });

  it("compares bytes, whatever class holds them", () => {
    expect(deepEqual({ a: new Uint8Array([1, 2]) }, { a: Buffer.from([1, 2]) })).toBe(true);
    expect(deepEqual([new Uint8Array([1, 2])], [new Uint8Array([1, 3])])).toBe(false);
    expect(deepEqual(new Uint8Array([1]), new Uint8Array([1, 2]))).toBe(false);
  });

  it.each([
    [{ a: undefined }, { b: undefined }],
    [[], {}],
    [new Date(0), {}],
    [{}, new Date(0)],
    [{}, new Uint8Array()],
    [null, {}],
    [0, -0],
  ])("tells %o from %o", (a, b) => expect(deepEqual(a, b)).toBe(false));
});
