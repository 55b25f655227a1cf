// Rows near a place, checked against all rows by hand.

import { expect } from "vitest";

import { defineTables } from "../../schema/define-tables.js";
import type { AnyDb, AnyOptions, AnyRow } from "../any-db.js";
import { refuseAll, refuses, valuesOf, walkPages } from "../expectations.js";
import type { Suite, TopicContext } from "../suite.js";

const place = { latitude: { type: "real" }, longitude: { type: "real" } } as const;

const tables = defineTables({
  // Found by the beginnings of cells where the engine has ranges, else by reading all.
  spot: {
    id: { primary: 1 },
    run: {},
    ...place,
    cell: { type: "geohash", lat: "latitude", lon: "longitude", index: 1 },
    kind: {},
    town: { ref: "town" },
  },
  // Cells as large as this are asked for one by one, which every engine can.
  region: { id: { primary: 1 }, ...place, cell: { type: "geohash", lat: "latitude", lon: "longitude", precision: 2, index: 1 } },
  town: { id: { primary: 1 }, name: {} },
  double: {
    id: { primary: 1 },
    ...place,
    a: { type: "geohash", lat: "latitude", lon: "longitude" },
    b: { type: "geohash", lat: "latitude", lon: "longitude" },
  },
  bare: { id: { primary: 1 }, ...place, cell: { type: "geohash" } },
});

/** Places all over the earth, many near poles, edges of cells and the 180th meridian; the same in every run. */
const places = [
  ...[90, -90, 89.9999, -89.9999].flatMap((latitude) => [0, 180, -180, 77.7].map((longitude) => [latitude, longitude])),
  ...[0, 45, -45, 1e-9, 52.5].flatMap((latitude) =>
    [0, 180, -180, 179.9999, -179.9999, 45, 13.4].map((longitude) => [latitude, longitude]),
  ),
  ...Array.from({ length: 40 }, (_, i) => [((i * 7919) % 1700) / 10 - 85, ((i * 104_729) % 3600) / 10 - 180]),
  ...Array.from({ length: 30 }, (_, i) => [52.5 + ((i * 31) % 17) / 100, 13.4 + ((i * 17) % 13) / 100]),
  [52.5, 13.4],
] as [number, number][];

const rows = places.map(([latitude, longitude], i) => ({
  id: `p${String(i).padStart(3, "0")}`,
  latitude,
  longitude,
  kind: i % 3 === 0 ? "a" : "b",
}));

/** Distance by the angle between two directions in space: another way than that of the code. */
function kmBetween(a: { latitude: number; longitude: number }, b: { latitude: number; longitude: number }): number {
  const direction = ({ latitude, longitude }: typeof a): number[] => {
    const [lat, lon] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180];
    return [Math.cos(lat) * Math.cos(lon), Math.cos(lat) * Math.sin(lon), Math.sin(lat)];
  };
  const [p, q] = [direction(a), direction(b)];
  const chord = Math.hypot(...p.map((part, i) => part - q[i]!));
  return 2 * 6371.0088 * Math.asin(Math.min(1, chord / 2));
}

const arounds = [
  { latitude: 52.5, longitude: 13.4, distanceKm: 5 },
  { latitude: 52.5, longitude: 13.4, distanceKm: 400 },
  { latitude: 90, longitude: 0, distanceKm: 30 },
  { latitude: -89.99, longitude: 120, distanceKm: 600 },
  { latitude: 0, longitude: 180, distanceKm: 100 },
  { latitude: 45, longitude: -179.99, distanceKm: 50 },
  { latitude: 0, longitude: 0, distanceKm: 0.001 },
  { latitude: -12.3, longitude: 45.6, distanceKm: 3000 },
  { latitude: 10, longitude: -20, distanceKm: 30_000 },
];

function expected(
  around: (typeof arounds)[number],
  of: readonly { id: string; latitude: number; longitude: number }[] = rows,
): Map<string, number> {
  const near = of.map((row) => [row.id, kmBetween(around, row)] as const).filter(([, km]) => km <= around.distanceKm);
  return new Map(near);
}

/** The pages hold the expected rows, nearest first, with their distances. */
function holds(around: (typeof arounds)[number], pages: readonly NearPage[], wanted: Map<string, number>): void {
  const ids = pages.flatMap((page) => valuesOf(page.rows, "id"));
  expect([around, [...ids].sort()]).toEqual([around, [...wanted.keys()].sort()]);
  const distances = pages.flatMap((page) => page.distancesKm);
  expect(distances).toEqual([...distances].sort((a, b) => a - b));
  ids.forEach((id, i) => expect(Math.abs(distances[i]! - wanted.get(id as string)!)).toBeLessThan(1e-5));
}

interface NearPage {
  rows: AnyRow[];
  distancesKm: number[];
  next?: string;
}

interface NearDb extends AnyDb {
  near(table: string, place: unknown, options?: AnyOptions): Promise<NearPage>;
}

const near = (db: AnyDb, table: string, around: unknown, options?: AnyOptions): Promise<NearPage> =>
  (db as NearDb).near(table, around, options);

