// Distances on the earth as a sphere, and which geohash cells a ring around a place touches.

import { decodeGeohash, encodeGeohash, type GeohashCell } from "./geohash.js";

/** Mean radius of the earth in kilometers (IUGG). The earth is no sphere: distances are right to about 0.5 %. */
const earthRadiusKm = 6371.0088;

/** The greatest distance that there is, between a place and its antipode, in kilometers. */
export const farthestKm = Math.PI * earthRadiusKm;

/** A place in degrees. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** The great-circle distance in kilometers, by the haversine formula. */
export function distanceKm(a: Place, b: Place): number {
  const [from, to] = [radians(a.latitude), radians(b.latitude)];
  const byLatitude = Math.sin((to - from) / 2) ** 2;
  const byLongitude = Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(byLatitude + Math.cos(from) * Math.cos(to) * byLongitude)));
}

/** The distance of the nearest place of a cell, in kilometers. */
function nearestKm(place: Place, cell: GeohashCell): number {
  const { latitude, longitude } = place;
  const { south, north, west, east } = cell;
  const isBeside = [longitude - 360, longitude, longitude + 360].some((turned) => turned >= west && turned <= east);
  if (isBeside) return radians(Math.max(0, south - latitude, latitude - north)) * earthRadiusKm;
  return Math.min(...[west, east].map((edge) => nearestOnMeridianKm(place, edge, south, north)));
}

/** The distance of the nearest place of a meridian between two latitudes. */
function nearestOnMeridianKm(place: Place, longitude: number, south: number, north: number): number {
  const apart = Math.cos(radians(longitude - place.longitude));
  const ends = [south, north].map((latitude) => distanceKm(place, { latitude, longitude }));
  if (apart <= 0) return Math.min(...ends);
  // Where a great circle through the place meets the meridian at a right angle.
  const foot = (Math.atan2(Math.tan(radians(place.latitude)), apart) * 180) / Math.PI;
  return foot > south && foot < north ? Math.min(distanceKm(place, { latitude: foot, longitude }), ...ends) : Math.min(...ends);
}

/** The distance of the farthest place of a cell: what is farthest from a place is nearest to its antipode. */
function farthestOfKm({ latitude, longitude }: Place, cell: GeohashCell): number {
  const antipode = { latitude: -latitude, longitude: longitude > 0 ? longitude - 180 : longitude + 180 };
  return farthestKm - nearestKm(antipode, cell);
}

/** What rounding may do to a distance, in kilometers. */
const slackKm = 1e-6;

/** A ring around a place: all that is at least `fromKm` and at most `toKm` from it. */
export interface Ring {
  readonly fromKm: number;
  readonly toKm: number;
}

/** Places per row and column of cells that are looked at, whatever is left of them. */
const mostLookedAt = 4_096;

/**
 * The cells of one precision that a ring around a place touches; undefined when they are more than `most`, or would be looked for
 * among too many.
 */
export function cellsOfRing(place: Place, ring: Ring, precision: number, most: number): string[] | undefined {
  const angle = ring.toKm / earthRadiusKm;
  const latitude = radians(place.latitude);
  const [south, north] = [latitude - angle, latitude + angle].map((edge) => (edge * 180) / Math.PI) as [number, number];
  // Around a pole lie all longitudes.
  const isAroundPole = south <= -90 || north >= 90;
  const half = isAroundPole ? 180 : (Math.asin(Math.min(1, Math.sin(angle) / Math.cos(latitude))) * 180) / Math.PI;
  const bits = precision * 5;
  const width = 360 / 2 ** Math.ceil(bits / 2);
  const height = 180 / 2 ** Math.floor(bits / 2);
  const rows = range(Math.max(-90, south), Math.min(90, north), -90, height, 90);
  const columns =
    half >= 180 ? range(-180, 180, -180, width, 180) : range(place.longitude - half, place.longitude + half, -180, width, Infinity);
  if (rows.length * columns.length > mostLookedAt) return undefined;
  const found = new Set<string>();
  for (const row of rows)
    for (const column of columns) {
      // Beyond the 180th meridian the other side begins.
      const middle = column + width / 2;
      const longitude = middle < -180 ? middle + 360 : middle >= 180 ? middle - 360 : middle;
      const text = encodeGeohash(row + height / 2, longitude, precision);
      const cell = decodeGeohash(text)!;
      if (nearestKm(place, cell) > ring.toKm + slackKm || farthestOfKm(place, cell) < ring.fromKm - slackKm) continue;
      found.add(text);
      if (found.size > most) return undefined;
    }
  return [...found];
}

/** The beginnings of the steps of a grid from `origin` to `end` that touch what is between `from` and `to`. */
function range(from: number, to: number, origin: number, step: number, end: number): number[] {
  const first = Math.floor((from - origin) / step);
  const last = Math.min(Math.floor((to - origin) / step), Math.ceil((end - origin) / step) - 1);
  if (last - first > mostLookedAt) return Array.from({ length: mostLookedAt + 1 }, () => 0);
  return Array.from({ length: last - first + 1 }, (_, i) => origin + (first + i) * step);
}
