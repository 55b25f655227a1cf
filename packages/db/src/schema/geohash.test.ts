import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeGeohash, encodeGeohash } from "./geohash.js";

describe("geohash", () => {
  // The examples of https://en.wikipedia.org/wiki/Geohash
  it("gives the published hashes", () => {
    expect(encodeGeohash(57.64911, 10.40744, 11)).toBe("u4pruydqqvj");
    expect(encodeGeohash(42.605, -5.603, 5)).toBe("ezs42");
    expect(encodeGeohash(0, 0)).toBe("s0000000");
  });

  it("names a cell that holds the place, within that of each shorter hash", () =>
    fc.assert(
      fc.property(
        fc.double({ min: -90, max: 90, noNaN: true }),
        fc.double({ min: -180, max: 180, noNaN: true }),
        fc.integer({ min: 1, max: 12 }),
        (lat, lon, precision) => {
          const text = encodeGeohash(lat, lon, precision);
          const cell = decodeGeohash(text)!;
          expect(text).toHaveLength(precision);
          expect(lat >= cell.south && lat <= cell.north && lon >= cell.west && lon <= cell.east).toBe(true);
          expect(encodeGeohash(lat, lon, 12).startsWith(text)).toBe(true);
        },
      ),
    ));

  it("knows what is none", () => {
    for (const text of ["", "a", "U4", "u4pruydqqvjkk", "é"]) expect(decodeGeohash(text)).toBeUndefined();
  });

  it("refuses places off the earth", () => {
    expect(() => encodeGeohash(90.1, 0)).toThrow("latitude");
    expect(() => encodeGeohash(0, -181)).toThrow("longitude");
    expect(() => encodeGeohash(Number.NaN, 0)).toThrow("latitude");
    expect(() => encodeGeohash(0, 0, 0)).toThrow("precision");
  });
});
