// What is Elasticsearch's and OpenSearch's own: the behaviour suite has what they share with all drivers.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { Client as ElasticClient } from "@elastic/elasticsearch";
import { Client as OpenSearchClient } from "@opensearch-project/opensearch";
import { type ErrorCode, silentLog, systemClock } from "@bk/core";
import { defineTables, openDb } from "@bk/db";
import { afterEach, describe, expect, it } from "vitest";

import type { Driver } from "../../src/driver.js";
import { idOf, indexedText, isLong } from "../../src/drivers/elasticsearch/document.js";
import { fixture, opensearchFixture } from "../../src/drivers/elasticsearch/fixture.js";
import { elasticsearchDriver } from "../../src/drivers/elasticsearch/index.js";
import type { ClientObject } from "../../src/drivers/elasticsearch/options.js";
import { HttpError } from "../../src/drivers/elasticsearch/transport.js";
import type { AnyDb } from "../../src/testing/any-db.js";
import { refuses, valuesOf } from "../../src/testing/expectations.js";
import { type Fixture, isWanted } from "../fixtures.js";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function openDriver(url: string, options: Record<string, unknown> = {}): Promise<Driver> {
  const driver = (await elasticsearchDriver({ url, options, clock: systemClock, log: silentLog })) as Driver;
  cleanups.push(() => driver.close());
  return driver;
}

/** A port at which no server is. */
const nobody = 65_534;

const tables = defineTables({
  thing: { id: { primary: 1 }, n: { type: "int", index: 1 }, text: {}, tags: { type: "list" }, at: { type: "timestamp" } },
});

