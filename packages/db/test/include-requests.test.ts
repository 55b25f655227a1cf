// How many requests an include takes of an engine that carries several reads in one, and which database is asked.

import { silentLog, systemClock } from "@bk/core";
import { expect, test } from "vitest";

import type { Driver } from "../src/driver.js";
import { memoryDriver } from "../src/drivers/memory/index.js";
import { defineTables, openDb } from "../src/index.js";

const tables = defineTables({
  account: { id: { primary: 1 }, name: {} },
  album: { owner: { primary: 1, ref: "account" }, no: { type: "int", primary: 2 } },
  photo: {
    id: { primary: 1 },
    owner: { ref: "account" },
    albumNo: { type: "int", ref: "album.no" },
    albumOwner: { ref: "album.owner" },
    taken: { type: "int" },
    text: {},
  },
});

/** A database in memory that answers later, as one over a network does, and notes each request: its verb, and how many calls it carries. */
async function remote(most = 1000): Promise<{ driver: Driver; requests: string[] }> {
  const inner = (await memoryDriver({ url: "memory:", options: {}, clock: systemClock, log: silentLog })) as Driver<{
    shape: { verb: string };
  }>;
  const requests: string[] = [];
  const later = async <T>(request: string, answer: () => T | Promise<T>): Promise<T> => {
    requests.push(request);
    await new Promise((resolve) => setImmediate(resolve));
    return answer();
  };
  const group = { most, outcome: "whole" } as const;
  const driver: Driver<{ shape: { verb: string } }> = {
    ...inner,
    // Patterns are left to the core.
    capabilities: {
      ...inner.capabilities,
      group: { get: group, select: group },
      filters: { ...inner.capabilities.filters, text: ["eq", "in"] },
    },
    execute: (command, values) => later(command.shape.verb, () => inner.execute(command, values)),
    executeGroup: (command, members) =>
      later(`${command.shape.verb} ${members.length}`, () => Promise.all(members.map((values) => inner.execute(command, values)))),
    begin: async (options) => {
      const session = await inner.begin!(options);
      return {
        ...session,
        execute: (command, values) => later(command.shape.verb, () => session.execute(command, values)),
        executeGroup: (command, members) =>
          later(`${command.shape.verb} ${members.length}`, () => Promise.all(members.map((values) => session.execute(command, values)))),
      };
    },
  };
  return { driver: driver as unknown as Driver, requests };
}

async function filled(most?: number) {
  const { driver, requests } = await remote(most);
  const db = await openDb({ driver, tables });
  await db.bulk(
    [..."abcdefgh"].flatMap((id, i) => [
      { op: "put", table: "account", row: { id, name: id.toUpperCase() } },
      { op: "put", table: "album", row: { owner: id, no: 1 } },
      ...Array.from({ length: i }, (_, n) => ({
        op: "put" as const,
        table: "photo" as const,
        row: { id: `${id}${n}`, owner: id, albumOwner: id, albumNo: 1, taken: n, text: n % 2 === 0 ? "even" : "odd" },
      })),
    ]),
  );
  requests.length = 0;
  return { db, requests };
}

const photos = { from: "photo", by: "owner", sort: "-taken", count: 3 } as const;

test("one request for each include of a page, however deep", async () => {
  const { db, requests } = await filled();
  const { rows } = await db.select("photo", {}, { include: { owner: { include: { photos } }, album: { include: { owner: true } } } });
  expect(rows).toHaveLength(28);
  expect(rows.map((row) => row.owner?.photos.length).sort()).toEqual([1, 2, 2, ...Array<number>(25).fill(3)]);
  expect(requests.toSorted()).toEqual(["get 7", "get 7", "get 7", "select", "select 28"]);
});