export function nearness(suite: Suite): void {
  suite.topic("near", { tables }, ({ promise }) => {
    let filled: Promise<unknown> | undefined;
    const fill = (db: AnyDb): Promise<unknown> =>
      (filled ??= Promise.all([
        db.bulk(rows.map((row, i) => ({ op: "put", table: "spot", row: { ...row, town: `t${i % 2}` } }))),
        db.bulk(rows.map(({ kind: _, ...row }) => ({ op: "put", table: "region", row }))),
        db.put("spot", { id: "nowhere", latitude: 1 }),
        db.put("town", { id: "t0", name: "Even" }),
        db.put("town", { id: "t1", name: "Odd" }),
      ]));

    promise("every row within the distance is found, nearest first, around poles, edges and the 180th meridian", async ({ db }) => {
      await fill(db);
      for (const around of arounds) holds(around, [await near(db, "spot", around, { count: 200, scan: true })], expected(around));
    });

    promise("pages go on where the one before ended, rows at one distance by their key", async ({ db }) => {
      await fill(db);
      for (const around of [arounds[1]!, arounds[3]!, arounds[8]!]) {
        const pages = (await walkPages((own) => near(db, "spot", around, own), { count: 7, scan: true })) as unknown as NearPage[];
        holds(around, pages, expected(around));
        const whole = await near(db, "spot", around, { count: 200, scan: true });
        expect(pages.flatMap((page) => valuesOf(page.rows, "id"))).toEqual(valuesOf(whole.rows, "id"));
      }
    });

    promise("cells as large as those of a short geohash are found on every engine without a scan", async ({ db }) => {
      await fill(db);
      for (const around of arounds.slice(0, 7)) holds(around, [await near(db, "region", around, { count: 200 })], expected(around));
    });

    promise("without scan the table is read by its index, or the call is refused", async ({ db }) => {
      await fill(db);
      const around = arounds[1]!;
      try {
        holds(around, [await near(db, "spot", around, { count: 200 })], expected(around));
      } catch (error) {
        expect(error).toMatchObject({ code: "scan-refused" });
      }
    });

    promise("filters, selections, included rows and scopes hold", async ({ db }) => {
      await fill(db);
      const around = arounds[1]!;
      const ofKind = rows.filter(({ kind }) => kind === "a");
      const options = { filter: { kind: "a" }, select: ["id"], include: { town: { select: ["name"] } }, scan: true, count: 200 };
      const page = await near(db, "spot", around, options);
      holds(around, [page], expected(around, ofKind));
      for (const row of page.rows)
        expect(row).toEqual({ id: row["id"], town: { name: rows.findIndex(({ id }) => id === row["id"]) % 2 === 0 ? "Even" : "Odd" } });
      const scoped = db.scope({ spot: { where: { kind: "b" } }, "*": {} });
      holds(
        around,
        [await near(scoped, "spot", around, { scan: true, count: 200 })],
        expected(
          around,
          rows.filter(({ kind }) => kind === "b"),
        ),
      );
      const narrow = db.scope({ spot: { select: ["id", "kind"] } });
      await refuses(near(narrow, "spot", around, { scan: true }), "invalid");
    });

    promise("a token is good for the same call alone, and bad input is named", async ({ db }) => {
      await fill(db);
      const around = arounds[1]!;
      const { next } = await near(db, "spot", around, { count: 2, scan: true });
      await refuseAll(
        [
          near(db, "spot", { ...around, distanceKm: 300 }, { start: next, scan: true }),
          near(db, "spot", { ...around, latitude: 52 }, { start: next, scan: true }),
          near(db, "spot", around, { start: next, filter: { kind: "a" }, scan: true }),
          near(db, "spot", around, { start: `${next}x`, scan: true }),
          near(db, "spot", { latitude: 91, longitude: 0, distanceKm: 1 }),
          near(db, "spot", { latitude: 0, longitude: 181, distanceKm: 1 }),
          near(db, "spot", { latitude: 0, longitude: Number.NaN, distanceKm: 1 }),
          near(db, "spot", { latitude: 0, longitude: 0, distanceKm: 0 }),
          near(db, "spot", { latitude: 0, longitude: 0 }),
          near(db, "spot", { latitude: 0, longitude: 0, distanceKm: 1, km: 1 }),
          near(db, "spot", undefined),
          near(db, "spot", around, { count: 0 }),
          near(db, "spot", around, { column: "kind" }),
          near(db, "double", around),
          near(db, "bare", around),
          near(db, "town", around),
        ],
        "invalid",
      );
    });

    promise("rows that move and rows that go are seen as they are now", async ({ db, fresh }: TopicContext) => {
      const id = fresh();
      const around = { latitude: -60.5, longitude: -150.25, distanceKm: 20 };
      const found = async (): Promise<unknown[]> => valuesOf((await near(db, "region", around)).rows, "id");
      await db.put("region", { id, latitude: -60.5, longitude: -150.2 });
      expect(await found()).toEqual([id]);
      await db.update("region", { id, latitude: 60, longitude: 20 });
      expect(await found()).toEqual([]);
      await db.update("region", { id, latitude: -60.45, longitude: -150.25 });
      expect(await found()).toEqual([id]);
      await db.del("region", id);
      expect(await found()).toEqual([]);
    });
  });
}
