// What the CouchDB driver has of its own: requests, views, errors of the server, documents of others.

import { runInNewContext } from "node:vm";

import { defineTables, openDb } from "@bk/db";
import { describe, expect, it, vi } from "vitest";
import { authorizationOf, couchOptions } from "../../src/drivers/couchdb/options.js";
import { fixture } from "../../src/drivers/couchdb/fixture.js";
import { mapFunction } from "../../src/drivers/couchdb/map-function.js";
import { couchStore } from "../../src/drivers/couchdb/store.js";
import { httpClient } from "../../src/engines/http.js";
import { kvCodec } from "../../src/engines/kv/rows.js";
import { compileTables } from "../../src/schema/compile-table.js";
import { encoderOf } from "../../src/schema/encodings.js";
import { encodeKey } from "../../src/schema/ordered-text.js";
import { hostileTexts } from "../../src/testing/hostile-texts.js";
import { describeRowStore } from "../../src/testing/row-store-suite.js";
import { watchRequests } from "./watch-requests.js";

const tables = defineTables({
  photo: { owner: { primary: 1 }, taken: { type: "int", primary: 2 }, place: { index: 1 }, stars: { type: "int", index: 2 } },
  counter: { id: { primary: 1 }, n: { type: "int" } },
});

/** A clean database, and what sends requests to it as another client would. */
async function openClean() {
  const instance = (await fixture.open())!;
  const settings = couchOptions({ options: {}, ...instance });
  const path = `${settings.base}/${settings.database}`;
  const ask = async (method: string, below: string, body?: unknown): Promise<Record<string, unknown>> => {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = { ...authorizationOf(settings), "content-type": "application/json" };
    const response = await fetch(`${path}/${below}`, { method, headers, ...content });
    return (await response.json()) as Record<string, unknown>;
  };
  const open = () => openDb({ url: instance.url, tables });
  return { ...instance, settings, ask, open };
}