test("the same inside a transaction, on its own connection", async () => {
  const { db, requests } = await filled();
  await db.transaction(async (tx) => {
    await tx.put("photo", { id: "new", owner: "a", taken: 100 });
    requests.length = 0;
    const { rows } = await tx.select("account", {}, { include: { photos: { ...photos, include: { owner: { select: ["name"] } } } } });
    expect(rows.map((row) => row.photos.map(({ owner }) => owner?.name).join(""))).toEqual([
      "A",
      "B",
      "CC",
      "DDD",
      "EEE",
      "FFF",
      "GGG",
      "HHH",
    ]);
  });
  expect(requests).toEqual(["select", "select 8", "get 8"]);
});

test("in as many as the engine needs where it carries fewer at once", async () => {
  const { db, requests } = await filled(3);
  await db.select("account", {}, { include: { photos } });
  expect(requests).toEqual(["select", "select 3", "select 3", "select 2"]);
  requests.length = 0;
  await db.transaction((tx) => tx.select("account", {}, { include: { photos } }));
  expect(requests).toEqual(["select", "select 3", "select 3", "select 2"]);
});

test("what the core filters is read on for those rows alone that lack some", async () => {
  const { db, requests } = await filled();
  const text = { $like: "e%" };
  const { rows } = await db.select("account", {}, { include: { photos: { ...photos, filter: { text } } } });
  expect(rows.map((row) => row.photos.map(({ taken }) => taken))).toEqual([[], [0], [0], [2, 0], [2, 0], [4, 2, 0], [4, 2, 0], [6, 4, 2]]);
  expect(requests).toEqual(["select", "select 8"]);
  const more = Array.from({ length: 2900 }, (_, n) => ({ id: `x${n}`, owner: "a", taken: n, text: n === 0 ? "early" : "odd" }));
  await db.bulk(more.map((row) => ({ op: "put", table: "photo", row })));
  requests.length = 0;
  const one = await db.list("account", ["a", "b"], { include: { photos: { ...photos, filter: { text } } } });
  expect(one.map((row) => row.photos.map(({ taken }) => taken))).toEqual([[0], [0]]);
  expect(requests).toEqual(["get 2", "select 2", "select"]);
});

test("the gets of a list are one request inside a transaction too, each row asked for once", async () => {
  const { db, requests } = await filled();
  await db.transaction(async (tx) => {
    await tx.update("account", { id: "b", name: "B2" });
    requests.length = 0;
    const rows = await tx.list("account", ["c", "b", "nobody", "b"], { select: ["name"] });
    expect(rows).toEqual([{ name: "C" }, { name: "B2" }, { name: "B2" }]);
    const [row] = await tx.list("account", ["b", "h"], { select: ["id"], include: { photos: { ...photos, count: 1, select: ["taken"] } } });
    expect(row).toEqual({ id: "b", photos: [{ taken: 0 }] });
    expect(await tx.list("account", [])).toEqual([]);
  });
  expect(requests).toEqual(["get 3", "get 2", "select 2"]);
});

test("what a search near a place asks of rows of other tables is read once", async () => {
  const { driver, requests } = await remote();
  const spots = defineTables({
    town: { id: { primary: 1 }, name: { index: 1 } },
    spot: {
      id: { primary: 1 },
      lat: { type: "real" },
      lon: { type: "real" },
      hash: { type: "geohash", lat: "lat", lon: "lon", precision: 7, index: 1 },
      town: { ref: "town" },
    },
  });
  const read: string[] = [];
  const noting: Driver = {
    ...driver,
    capabilities: { ...driver.capabilities, related: false },
    execute: (command, values, signal) => {
      read.push((command as { shape: { table: { name: string } } }).shape.table.name);
      return driver.execute(command, values, signal);
    },
  };
  const db = await openDb({ driver: noting, tables: spots });
  await db.put("town", { id: "r", name: "Rome" });
  await db.put("town", { id: "m", name: "Milan" });
  for (let i = 0; i < 40; i++) await db.put("spot", { id: `s${i}`, lat: 41.9 + i / 100, lon: 12.5, town: i % 2 === 0 ? "r" : "m" });
  [read.length, requests.length] = [0, 0];
  const around = { latitude: 41.9, longitude: 12.5, distanceKm: 20 };
  const options = { filter: { town: { $ref: { name: "Rome" } } }, count: 5, scan: true };
  const { rows, next } = await db.near("spot", around, options);
  expect(rows.map(({ id }) => id)).toEqual(["s0", "s2", "s4", "s6", "s8"]);
  const more = await db.near("spot", around, { ...options, start: next! });
  expect(more.rows.map(({ id }) => id)).toEqual(["s10", "s12", "s14", "s16"]);
  expect(read.filter((name) => name === "town")).toHaveLength(2);
  expect(requests.length).toBeGreaterThan(4);
  await db.close();
});

