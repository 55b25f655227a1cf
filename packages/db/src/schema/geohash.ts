// Geohashes: text that names a cell of the earth's surface; nearby places share a prefix. See https://en.wikipedia.org/wiki/Geohash

import { invalid } from "../errors.js";

/** The characters of geohashes, five bits each; without a, i, l and o. */
export const geohashAlphabet = "0123456789bcdefghjkmnpqrstuvwxyz";

/** Number of characters where a column does not say; a cell is about 38 m by 19 m at the equator. */
export const defaultGeohashPrecision = 8;

/** Most characters of a geohash; a cell is a few centimeters wide. */
export const maxGeohashPrecision = 12;

/** A cell by its edges, in degrees. */
export interface GeohashCell {
  readonly south: number;
  readonly north: number;
  readonly west: number;
  readonly east: number;
}

/**
 * The geohash of a place.
 *
 * @param lat        latitude in degrees, −90 to 90
 * @param lon        longitude in degrees, −180 to 180
 * @param precision  number of characters, 1 to 12; default 8
 * @throws DbError `invalid` when a number is outside its range
 */
export function encodeGeohash(lat: number, lon: number, precision: number = defaultGeohashPrecision): string {
  if (!(lat >= -90 && lat <= 90)) throw invalid("latitude must be from -90 to 90");
  if (!(lon >= -180 && lon <= 180)) throw invalid("longitude must be from -180 to 180");
  if (!(Number.isInteger(precision) && precision >= 1 && precision <= maxGeohashPrecision)) {
    throw invalid(`precision must be an integer from 1 to ${maxGeohashPrecision}`);
  }
  let [south, north, west, east] = [-90, 90, -180, 180];
  let text = "";
  for (let bits = 0, bit = 0; text.length < precision; bit++) {
    // Bits of longitude and latitude alternate, longitude first.
    if (bit % 2 === 0) {
      const middle = (west + east) / 2;
      bits = bits * 2 + (lon >= middle ? 1 : 0);
      if (lon >= middle) west = middle;
      else east = middle;
    } else {
      const middle = (south + north) / 2;
      bits = bits * 2 + (lat >= middle ? 1 : 0);
      if (lat >= middle) south = middle;
      else north = middle;
    }
    if (bit % 5 === 4) {
      text += geohashAlphabet[bits];
      bits = 0;
    }
  }
  return text;
}

/** The cell that a geohash names; undefined when the text is none. */
export function decodeGeohash(text: string): GeohashCell | undefined {
  if (text.length < 1 || text.length > maxGeohashPrecision) return undefined;
  let [south, north, west, east] = [-90, 90, -180, 180];
  let isLongitude = true;
  for (const character of text) {
    const bits = geohashAlphabet.indexOf(character);
    if (bits < 0) return undefined;
    for (let mask = 16; mask > 0; mask >>= 1) {
      const high = (bits & mask) !== 0;
      if (isLongitude) {
        if (high) west = (west + east) / 2;
        else east = (west + east) / 2;
      } else if (high) south = (south + north) / 2;
      else north = (south + north) / 2;
      isLongitude = !isLongitude;
    }
  }
  return { south, north, west, east };
}
