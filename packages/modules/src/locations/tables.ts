import { BkError } from "@bk/core";
import type { ColumnDefinitions } from "@bk/db";

/** Lengths of geohashes with the distance that one of them stands for, in kilometers. */
const lengths: readonly (readonly [length: number, rangeKm: number])[] = [
  [8, 0.019],
  [7, 0.076],
  [6, 0.61],
  [5, 2.4],
  [4, 20],
  [3, 78],
  [2, 630],
  [1, 2500],
];

/**
 * The table of places: one row for each account, so that a move is one write and leaves nothing behind.
 *
 * Others find a row by `about_latitude` and `about_longitude`, which are where the account is, less exactly. `area_hash` is for
 * databases that find texts by the whole alone, and is as coarse as the longest distance allows.
 *
 * @param more  further columns of the app; those with `pub` are shown to others, who may filter by them
 * @throws BkError `invalid` for a column that the table has already
 */
export function locationTables(
  more: ColumnDefinitions = {},
  { minDistanceKm, maxDistanceKm }: { readonly minDistanceKm: number; readonly maxDistanceKm: number },
): { readonly bk_location: ColumnDefinitions } {
  const [length] = lengths.find(([, rangeKm]) => rangeKm > minDistanceKm) ?? lengths.at(-1)!;
  const own: ColumnDefinitions = {
    id: { primary: 1, pub: true },
    name: { pub: true },
    latitude: { type: "real" },
    longitude: { type: "real" },
    geohash: { type: "geohash", lat: "latitude", lon: "longitude", precision: length },
    about_latitude: { type: "real", secure: true },
    about_longitude: { type: "real", secure: true },
    about_hash: { type: "geohash", lat: "about_latitude", lon: "about_longitude", index: 1, secure: true },
    area_hash: {
      type: "geohash",
      lat: "about_latitude",
      lon: "about_longitude",
      // A circle of at most 78 km around a pole touches 256 cells of 3 characters, which is as many as are read.
      precision: maxDistanceKm <= 78 ? 3 : 2,
      index1: 1,
      secure: true,
    },
    location: {},
    ltime: { type: "bigint" },
    mtime: { type: "now" },
  };
  for (const name of Object.keys(more))
    if (Object.hasOwn(own, name))
      throw new BkError("invalid", `locations: the table has a column ${name} already`, { detail: { field: "columns" } });
  return { bk_location: { ...own, ...more } };
}