test("nothing is asked where no row refers to one", async () => {
  const { db, requests } = await filled();
  await db.put("photo", { id: "alone" });
  requests.length = 0;
  expect(await db.get("photo", "alone", { select: ["id"], include: { owner: true, album: true } })).toEqual({
    id: "alone",
    owner: null,
    album: null,
  });
  expect(await db.get("photo", "nobody", { include: { owner: true } })).toBeUndefined();
  expect(requests).toEqual(["get", "get"]);
});

test("gets of one tick are gathered with what they include", async () => {
  const { db, requests } = await filled();
  await Promise.all([..."bcd"].map((id) => db.get("photo", `${id}0`, { include: { owner: true } })));
  expect(requests).toEqual(["get 3", "get 3"]);
});

test("an error of an include says in which table, and the others of it have ended", async () => {
  const { driver } = await remote();
  const inner = driver.executeGroup!.bind(driver);
  let running = 0;
  const failing: Driver = {
    ...driver,
    classify: () => ({ code: "denied", outcome: "none" }),
    execute: async (command, values, signal) => {
      if ((command as { shape: { table: { name: string } } }).shape.table.name === "account") throw new Error("no");
      return driver.execute(command, values, signal);
    },
    executeGroup: async (command, group, signal) => {
      running++;
      const replies = await inner(command, group, signal);
      running--;
      return replies;
    },
  };
  const db = await openDb({ driver: failing, tables });
  await db.put("album", { owner: "a", no: 1 });
  await db.put("album", { owner: "a", no: 2 });
  await db.put("photo", { id: "p", owner: "a" });
  const reading = db.select("album", {}, { include: { owner: true, photos: { from: "photo", by: "album" } } });
  await expect(reading).rejects.toMatchObject({ code: "denied", table: "account", op: "list" });
  expect(running).toBe(0);
});

test("each table is read from its own pool, or from the one that the caller names", async () => {
  const url = `memory:${crypto.randomUUID()}`;
  const other = `memory:${crypto.randomUUID()}`;
  await using db = await openDb({ pools: { main: url, events: { url: other, tables: ["photo"] } }, tables });
  await db.put("account", { id: "a", name: "main" });
  await db.put("photo", { id: "p", owner: "a" });
  const include = { owner: { select: ["name"] } } as const;
  expect(await db.get("photo", "p", { select: ["id"], include })).toEqual({ id: "p", owner: { name: "main" } });
  expect(await db.pool("events").get("photo", "p", { select: ["id"], include })).toEqual({ id: "p", owner: null });
  await db.pool("events").put("account", { id: "a", name: "events" });
  expect(await db.get("photo", "p", { select: ["id"], include, pool: "events" })).toEqual({ id: "p", owner: { name: "events" } });
  await db.transaction(
    async (tx) => {
      await tx.put("photo", { id: "q", owner: "a", taken: 1 });
      expect((await tx.select("photo", {}, { select: ["taken"], sort: "id", include })).rows).toEqual([
        { taken: null, owner: { name: "events" } },
        { taken: 1, owner: { name: "events" } },
      ]);
      const { rows } = await db.select(
        "account",
        {},
        { select: ["name"], include: { photos: { from: "photo", by: "owner", select: ["id"], include } } },
      );
      expect(rows).toEqual([
        {
          name: "main",
          photos: [
            { id: "p", owner: { name: "main" } },
            { id: "q", owner: { name: "main" } },
          ],
        },
      ]);
    },
    { pool: "events" },
  );
});
