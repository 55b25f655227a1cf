import { locations, type LocationsOptions } from "@bk/modules";
import { openDb } from "@bk/db";
import { systemClock } from "@bk/core";
import { locationService, locationTables } from "@bk/modules/locations";
import { describe, expect, it } from "vitest";

import type { Reply } from "../start-server.js";
import { type ModuleServer, onEngines } from "./on-engines.js";

type Rows = readonly Readonly<Record<string, unknown>>[];
type Place = readonly [latitude: number, longitude: number];

const rowsOf = ({ body }: Reply): Rows => body["data"] as Rows;
const idsOf = (reply: Reply): unknown[] => rowsOf(reply).map(({ id }) => id);

/** Distance by the angle between two directions in space: another way than that of the code. */
function kmBetween(a: Place, b: Place): number {
  const direction = ([latitude, longitude]: Place): number[] => {
    const [lat, lon] = [(latitude * Math.PI) / 180, (longitude * Math.PI) / 180];
    return [Math.cos(lat) * Math.cos(lon), Math.cos(lat) * Math.sin(lon), Math.sin(lat)];
  };
  const [p, q] = [direction(a), direction(b)];
  return 2 * 6371.0088 * Math.asin(Math.min(1, Math.hypot(...p.map((part, i) => part - q[i]!)) / 2));
}

async function settle(
  server: ModuleServer,
  name: string,
  [latitude, longitude]: Place,
  more: object = {},
): Promise<{ login: string; id: string }> {
  const account = await server.add(name);
  const reply = await server.test.call(account.login, "/location/put", { json: { latitude, longitude, ...more } });
  expect(reply.status).toBe(200);
  return account;
}

const options: LocationsOptions = { columns: { mood: { pub: true }, diary: {}, rank: { type: "int", admin: true } }, blurKm: 0 };