describe("the function of a view", () => {
  const { columns } = compileTables(
    defineTables({
      t: {
        id: { primary: 1 },
        text: {},
        int: { type: "int" },
        int64: { type: "bigint" },
        real: { type: "real" },
        decimal: { type: "decimal" },
        bool: { type: "bool" },
        time: { type: "timestamp" },
      },
    }),
  ).get("t")!;
  const values: Readonly<Record<string, readonly unknown[]>> = {
    text: [...hostileTexts, "\u0001\u0002", "ß\u{10000}"],
    int: [0, 1, -1, 9, -9, 10, -10, 123_456, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
    int64: [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 9_007_199_254_740_993n],
    real: [0, -0, 1, -1, 1.5, -1.5, 5e-324, -5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 0.1, 2 ** 53 + 2],
    decimal: ["0", "1", "-1", "0.1", "-0.1", "10.01", "1234567890123456789012345678901234", "-0.00000000000000000001", "99999"],
    bool: [true, false],
    time: [new Date(0), new Date(-1), new Date("0001-01-01T00:00:00Z"), new Date("9999-12-31T23:59:59.999Z")],
  };

  it("makes the entries that the engine looks for, of every kind of column", () => {
    for (const [name, given] of Object.entries(values)) {
      const column = columns.find((one) => one.name === name)!;
      const key = columns[0]!;
      const indexed = [column, column, key];
      const emit = vi.fn();
      const map = runInNewContext(`(${mapFunction("t", "t:", indexed)})`, { emit }) as (doc: unknown) => void;
      for (const value of given) {
        emit.mockClear();
        const stored = encoderOf(column, kvCodec)(value);
        map({ _id: "t:k\u0001", _rev: "1-a", table: "t", row: { id: "k", [name]: stored } });
        expect([value, emit.mock.calls]).toEqual([value, [[`${encodeKey(indexed, [value, value, "k"])}\u0000k\u0001`, "1-a"]]]);
      }
      emit.mockClear();
      map({ _id: "t:k", _rev: "1-a", table: "t", row: { id: "k" } });
      map({ _id: "other:k", _rev: "1-a", table: "other", row: { [name]: 1 } });
      map({ _id: "x", _rev: "1-a" });
      expect(emit).not.toHaveBeenCalled();
    }
  });

  it("finds no column in what all objects have", () => {
    const emit = vi.fn();
    const column = { ...columns[1]!, name: "constructor" };
    const map = runInNewContext(`(${mapFunction("t", "t:", [column])})`, { emit }) as (doc: unknown) => void;
    map({ _id: "t:k", table: "t", row: {} });
    expect(emit).not.toHaveBeenCalled();
  });
});

describe.skipIf(process.env[fixture.env] === undefined)("driver: couchdb", () => {
  describeRowStore("couchdb", async () => {
    const { settings, clean } = await openClean();
    const http = httpClient({ base: settings.base, headers: authorizationOf(settings), mostAtOnce: 8 });
    const store = couchStore(http, settings.database);
    await store.makeDatabase();
    return { store, clean };
  });

  it("takes these requests for calls", async () => {
    const { open, clean } = await openClean();
    await using db = await open();
    await db.sync();
    await db.get("counter", "warm");
    await db.put("photo", { owner: "o", taken: 1, place: "Rome", stars: 1 });
    const requests = watchRequests();
    const requestsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
      requests.take();
      await work();
      return requests.take().map((each) => each.replace(/\/bk_test_[^/]*\//, "").replace(/%..*(?=\/_view)|:.*/, "…"));
    };
    const bulk = "POST _bulk_docs";
    const look = "POST _all_docs";
    expect(await requestsOf(() => db.get("counter", "a"))).toEqual(["GET counter%3Aa%01"]);
    expect(await requestsOf(() => db.list("counter", ["a", "b"]))).toEqual([look]);
    expect(await requestsOf(() => db.add("counter", { id: "a", n: 1 }))).toEqual([bulk]);
    expect(await requestsOf(() => db.put("counter", { id: "b", n: 1 }))).toEqual([bulk]);
    expect(await requestsOf(() => db.put("counter", { id: "a", n: 2 }))).toEqual([bulk, look, bulk]);
    expect(await requestsOf(() => db.update("counter", { id: "a", n: 2 }))).toEqual(["GET counter%3Aa%01", bulk]);
    expect(await requestsOf(() => db.incr("counter", { id: "a", n: 2 }))).toEqual(["GET counter%3Aa%01", bulk]);
    expect(await requestsOf(() => db.del("counter", "a"))).toEqual([look, bulk]);
    expect(await requestsOf(() => db.select("photo", { owner: "o" }))).toEqual([look]);
    expect(await requestsOf(() => db.select("photo", { place: "Rome" }))).toEqual(["POST _design/photo…/_view/entries"]);
    expect(await requestsOf(() => db.count("photo", { place: "Rome" }))).toEqual(["POST _design/photo…/_view/entries"]);
    await clean();
  });

  it("reads 1,000 rows of one tick in 20 requests or fewer, and writes many in a few", async () => {
    const { open, clean } = await openClean();
    await using db = await open();
    await db.sync();
    const ids = Array.from({ length: 1000 }, (_, i) => `n${i}`);
    const requests = watchRequests();
    await db.bulk(ids.map((id, n) => ({ op: "put", table: "counter", row: { id, n } })));
    expect(requests.take().length).toBeLessThanOrEqual(20);
    const rows = await Promise.all(ids.map((id) => db.get("counter", id)));
    expect(rows).toEqual(ids.map((id, n) => ({ id, n })));
    expect(requests.take().length).toBeLessThanOrEqual(20);
    await clean();
  });

  it("never has more requests under way than it was told", async () => {
    const { url, clean } = await openClean();
    await using db = await openDb({ url, tables, options: { maxConnections: 3 } });
    await db.sync();
    const requests = watchRequests();
    await Promise.all(Array.from({ length: 30 }, (_, i) => db.update("counter", { id: `c${i}`, n: 1 }, { upsert: true })));
    expect(requests.most).toBe(3);
    await clean();
  });

  it("stores a row as a document that others can read, and finds it by their queries", async () => {
    const { open, ask, clean } = await openClean();
    await using db = await open();
    await db.sync();
    await db.put("photo", { owner: "o", taken: 5, place: "Rome", stars: 3 });
    const found = await db.native("main", { method: "POST", path: "_find", body: { selector: { table: "photo", "row.stars": 3 } } });
    expect(found).toMatchObject({
      docs: [{ _id: "photo:o\u0001a5", table: "photo", row: { owner: "o", taken: 5, place: "Rome", stars: 3 } }],
    });
    expect(await ask("GET", encodeURIComponent("photo:o\u0001a5"))).toMatchObject({ row: { place: "Rome" } });
    await expect(db.native("main", { method: "GET" })).rejects.toMatchObject({ code: "invalid" });
    await expect(db.native("main", { method: "GET", path: "missing" })).rejects.toMatchObject({ code: "drift" });
    await clean();
  });

  it("keeps rows whole beside other documents of the database, and says where one is in the way", async () => {
    const { open, ask, clean } = await openClean();
    await using db = await open();
    await db.sync();
    await ask("PUT", "note", { text: "of somebody else" });
    await ask("PUT", encodeURIComponent("counter:mine\u0001"), { text: "under the id of a row" });
    await db.put("counter", { id: "a", n: 1 });
    await expect(db.get("counter", "mine")).rejects.toMatchObject({ code: "drift", outcome: "none" });
    expect(await db.get("counter", "a")).toEqual({ id: "a", n: 1 });
    await clean();
  });

  it("makes a view again that somebody has removed, when it is synced", async () => {
    const { open, ask, clean } = await openClean();
    await using db = await open();
    await db.sync();
    await db.put("photo", { owner: "o", taken: 5, place: "Rome", stars: 3 });
    const path = `_design/${encodeURIComponent("photo i.place.stars")}`;
    const { _rev } = await ask("GET", path);
    await ask("DELETE", `${path}?rev=${_rev as string}`);
    await expect(db.select("photo", { place: "Rome" })).rejects.toMatchObject({ code: "drift", outcome: "none" });
    expect(await db.sync({ dryRun: true })).toMatchObject({ indexed: [expect.stringContaining("photo.")] });
    await db.sync();
    expect((await db.select("photo", { place: "Rome" })).rows).toHaveLength(1);
    expect(await db.sync()).toMatchObject({ created: [], indexed: [] });
    await clean();
  });

  it("is made by many processes at once", async () => {
    const { open, clean } = await openClean();
    const all = await Promise.all(Array.from({ length: 10 }, open));
    await Promise.all(all.map((db) => db.sync()));
    await all[0]!.put("photo", { owner: "o", taken: 5, place: "Rome", stars: 3 });
    for (const db of all) {
      expect((await db.select("photo", { place: "Rome" })).rows).toHaveLength(1);
      await db.close();
    }
    await clean();
  });

  it("says what hinders it", async () => {
    const { url, open, clean } = await openClean();
    await using other = await openDb({ url: url.replace("secret", "wrong"), tables });
    await expect(other.get("counter", "a")).rejects.toMatchObject({ code: "unauthenticated", outcome: "none" });
    await expect(other.sync()).rejects.toMatchObject({ code: "unauthenticated", outcome: "none" });
    await using nobody = await openDb({ url: "couchdb://host.invalid/app", tables, attempts: 1 });
    await expect(nobody.put("counter", { id: "a" })).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
    await using db = await open();
    await expect(db.put("counter", { id: "a" })).rejects.toMatchObject({ code: "drift", outcome: "none" });
    await clean();
  });

  it("refuses a row that is larger than the server takes, and no other of its group", async () => {
    const { url, clean } = await openClean();
    const large = defineTables({ text: { id: { primary: 1 }, text: { maxLength: 20_000_000 } } });
    await using db = await openDb({ url, tables: large });
    await db.sync();
    // Within the limit as a row, over it with what a document has beside; and far over it.
    for (const length of [7_999_990, 9_000_000]) {
      const put = db.put("text", { id: "a", text: "x".repeat(length) });
      await expect(put).rejects.toMatchObject({ code: "too-large", outcome: "none" });
    }
    const rows = ["a", "b", "c"].map((id) => ({ id, text: "x".repeat(id === "b" ? 9_000_000 : 10) }));
    const results = await db.bulk(rows.map((row) => ({ op: "put", table: "text", row })));
    expect(results).toMatchObject([{ affected: 1 }, { error: { code: "too-large", outcome: "none" } }, { affected: 1 }]);
    expect((await db.list("text", ["a", "b", "c"])).map(({ id }) => id)).toEqual(["a", "c"]);
    await clean();
  });

  it("says of each row of a group what became of it, also when the server is lost in the middle", async () => {
    const { settings, clean } = await openClean();
    const http = httpClient({ base: settings.base, headers: authorizationOf(settings), mostAtOnce: 8 });
    await couchStore(http, settings.database).makeDatabase();
    const gone = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
    const lost = couchStore(
      { ...http, send: (request, signal) => (request.path.endsWith("_all_docs") ? Promise.reject(gone) : http.send(request, signal)) },
      settings.database,
    );
    const change = (key: string) => ({ table: "t", key, value: "{}", links: [] });
    expect(await lost.write([change("b")])).toEqual(["done"]);
    // The row that is there needs its revision, which nobody gives.
    expect(await lost.write([change("a"), change("b"), change("c")])).toEqual(["done", { error: gone }, "done"]);
    http.close();
    await clean();
  });

  it("gives up on a row that others never stop writing", async () => {
    const { settings, clean } = await openClean();
    const http = httpClient({ base: settings.base, headers: authorizationOf(settings), mostAtOnce: 8 });
    await couchStore(http, settings.database).makeDatabase();
    const busy = couchStore(
      {
        ...http,
        send: async (request, signal) => {
          if (!request.path.endsWith("_bulk_docs")) return http.send(request, signal);
          return { status: 201, headers: {}, text: '[{"id":"t:a","error":"conflict","reason":"Document update conflict."}]' };
        },
      },
      settings.database,
      { sleep: async () => undefined, random: () => 0.5 },
    );
    const [outcome] = await busy.write([{ table: "t", key: "a", value: "{}", links: [] }]);
    expect(outcome).toMatchObject({ error: { code: "limited", outcome: "none" } });
    http.close();
    await clean();
  });
});