describe("driver: elasticsearch", () => {
  const refused: readonly (readonly [string, Record<string, unknown>, string])[] = [
    ["elasticsearch://localhost:9200?colour=red", {}, "colour"],
    ["elasticsearch://localhost:9200/somewhere", {}, "url"],
    ["elasticsearch://localhost?prefix=Upper", {}, "prefix"],
    ["elasticsearch://localhost?prefix=_low", {}, "prefix"],
    ["elasticsearch://localhost", { refresh: "sometimes" }, "refresh"],
    ["elasticsearch://localhost", { shards: 0 }, "shards"],
    ["elasticsearch://localhost", { password: "hidden" }, "username"],
    ["elasticsearch://me:hidden@localhost", { apiKey: "hidden" }, "apiKey"],
    ["elasticsearch://localhost", { client: { transport: { request: () => undefined } } }, "client"],
    ["elasticsearch:", { client: {} }, "client"],
    ["elasticsearch:", { client: { transport: { request: () => undefined } }, apiKey: "hidden" }, "client"],
    ["opensearch+https://localhost", { protocol: "ftp" }, "protocol"],
  ];
  it.each(refused)("%s %j is invalid and names %s, no secret", async (url, options, field) => {
    const error = await openDriver(url, options).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "invalid", detail: { field } });
    expect(JSON.stringify(error)).not.toContain("hidden");
  });

  it("opens without sending anything", async () => {
    await openDriver("elasticsearch://127.0.0.1:1");
    await openDriver("opensearch+https://127.0.0.1:1,127.0.0.1:2");
  });

  it.each([
    [`elasticsearch://127.0.0.1:${nobody}`, "unavailable"],
    ["elasticsearch://nowhere.invalid:9200", "unavailable"],
    [`elasticsearch+https://127.0.0.1:${nobody},127.0.0.1:${nobody}`, "unavailable"],
    ["elasticsearch://127.0.0.1:1", "unavailable"],
  ])("%s, where no server is, is %s, and nothing was done", async (url, code) => {
    await using db = await openDb({ url, tables, attempts: 1 });
    await refuses(db.get("thing", "a"), code as ErrorCode, { outcome: "none" });
    await refuses(db.put("thing", { id: "a" }), code as ErrorCode, { outcome: "none" });
    await refuses(db.sync(), code as ErrorCode, { outcome: "none" });
  });

  const answers: readonly (readonly [number, string, string, string, string | undefined])[] = [
    [401, "security_exception", "missing authentication credentials for REST request [/album/_mget]", "unauthenticated", "none"],
    [403, "security_exception", "action [indices:data/write/bulk] is unauthorized for user [reader]", "denied", "none"],
    [403, "cluster_block_exception", "index [a] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];", "unavailable", "none"],
    [404, "index_not_found_exception", "no such index [album]", "drift", "none"],
    [409, "version_conflict_engine_exception", "[a]: version conflict, required seqNo [1]", "limited", "none"],
    [400, "strict_dynamic_mapping_exception", "mapping set to strict, dynamic introduction of [x] is not allowed", "drift", "none"],
    [400, "illegal_argument_exception", 'Document contains at least one immense term in field="x"', "too-large", "none"],
    [400, "query_shard_exception", "No mapping found for [x] in order to sort on", "drift", "none"],
    [400, "query_shard_exception", "failed to create query: maxClauseCount is set to 1024", "too-large", "none"],
    [400, "validation_exception", "this cluster currently has [1000]/[1000] maximum normal shards open;", "too-large", "none"],
    [400, "parsing_exception", "something else", "internal", "none"],
    [413, "", "", "too-large", "none"],
    [429, "circuit_breaking_exception", "[parent] Data too large", "limited", "none"],
    [429, "es_rejected_execution_exception", "rejected execution of coordinating operation", "limited", "none"],
    [503, "master_not_discovered_exception", "", "unavailable", "none"],
    [503, "cluster_manager_not_discovered_exception", "", "unavailable", "none"],
    [503, "unavailable_shards_exception", "primary shard is not active", "unavailable", "none"],
    [503, "", "", "unavailable", "unknown"],
    [502, "", "", "unavailable", "unknown"],
    [504, "", "", "timeout", "unknown"],
  ];
  it.each(answers)("an answer %s %s: %s is %s, outcome %s", async (status, type, reason, code, outcome) => {
    const driver = await openDriver("elasticsearch:");
    expect(driver.classify(new HttpError(status, type, reason))).toMatchObject({ code, outcome });
    expect(driver.classify(new HttpError(status, type, reason))?.message).not.toContain("[");
  });

  const failures: readonly (readonly [Error, string, string])[] = [
    [new TypeError("fetch failed", { cause: Object.assign(new Error(), { code: "ECONNREFUSED" }) }), "unavailable", "none"],
    [new TypeError("fetch failed", { cause: Object.assign(new Error(), { code: "UND_ERR_CONNECT_TIMEOUT" }) }), "timeout", "none"],
    [
      new TypeError("fetch failed", { cause: Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" }) }),
      "unavailable",
      "unknown",
    ],
    [new TypeError("fetch failed", { cause: Object.assign(new Error(), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }) }), "unavailable", "none"],
    [new DOMException("no answer in time", "TimeoutError"), "timeout", "unknown"],
    [Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { name: "ConnectionError" }), "unavailable", "none"],
    [Object.assign(new Error("socket hang up"), { name: "ConnectionError" }), "unavailable", "unknown"],
    [Object.assign(new Error("Request timed out"), { name: "TimeoutError" }), "timeout", "unknown"],
  ];
  it.each(failures)("%o is %s, outcome %s", async (error, code, outcome) => {
    const driver = await openDriver("elasticsearch:");
    expect(driver.classify(error)).toMatchObject({ code, outcome });
  });

  it("what it does not know is left to the core", async () => {
    expect((await openDriver("elasticsearch:")).classify(new Error("who knows"))).toBeUndefined();
  });

  it("user and password, or a key, go with each request; refused ones are unauthenticated", async () => {
    const seen: (string | undefined)[] = [];
    const body = { error: { type: "security_exception", reason: "unable to authenticate user [me]" }, status: 401 };
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    cleanups.push(async () => server.close());
    const { port } = server.address() as AddressInfo;
    for (const [user, options] of [
      ["me:pass%20word@", {}],
      ["", { apiKey: "abc" }],
    ] as const) {
      await using db = await openDb({ url: `elasticsearch://${user}127.0.0.1:${port}`, options, tables });
      await refuses(db.get("thing", "a"), "unauthenticated", { outcome: "none" });
      await refuses(db.put("thing", { id: "a" }), "unauthenticated", { outcome: "none" });
    }
    expect(new Set(seen)).toEqual(new Set([`Basic ${btoa("me:pass word")}`, "ApiKey abc"]));
  });

  it("ids are the keys themselves, and a hash where that would be too long or looks like one", () => {
    expect(idOf(["a/b"])).toBe("a/b");
    expect(idOf([5])).toBe("5");
    expect(idOf(["a", 1])).toBe('["a",1]');
    const ids = ["é".repeat(256), "é".repeat(257), "é".repeat(258), "sha256:a", "sha256:b"].map((key) => idOf([key]));
    expect(ids[0]).toBe("é".repeat(256));
    for (const id of ids.slice(1)) expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("a long text is compared by its beginning and a hash, which keeps every order but that among equal beginnings", () => {
    const long = "😀".repeat(8000);
    expect(isLong(long)).toBe(false);
    expect(indexedText(long)).toBe(long);
    expect(isLong(`${long}x`)).toBe(true);
    expect(indexedText(`${long}x`)).toMatch(/^(😀){8000}[0-9a-f]{64}$/u);
    expect(indexedText(`${long}x`)).not.toBe(indexedText(`${long}y`));
  });
});

