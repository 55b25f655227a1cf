// What the Riak driver has of its own: siblings, removed rows, indexes, errors of the server. The server is one of ours.

import { systemClock } from "@bk/core";
import { defineTables, openDb, table } from "@bk/db";
import { describe, expect, it } from "vitest";
import { fixture } from "../../src/drivers/riak/fixture.js";
import { chooseSibling } from "../../src/drivers/riak/index.js";
import type { Content } from "../../src/drivers/riak/objects.js";
import { riakOptions } from "../../src/drivers/riak/options.js";
import { riakStore } from "../../src/drivers/riak/store.js";
import { httpClient } from "../../src/engines/http.js";
import { describeRowStore } from "../../src/testing/row-store-suite.js";
import { watchRequests } from "./watch-requests.js";

const tables = defineTables({
  photo: { owner: { primary: 1 }, taken: { type: "int", primary: 2 }, place: { index: 1 }, stars: { type: "int", index: 2 } },
  counter: { id: { primary: 1 }, n: { type: "int" } },
});

/** Clean buckets, and what sends requests as another client would. */
async function openClean() {
  const instance = (await fixture.open())!;
  const settings = riakOptions(instance);
  const ask = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    fetch(settings.base + path, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body }),
    });
  const open = () => openDb({ url: instance.url, options: instance.options, tables });
  const pathOf = (name: string, key: string): string => `/buckets/${settings.prefix}${name}/keys/${encodeURIComponent(key)}`;
  return { ...instance, settings, ask, open, pathOf };
}

const content = (row: object | undefined, at: number, write = `w${at}`): Content => ({
  row: row === undefined ? undefined : JSON.stringify(row),
  links: [],
  write,
  generation: 1,
  at,
});

describe("the rule for siblings", () => {
  it("takes the one that was written last, also a removal", () => {
    const siblings = [content({ n: 9 }, 1), content({ n: 5 }, 3), content(undefined, 2)];
    expect(chooseSibling(siblings, undefined).at).toBe(3);
    expect(chooseSibling([content({ n: 1 }, 1), content(undefined, 2)], undefined).row).toBeUndefined();
  });

  it("takes the one with the greatest value of the column that the table names", () => {
    const siblings = [content({ n: 9 }, 1), content({ n: 5 }, 3), content({}, 4), content(undefined, 5)];
    expect(chooseSibling(siblings, "n").at).toBe(1);
    expect(chooseSibling([content({ n: 1 }, 1), content({ n: 1 }, 2)], "n").at).toBe(2);
  });

  it("takes the same one in whatever order they come", () => {
    const siblings = [content({ n: 1 }, 1, "a"), content({ n: 2 }, 1, "b")];
    expect(chooseSibling(siblings, undefined)).toBe(chooseSibling([...siblings].reverse(), undefined));
  });
});

