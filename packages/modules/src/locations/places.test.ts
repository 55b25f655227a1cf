import { openDb } from "@bk/db";
import ngeohash from "ngeohash";
import { describe, expect, it } from "vitest";

import { blurred, distanceKm } from "./places.js";
import { locationTables } from "./tables.js";

const places = [
  { latitude: 0, longitude: 0 },
  { latitude: 37.7, longitude: -122.4 },
  { latitude: -33.9, longitude: 151.2 },
  { latitude: 89.999, longitude: 12 },
  { latitude: 90, longitude: 180 },
  { latitude: -90, longitude: -180 },
  { latitude: 12.5, longitude: 179.9999 },
  ...Array.from({ length: 200 }, (_, i) => ({ latitude: ((i * 7919) % 1800) / 10 - 89.9, longitude: ((i * 104_729) % 3600) / 10 - 179.9 })),
];

describe("places", () => {
  it("are blurred to the middle of a square that they lie in, which is blurred to itself", () => {
    for (const sizeKm of [0.1, 0.5, 5, 50])
      for (const place of places) {
        const middle = blurred(place, sizeKm);
        expect(distanceKm(place, middle)).toBeLessThan(sizeKm);
        expect(Math.abs(middle.latitude)).toBeLessThan(90);
        expect(Math.abs(middle.longitude)).toBeLessThan(180);
        expect(distanceKm(blurred(middle, sizeKm), middle)).toBeLessThan(1e-6);
      }
  });

  it("are the same on both sides of the 180th meridian, and are kept where nothing is to be blurred", () => {
    expect(blurred({ latitude: 10, longitude: 180 }, 1)).toEqual(blurred({ latitude: 10, longitude: -180 }, 1));
    expect(blurred({ latitude: 10.123, longitude: 20.456 }, 0)).toEqual({ latitude: 10.123, longitude: 20.456 });
  });

  it("get geohashes that another implementation gives too, as long as the least distance asks for", async () => {
    for (const [minDistanceKm, length] of [
      [0.1, 6],
      [1, 5],
      [5, 4],
      [25, 3],
      [100, 2],
      [999, 1],
    ] as const) {
      await using db = await openDb({ url: "memory:", tables: locationTables({}, { minDistanceKm, maxDistanceKm: 999 }) });
      await db.sync();
      for (const [i, place] of places.slice(0, 20).entries()) {
        // On borders of cells the other implementation takes the other cell.
        if (place.latitude % 45 === 0) continue;
        const { row } = await db.put("bk_location", { id: `a${i}`, ...place } as never, { returning: "new" });
        expect(row).toMatchObject({ geohash: ngeohash.encode(place.latitude, place.longitude, length) });
      }
    }
  });
});