for (const own of [fixture, opensearchFixture] as readonly Fixture[]) {
  describe.skipIf(!isWanted(own))(`driver: ${own.name}`, () => {
    /** A place of its own on the server, without the suite's policy of refreshing. */
    async function place(): Promise<{ url: string; http: string; options: Record<string, unknown> }> {
      const { url, options, clean } = (await own.open())!;
      cleanups.push(clean);
      return { url, http: url.replace(/^[a-z]+:/, "http:"), options: { ...options, refresh: "reads" } };
    }

    async function ask(http: string, method: string, path: string, body?: object): Promise<Record<string, unknown>> {
      const content = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
      return (await (await fetch(`${http}${path}`, { method, ...content })).json()) as Record<string, unknown>;
    }

    /** A client that counts requests: the server's answers are those of a client that gives bodies. */
    function counting(http: string): { client: ClientObject; take(): string[] } {
      let seen: string[] = [];
      const request = async (params: object): Promise<unknown> => {
        const { method, path, querystring, body, bulkBody } = params as Record<string, string>;
        seen.push(`${method} ${/_[a-z]+$/.exec(path!)?.[0]}`);
        const query = new URLSearchParams(querystring as unknown as Record<string, string>);
        const content = bulkBody ?? body;
        const type = bulkBody === undefined ? "application/json" : "application/x-ndjson";
        const response = await fetch(`${http}${path}?${query.toString()}`, {
          method: method!,
          ...(content === undefined ? {} : { body: content, headers: { "content-type": type } }),
        });
        const answer: unknown = await response.json();
        if (response.ok) return answer;
        throw Object.assign(new Error("refused"), { name: "ResponseError", meta: { statusCode: response.status, body: answer } });
      };
      return {
        client: { transport: { request } },
        take: () => {
          const taken = seen;
          seen = [];
          return taken;
        },
      };
    }

    async function open(
      settings: Record<string, unknown> = {},
      more: object = {},
    ): Promise<{ db: AnyDb; http: string; prefix: string; take(): string[] }> {
      const { url, http, options } = await place();
      const { client, take } = counting(http);
      const db = (await openDb({
        url: url.replace(/:.*/, ":"),
        tables,
        options: { ...options, client, ...settings },
        ...more,
      })) as unknown as AnyDb;
      cleanups.push(() => db.close());
      await db.sync();
      take();
      return { db, http, prefix: options["prefix"] as string, take };
    }

    it("a thousand gets of one tick are one request, a bulk of two thousand puts a few", async () => {
      const { db, take } = await open();
      const rows = Array.from({ length: 2000 }, (_, n) => ({ id: `k${n}`, n }));
      await db.bulk(rows.map((row) => ({ op: "put", table: "thing", row })));
      expect(take()).toEqual(["POST _bulk", "POST _bulk"]);
      const found = await Promise.all(rows.slice(0, 1000).map(({ id }) => db.get("thing", id)));
      expect(valuesOf(found as never, "n")).toEqual(rows.slice(0, 1000).map(({ n }) => n));
      expect(take().length).toBeLessThanOrEqual(2);
    });

    it("a select refreshes what this pool has written, once, and with consistent always", async () => {
      const { db, take } = await open();
      await db.put("thing", { id: "a", n: 1 });
      expect((await db.select("thing", { n: 1 })).rows).toHaveLength(1);
      await db.select("thing", { n: 1 });
      expect(take()).toEqual(["POST _bulk", "POST _refresh", "POST _search", "POST _search"]);
      await db.select("thing", { n: 1 }, { consistent: true });
      expect(await db.count("thing", { n: 1 })).toBe(1);
      expect(take()).toEqual(["POST _refresh", "POST _search", "POST _count"]);
      await Promise.all([db.put("thing", { id: "b", n: 1 }), db.put("thing", { id: "c", n: 1 })]);
      take();
      await Promise.all(Array.from({ length: 5 }, () => db.select("thing", { n: 1 })));
      expect(take().filter((request) => request.endsWith("_refresh"))).toHaveLength(1);
    });

    it("the option refresh says when what is written can be found", async () => {
      const { db, take } = await open({ refresh: "writes" });
      await db.put("thing", { id: "a", n: 1 });
      expect((await db.select("thing", { n: 1 })).rows).toHaveLength(1);
      expect(take()).toEqual(["POST _bulk", "POST _search"]);
      const waiting = await open({ refresh: "wait" });
      await waiting.db.put("thing", { id: "a", n: 1 });
      expect((await waiting.db.select("thing", { n: 1 })).rows).toHaveLength(1);
      const none = await open({ refresh: "none" });
      await none.db.put("thing", { id: "a", n: 1 });
      await none.db.select("thing", { n: 1 });
      expect(none.take()).toEqual(["POST _bulk", "POST _search"]);
      expect((await none.db.select("thing", { n: 1 }, { consistent: true })).rows).toHaveLength(1);
    });

    it("a document shows the row to whoever reads it with other clients", async () => {
      const everything = defineTables({
        all: {
          id: { primary: 1 },
          at: { primary: 2, type: "int" },
          price: { type: "decimal" },
          big: { type: "int64" },
          when: { type: "timestamp" },
          tags: { type: "list" },
          meta: { type: "json" },
          bytes: { type: "blob" },
          none: {},
        },
      });
      const { db, http, prefix } = await open({}, { tables: everything });
      const row = {
        id: "a",
        at: 1,
        price: "12.5",
        big: 9007199254740993n,
        when: new Date(5),
        tags: [],
        meta: { a: [1] },
        bytes: new Uint8Array([1, 2]),
      };
      await db.put("all", row);
      const { _source } = await ask(http, "GET", `/${prefix}all/_doc/${encodeURIComponent('["a",1]')}`);
      expect(_source).toEqual({
        id: "a",
        at: 1,
        price: "12.5",
        big: "9007199254740993",
        when: "1970-01-01T00:00:00.005Z",
        tags: [],
        meta: '{"a":[1]}',
        bytes: "AQI=",
        $order: { price: expect.any(String) as string, big: expect.any(String) as string },
        $has: { tags: true, meta: true, bytes: true },
      });
      await db.update("all", { id: "a", at: 1, meta: { b: 2 }, tags: null, price: null });
      expect(await db.get("all", { id: "a", at: 1 })).toEqual({ ...row, meta: { b: 2 }, tags: null, price: null, none: null });
      expect((await db.select("all", { id: "a", tags: null, price: null })).rows).toHaveLength(1);
    });

    it("texts longer than a term are kept and compared, or refused where the index does not know", async () => {
      const { db } = await open();
      const start = "ä".repeat(8000);
      const texts = ["", start, `${start}x`, `${start}y`, "z"];
      await db.bulk(texts.map((text, n) => ({ op: "put", table: "thing", row: { id: `k${n}`, n, text, tags: [text, "t"] } })));
      const ids = async (filter: object, options: object = {}): Promise<unknown[]> =>
        valuesOf((await db.select("thing", filter, { sort: "id", ...options })).rows, "id");
      for (const [n, text] of texts.entries()) {
        expect(await db.get("thing", `k${n}`)).toMatchObject({ text, tags: [text, "t"] });
        expect(await ids({ text })).toEqual([`k${n}`]);
        expect(await ids({ tags: { $contains: text } })).toEqual([`k${n}`]);
      }
      expect(await ids({ text: [`${start}y`, "z"] })).toEqual(["k3", "k4"]);
      const bound = "ä".repeat(499);
      expect(await ids({ text: { $gt: bound } })).toEqual(["k1", "k2", "k3"]);
      expect(await ids({ text: { $lt: bound } })).toEqual(["k0", "k4"]);
      expect(await ids({ text: { $begins_with: bound } })).toEqual(["k1", "k2", "k3"]);
      expect(await ids({ text: { $contains: "äx" } })).toEqual(["k2"]);
      await refuses(ids({ text: { $gt: `${bound}ä` } }), "too-large", { outcome: "none", column: "text" });
      await refuses(ids({}, { sort: "text" }), "unsupported", { outcome: "none", column: "text" });
      expect(await ids({ n: { $ne: 3 } }, { sort: "-text" })).toEqual(["k2", "k1", "k4", "k0"]);
      await db.update("thing", { id: "k2", text: "short", tags: ["t"] });
      expect(await db.get("thing", "k2")).toMatchObject({ text: "short", tags: ["t"] });
      expect(await ids({}, { sort: "text" })).toEqual(["k0", "k2", "k4", "k1", "k3"]);
      const first = await db.select("thing", {}, { sort: "text", count: 4 });
      expect((await db.select("thing", {}, { sort: "text", count: 4, start: first.next })).rows).toMatchObject([{ id: "k3" }]);
    });

    it("a table that was never made stays so: a write does not make an index", async () => {
      const { url, http, options } = await place();
      await using db = await openDb({ url, options, tables });
      for (const call of [
        db.put("thing", { id: "a" }),
        db.add("thing", { id: "a" }),
        db.update("thing", { id: "a", n: 1 }, { upsert: true }),
        db.del("thing", "a"),
      ])
        await refuses(call, "drift", { table: "thing", outcome: "none" });
      const { status } = await ask(http, "GET", `/${String(options["prefix"])}thing`);
      expect(status).toBe(404);
    });

    it("a column that sync has not added is drift, and nothing is written", async () => {
      const { db, http, prefix } = await open();
      const { url, options } = { url: http.replace("http:", "elasticsearch:"), options: { prefix } };
      await using newer = await openDb({ url, options, tables: defineTables({ thing: { id: { primary: 1 }, extra: {} } }) });
      await refuses(newer.put("thing", { id: "a", extra: "x" }), "drift", { outcome: "none" });
      await refuses(newer.update("thing", { id: "a", extra: "x" }, { upsert: true }), "drift", { outcome: "none" });
      expect(await db.get("thing", "a")).toBeUndefined();
    });

    it("an index that somebody else made is read and written, and drift names what does not fit", async () => {
      const { url, http, options } = await place();
      const index = `/${String(options["prefix"])}thing`;
      const properties = {
        id: { type: "keyword" },
        n: { type: "integer" },
        text: { type: "text", fields: { keyword: { type: "keyword" } } },
        tags: { type: "keyword" },
        at: { type: "date" },
      };
      await ask(http, "PUT", index, { settings: { number_of_replicas: 0 }, mappings: { properties } });
      await ask(http, "PUT", `${index}/_doc/a?refresh=true`, {
        id: "a",
        n: 1,
        text: "some words",
        tags: "one",
        at: "2024-02-03T04:05:06+01:00",
      });
      await using db = await openDb({ url, options, tables });
      const { drift } = await db.sync({ dryRun: true });
      expect(drift).toEqual([{ table: "thing", column: "text", message: expect.stringContaining("keyword") as string }]);
      const fitting = defineTables({
        thing: { id: { primary: 1 }, n: { type: "int" }, tags: { type: "list" }, at: { type: "timestamp" } },
      });
      await using own = await openDb({ url, options, tables: fitting });
      expect(await own.sync()).toEqual({ created: [], altered: [], indexed: [], drift: [] });
      const row = { id: "a", n: 1, tags: ["one"], at: new Date("2024-02-03T03:05:06Z") };
      expect(await own.get("thing", "a")).toEqual(row);
      expect((await own.select("thing", { at: row.at, tags: { $contains: "one" } })).rows).toEqual([row]);
      expect(await own.update("thing", { id: "a", n: 2 })).toEqual({ affected: 1 });
      await own.put("thing", { id: "b", n: 3, at: new Date(-1) });
      expect(valuesOf((await own.select("thing", { at: { $lt: new Date(0) } })).rows as never, "id")).toEqual(["b"]);
      const { _source } = await ask(http, "GET", `${index}/_doc/a`);
      expect(_source).toMatchObject({ n: 2, text: "some words" });
    });

    it("rows of before are found when their column is searched later, and words as they were written", async () => {
      const before = defineTables({ post: { id: { primary: 1 }, title: {}, body: {} } });
      const after = defineTables({ post: { id: { primary: 1 }, title: { search: true }, body: { search: true } } });
      const { url, options: own } = await place();
      const options = { ...own, refresh: "always" };
      await using older = await openDb({ url, options, tables: before });
      await older.sync();
      const long = `${"many words ".repeat(1000)} ΟΔΟΣ`;
      await older.put("post", { id: "a", title: "Old Rome", body: long });
      await using newer = await openDb({ url, options, tables: after });
      await newer.sync();
      await older.put("post", { id: "b", title: "Rome again" });
      const found = async (query: string): Promise<unknown[]> =>
        valuesOf((await newer.search("post", query, { sort: "id" })).rows as never, "id");
      expect(await found("rome")).toEqual(["a", "b"]);
      expect(await found("οδος")).toEqual(["a"]);
      await newer.put("post", { id: "a", title: "Milan", body: long });
      expect(await found("rome")).toEqual(["b"]);
      expect(await found("οδος milan")).toEqual(["a"]);
    });

    it("a request over the limit is too-large before anything is sent", async () => {
      const { db, take } = await open({ maxRequestBytes: 2000 });
      await refuses(db.put("thing", { id: "a", text: "é".repeat(1000) }), "too-large", { outcome: "none" });
      expect(take()).toEqual([]);
      await db.put("thing", { id: "a", text: "é".repeat(500) });
    });

    it("a second node is asked where the first is not there", async () => {
      const { url, options } = await place();
      await using db = await openDb({ url: url.replace("//", `//127.0.0.1:${nobody},`), options, tables });
      await db.sync();
      await db.put("thing", { id: "a", n: 1 });
      expect((await db.select("thing", { n: 1 })).rows).toHaveLength(1);
    });

    const clients: readonly (readonly [string, (node: string) => { close(): Promise<unknown> }])[] = [
      ["@opensearch-project/opensearch", (node) => new OpenSearchClient({ node })],
      ...(own === fixture ? [["@elastic/elasticsearch", (node: string) => new ElasticClient({ node })] as const] : []),
    ];
    it.each(clients)("a client of %s may be handed in; it stays open", async (_name, make) => {
      const { url, http, options } = await place();
      const client = make(http);
      cleanups.push(() => client.close());
      for (let i = 0; i < 2; i++) {
        await using db = await openDb({ url: url.replace(/:.*/, ":"), options: { ...options, client }, tables });
        await refuses(i === 0 ? db.put("thing", { id: "a" }) : db.add("thing", { id: "a" }), i === 0 ? "drift" : "already-exists", {
          outcome: "none",
        });
        await db.sync();
        await db.put("thing", { id: "a", n: 1, at: new Date(0) });
        await db.incr("thing", { id: "a", n: 1 });
        expect((await db.select("thing", { n: 2 })).rows).toEqual([{ id: "a", n: 2, text: null, tags: null, at: new Date(0) }]);
        const controller = new AbortController();
        const call = db.get("thing", "a", { signal: controller.signal });
        controller.abort();
        await refuses(call, "cancelled");
      }
      const lost = make(`http://127.0.0.1:${nobody}`);
      cleanups.push(() => lost.close());
      await using away = await openDb({ url: url.replace(/:.*/, ":"), options: { ...options, client: lost }, tables, attempts: 1 });
      await refuses(away.put("thing", { id: "b" }), "unavailable", { outcome: "none" });
    });

    it("native requests reach the server, and what is none is invalid", async () => {
      const { url, options } = await place();
      await using db = await openDb({ url, options, tables });
      await db.sync();
      await db.put("thing", { id: "a", n: 1 });
      const index = `/${String(options["prefix"])}thing`;
      await db.native("main", { method: "POST", path: `${index}/_refresh` });
      const count = { method: "POST", path: `${index}/_count?ignore_unavailable=true`, body: { query: { term: { n: 1 } } } };
      expect(await db.native("main", count)).toMatchObject({ count: 1 });
      for (const wrong of [undefined, "GET /", { method: "PATCH", path: "/" }, { method: "GET", path: "x" }])
        await refuses(db.native("main", wrong), "invalid");
      await refuses(db.native("main", { method: "GET", path: `${index}x/_doc/a` }), "drift");
    });
  });
}