describe.skipIf(process.env[fixture.env] === undefined)("driver: riak", () => {
  describeRowStore("riak", async () => {
    const { settings, clean } = await openClean();
    const http = httpClient({ base: settings.base, headers: {}, mostAtOnce: 16 });
    const store = riakStore(http, { ...settings, clock: systemClock, choose: (_table, [first]) => first! });
    for (let i = 0; i < 40; i++) await store.makeBucket(`t${i}`);
    return { store, clean };
  });

  it("takes these requests for calls", async () => {
    const { open, clean, settings } = await openClean();
    await using db = await open();
    await db.sync();
    await db.get("counter", "warm");
    await db.put("photo", { owner: "o", taken: 1, place: "Rome", stars: 1 });
    const requests = watchRequests();
    const requestsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
      requests.take();
      await work();
      return requests.take().map((each) => {
        const [method, path] = each.split(" ") as [string, string];
        return `${method} ${path
          .split(settings.prefix)[1]!
          .replace(/%2F.*/, "/…")
          .replace(/(index|keys)\/.*/, "$1")}`;
      });
    };
    const schema = "GET counter/…";
    expect(await requestsOf(() => db.get("counter", "a"))).toEqual(["GET counter/keys"]);
    expect(await requestsOf(() => db.add("counter", { id: "a", n: 1 }))).toEqual(["PUT counter/keys", schema]);
    expect(await requestsOf(() => db.put("counter", { id: "a", n: 2 }))).toEqual([
      "PUT counter/keys",
      "GET counter/keys",
      "PUT counter/keys",
      schema,
    ]);
    expect(await requestsOf(() => db.update("counter", { id: "a", n: 2 }))).toEqual(["GET counter/keys", "PUT counter/keys", schema]);
    expect(await requestsOf(() => db.del("counter", "a"))).toEqual(["GET counter/keys", "PUT counter/keys", "DELETE counter/keys", schema]);
    expect(await requestsOf(() => db.select("photo", { place: "Rome" }))).toEqual(["GET photo/index", "GET photo/keys"]);
    await clean();
  });

  it("resolves siblings that other clients have made, by the rule of the table, for whoever reads next too", async () => {
    const { url, options, ask, pathOf, clean } = await openClean();
    const ruled = defineTables({
      doc: table({ id: { primary: 1 }, version: { type: "int" } }, { drivers: { riak: { winner: "version" } } }),
    });
    await using db = await openDb({ url, options, tables: ruled });
    await db.sync();
    const path = pathOf("doc", "a\u0001");
    for (const version of [1, 3, 2])
      await ask("PUT", path, `{"row":{"id":"a","version":${version}},"links":[],"write":"w${version}","at":${version}}`);
    expect((await ask("GET", path)).status).toBe(300);
    expect(await db.get("doc", "a")).toEqual({ id: "a", version: 3 });
    expect((await ask("GET", path)).status).toBe(200);
    expect(await db.incr("doc", { id: "a", version: 1 }, { returning: "new" })).toMatchObject({ row: { version: 4 } });
    await clean();
  });

  it("refuses a setting that names no column, and one that is unknown", async () => {
    const { url, options, clean } = await openClean();
    const wrong = defineTables({ doc: table({ id: { primary: 1 } }, { drivers: { riak: { winner: "version" } } }) });
    await using db = await openDb({ url, options, tables: wrong });
    await expect(db.get("doc", "a")).rejects.toMatchObject({ code: "invalid", outcome: "none" });
    const unknown = defineTables({ doc: table({ id: { primary: 1 } }, { drivers: { riak: { loser: "id" } } }) });
    await expect(openDb({ url, options, tables: unknown })).rejects.toMatchObject({ code: "invalid" });
    await clean();
  });

  it("counts every one of many increments at once, though conditions are not atomic", async () => {
    const { open, clean } = await openClean();
    const dbs = await Promise.all([open(), open(), open()]);
    await dbs[0]!.sync();
    await dbs[0]!.put("counter", { id: "a", n: 0 });
    await Promise.all(Array.from({ length: 60 }, (_, i) => dbs[i % 3]!.incr("counter", { id: "a", n: 1 })));
    expect(await dbs[1]!.get("counter", "a")).toEqual({ id: "a", n: 60 });
    for (const db of dbs) await db.close();
    await clean();
  });

  it("forgets removed rows, and lets them come again", async () => {
    const { open, ask, pathOf, clean } = await openClean();
    await using db = await open();
    await db.sync();
    for (let i = 0; i < 5; i++) {
      expect(await db.add("counter", { id: "a", n: i })).toEqual({ affected: 1 });
      expect(await db.del("counter", "a")).toEqual({ affected: 1 });
      expect(await db.get("counter", "a")).toBeUndefined();
      expect(await db.del("counter", "a")).toEqual({ affected: 0 });
    }
    expect((await ask("GET", pathOf("counter", "a\u0001"))).status).toBe(404);
    expect((await db.select("counter", {}, { scan: true })).rows).toEqual([]);
    await clean();
  });

  it("says where something else lies under the key of a row, and what hinders it", async () => {
    const { open, ask, pathOf, clean } = await openClean();
    await using db = await open();
    await expect(db.put("counter", { id: "a" })).rejects.toMatchObject({ code: "drift", outcome: "none" });
    await db.sync();
    await ask("PUT", pathOf("counter", "a\u0001"), '{"text":"of somebody else"}');
    await expect(db.get("counter", "a")).rejects.toMatchObject({ code: "drift", outcome: "none" });
    await using nobody = await openDb({ url: "riak://host.invalid", tables, attempts: 1 });
    await expect(nobody.put("counter", { id: "a" })).rejects.toMatchObject({ code: "unavailable", outcome: "none" });
    await clean();
  });

  it("refuses rows and indexed texts that are larger than the server takes", async () => {
    const { url, options, clean } = await openClean();
    const large = defineTables({
      text: { id: { primary: 1 }, text: { maxLength: 20_000_000 }, tag: { maxLength: 5_000, index: 1 } },
    });
    await using db = await openDb({ url, options, tables: large });
    await db.sync();
    const tooLarge = { code: "too-large", outcome: "none" };
    await expect(db.put("text", { id: "a", text: "x".repeat(5_000_001) })).rejects.toMatchObject(tooLarge);
    await expect(db.put("text", { id: "a", tag: "x".repeat(1_001) })).rejects.toMatchObject(tooLarge);
    expect(await db.put("text", { id: "a".repeat(250), tag: "x".repeat(1_000), text: "x".repeat(4_000_000) })).toEqual({ affected: 1 });
    expect((await db.select("text", { tag: "x".repeat(1_000) })).rows).toHaveLength(1);
    await clean();
  });
});