describe("the module locations", () => {
  onEngines(
    () => [locations(options)],
    (server) => {
      it("keeps where an account is, ignores short moves, and tells the place before", async () => {
        const ann = await server.add("ann");
        const { call } = server.test;
        const put = (latitude: number, longitude: number, more: object = {}): Promise<Reply> =>
          call(ann.login, "/location/put", { json: { latitude, longitude, ...more } });
        const first = await put(37.7, -122.4, { location: "bay", mood: "fine", diary: "mine" });
        expect(first.body).toMatchObject({
          id: ann.id,
          name: "ann",
          latitude: 37.7,
          longitude: -122.4,
          geohash: "9q8y",
          location: "bay",
          mood: "fine",
          diary: "mine",
          ltime: expect.any(Number) as unknown,
        });
        for (const name of ["old", "about_latitude", "about_longitude", "about_hash", "area_hash", "rank"])
          expect(first.body).not.toHaveProperty(name);
        expect((await put(37.71, -122.41)).body).toEqual({ ignored: true, min_distance: 5 });
        expect((await put(0, 0)).body).toMatchObject({
          latitude: 0,
          longitude: 0,
          geohash: "s000",
          old: { latitude: 37.7, longitude: -122.4, geohash: "9q8y" },
        });
        // Out of the way of other tests.
        expect((await put(-50, -50)).body).toMatchObject({ old: { latitude: 0, longitude: 0 } });
      });

      it("refuses what is no place, columns of the module and of admins, and callers without an account", async () => {
        const ann = await server.add("ann");
        const { call } = server.test;
        const refused = async (json: object, field: string, status = 400): Promise<void> => {
          expect(await call(ann.login, "/location/put", { json })).toMatchObject({ status, body: { field } });
        };
        await refused({ longitude: 1 }, "latitude");
        await refused({ latitude: 1 }, "longitude");
        await refused({ latitude: 90.1, longitude: 1 }, "latitude");
        await refused({ latitude: 1, longitude: -188 }, "longitude");
        await refused({ latitude: "north", longitude: 1 }, "latitude");
        for (const name of ["id", "name", "geohash", "about_latitude", "area_hash", "ltime", "mtime", "other"])
          await refused({ latitude: 1, longitude: 1, [name]: "x" }, name);
        await refused({ latitude: 1, longitude: 1, rank: 9 }, "rank", 403);
        for (const path of ["/location/put", "/location/get", "/location/search", "/account/select/location"])
          expect((await call(ann.login, `${path}?latitude=1&longitude=1`, { signed: false })).status).toBe(401);
        for (const query of [
          "latitude=91&longitude=0",
          "latitude=0&longitude=181",
          "longitude=0",
          "latitude=0",
          "latitude=0&longitude=0&distance=x",
        ])
          expect((await call(ann.login, `/location/get?${query}`)).status).toBe(400);
        expect((await call(ann.login, "/location/get?latitude=1&longitude=1&_start=forged")).status).toBe(400);
      });

      it("finds others, the nearest first, with rounded distances and public columns alone", async () => {
        const near: Place = [48.2, 16.37];
        const ann = await settle(server, "ann", near);
        const [far, close, away] = [
          await settle(server, "far", [48.4, 16.37], { mood: "fine", diary: "secret" }),
          await settle(server, "close", [48.21, 16.37], { mood: "bad" }),
          await settle(server, "away", [49.2, 16.37]),
        ];
        const { call } = server.test;
        const at = `latitude=${near[0]}&longitude=${near[1]}`;
        const found = await call(ann.login, `/location/get?${at}&distance=40`);
        expect(rowsOf(found)).toEqual([
          { id: close.id, name: "close", mood: "bad", distance: 0 },
          { id: far.id, name: "far", mood: "fine", distance: 20 },
        ]);
        expect(found.body).toMatchObject({ count: 2, next_token: "" });
        // The shortest and the longest distance stand for what is below and above them.
        expect(idsOf(await call(ann.login, `/location/get?${at}&distance=0`))).toEqual([close.id]);
        expect(idsOf(await call(ann.login, `/location/get?${at}`))).toEqual([close.id]);
        expect(idsOf(await call(ann.login, `/location/search?${at}&distance=5000`))).toEqual([close.id, far.id]);
        expect(rowsOf(await call(away.login, `/location/get?${at}&distance=40&mood=fine&_select=id,distance`))).toEqual([
          { id: far.id, distance: 20 },
        ]);
        expect(rowsOf(await call(ann.login, `/location/get?${at}&distance=40&_round=15&mood=fine`))[0]).toMatchObject({ distance: 15 });
        expect(rowsOf(await call(ann.login, `/location/get?${at}&distance=40&_round=0.001&mood=fine`))[0]).toMatchObject({ distance: 20 });
        for (const column of ["diary", "rank", "about_latitude", "location", "id", "ltime"])
          expect(await call(ann.login, `/location/get?${at}&${column}=1`)).toMatchObject({ status: 400, body: { field: column } });
        expect(await call(ann.login, `/location/get?${at}&_select=id,diary`)).toMatchObject({ status: 400, body: { field: "_select" } });
      });

      it("gives what is known of accounts now where it is asked for", async () => {
        const ann = await settle(server, "ann", [-33.9, 151.2]);
        const ben = await settle(server, "ben", [-33.9, 151.2]);
        await server.test.server.db.update("bk_auth", { login: ben.login, name: "Benjamin" } as never);
        const { call } = server.test;
        const at = "latitude=-33.9&longitude=151.2";
        expect(rowsOf(await call(ann.login, `/location/get?${at}`))[0]).toMatchObject({ id: ben.id, name: "ben" });
        expect(rowsOf(await call(ann.login, `/location/get?${at}&_details=1`))[0]).toMatchObject({ id: ben.id, name: "Benjamin" });
        expect(rowsOf(await call(ann.login, `/account/select/location?${at}`))[0]).toMatchObject({ id: ben.id, name: "Benjamin" });
      });

      it("is right at the poles, at the 180th meridian and at the borders of cells, in pages of every size", async () => {
        const places: Place[] = [
          [90, 0],
          [89.8, 10],
          [89.8, -170],
          [89.7, 100],
          [-90, 77],
          [-89.75, -120],
          [0, 180],
          [0.01, -180],
          [0.1, 179.9],
          [-0.1, -179.9],
          [0.001, 0.001],
          [-0.001, 0.001],
          [0.001, -0.001],
          [-0.001, -0.001],
          [45, 45],
          [45, 44.9999],
          [44.9999, 45],
        ];
        const settled: { readonly id: string; readonly place: Place }[] = [];
        for (const place of places) settled.push({ id: (await settle(server, "edge", place)).id, place });
        const looker = (await server.add("looker")).login;
        for (const [i, from] of places.entries()) {
          const within = settled
            .map(({ id, place }) => ({ id, km: kmBetween(from, place) }))
            .filter(({ km }) => km <= 45)
            .sort((a, b) => a.km - b.km);
          const found: Rows[] = [];
          const url = `/location/get?latitude=${from[0]}&longitude=${from[1]}&distance=45&_count=${(i % 3) + 1}`;
          for (let token = ""; ;) {
            const page = await server.test.call(looker, token === "" ? url : `${url}&_start=${encodeURIComponent(token)}`);
            expect(page.status).toBe(200);
            found.push(rowsOf(page));
            token = page.body["next_token"] as string;
            if (token === "") break;
          }
          const rows = found.flat();
          expect(rows.map(({ id }) => id).sort()).toEqual(within.map(({ id }) => id).sort());
          expect(rows.map(({ distance }) => distance)).toEqual(within.map(({ km }) => Math.floor(km / 5) * 5));
        }
      });

      it("shows who moved at the new place alone, however often and by however many at once", async () => {
        const looker = (await server.add("looker")).login;
        const mover = await server.add("mover");
        const { call } = server.test;
        const stops: Place[] = [
          [10, 10],
          [10, 10.1],
          [11.2, 10],
          [60, -100],
        ];
        const seenAt = async ([latitude, longitude]: Place): Promise<number> =>
          rowsOf(await call(looker, `/location/get?latitude=${latitude}&longitude=${longitude}&distance=5`)).length;
        for (const [latitude, longitude] of stops) {
          await call(mover.login, "/location/put", { json: { latitude, longitude } });
          const seen: number[] = [];
          for (const stop of stops) seen.push(await seenAt(stop));
          expect(seen).toEqual(stops.map(([lat, lon]) => (lat === latitude && lon === longitude ? 1 : 0)));
        }
        await Promise.all(stops.map(([latitude, longitude]) => call(mover.login, "/location/put", { json: { latitude, longitude } })));
        const seen: number[] = [];
        for (const stop of stops) seen.push(await seenAt(stop));
        expect(seen.reduce((sum, count) => sum + count)).toBe(1);
      });

      it("binds page tokens to the account and to what was asked", async () => {
        const ann = await settle(server, "ann", [20, 20]);
        const ben = await settle(server, "ben", [20, 20]);
        await settle(server, "cat", [20, 20]);
        const { call } = server.test;
        const url = "/location/get?latitude=20&longitude=20&_count=1";
        const looker = (await server.add("looker")).login;
        const token = encodeURIComponent((await call(looker, url)).body["next_token"] as string);
        expect((await call(looker, `${url}&_token=${token}`)).status).toBe(200);
        expect((await call(ann.login, `${url}&_start=${token}`)).status).toBe(400);
        expect((await call(ben.login, `/location/get?latitude=20&longitude=20.1&_count=1&_start=${token}`)).status).toBe(400);
        expect((await call(looker, `/location/get?latitude=20&longitude=20&distance=9&_count=1&_start=${token}`)).status).toBe(400);
      });
    },
  );

  it("tells others no more than the square where somebody is", async () => {
    const settings = { minDistanceKm: 5, maxDistanceKm: 50 };
    const tables = locationTables({}, settings);
    await using db = await openDb({ url: "memory:", tables });
    await db.sync();
    const nobody = { find: () => Promise.resolve(new Map()) };
    const service = locationService({
      db: db as never,
      directory: nobody,
      clock: systemClock,
      columns: tables.bk_location,
      ...settings,
      expose: true,
    });
    const caller = (id: string) => ({ id, login: id, name: id, isAdmin: false, types: [] });
    // Two doors of one square, a few hundred meters apart.
    const [one, two] = [
      { latitude: 52.5001, longitude: 13.4001 },
      { latitude: 52.5005, longitude: 13.4012 },
    ];
    await service.put(caller("one"), one);
    await service.put(caller("two"), two);
    const seen = new Map<string, unknown[]>([
      ["one", []],
      ["two", []],
    ]);
    for (let step = 0; step < 60; step++) {
      const { rows } = await service.search(caller("spy"), { latitude: 52.45, longitude: 13.4 + step / 1000, distanceKm: 5 + step / 30 });
      for (const [id, list] of seen) {
        const row = rows.find((each) => each["id"] === id);
        list.push(row === undefined ? null : [row["distance"], row["latitude"], row["longitude"]]);
      }
    }
    expect(seen.get("one")).toEqual(seen.get("two"));
    expect(new Set(seen.get("one")!.map((each) => JSON.stringify(each))).size).toBeGreaterThan(1);
    const [, latitude, longitude] = seen.get("one")!.find((each) => each !== null) as number[];
    expect(latitude).not.toBe(one.latitude);
    expect(kmBetween([latitude!, longitude!], [one.latitude, one.longitude])).toBeLessThan(5);
    // Its own row is the owner's to see, exactly.
    expect(await service.put(caller("one"), { latitude: 0, longitude: 0 })).toMatchObject({ latitude: 0, old: one });
    await service.forget("one");
    expect((await service.search(caller("spy"), { latitude: 0, longitude: 0 })).rows).toEqual([]);
  });

  it("refuses distances out of range and columns that it has already", () => {
    for (const [wrong, field] of [
      [{ minDistanceKm: 0 }, "minDistanceKm"],
      [{ minDistanceKm: Number.NaN }, "minDistanceKm"],
      [{ maxDistanceKm: 1 }, "maxDistanceKm"],
      [{ maxDistanceKm: 1000 }, "maxDistanceKm"],
      [{ blurKm: -1 }, "blurKm"],
      [{ columns: { geohash: {} } }, "columns"],
    ] as const)
      expect(() => locations(wrong)).toThrow(expect.objectContaining({ code: "invalid", detail: { field } }));
  });
});
