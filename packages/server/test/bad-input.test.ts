// Bad input gets its 4xx with a message that names the field, changes nothing, and never becomes a 500.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type CallOptions, errorOf, inProcessWords, startServer, tables, type TestServer } from "./start-server.js";

let on: TestServer;
beforeAll(async () => {
  on = await startServer({ db: "sqlite::memory:" });
  await on.call("root", "/data/put/city", { json: { country: "IT", name: "Rome", lat: 41.9 } });
});
afterAll(() => on.server.close());

interface Bad {
  readonly path: string;
  readonly options?: CallOptions;
  readonly status?: number;
  /** What the message names. */
  readonly names: string;
}

const deep = (levels: number): string => `${'{"json":'.repeat(levels)}1${"}".repeat(levels)}`;
const raw = (body: string | Uint8Array, contentType = "application/json"): CallOptions => ({ method: "POST", body, contentType });

const scenarios: readonly Bad[] = [
  { path: "/data/get/nope?id=1", status: 404, names: "nope" },
  { path: "/data/nope/city", status: 404, names: "nope" },
  { path: "/data/keys/__proto__", status: 404, names: "__proto__" },
  { path: "/data/select/constructor", status: 404, names: "constructor" },
  { path: "/data/toString/city", status: 404, names: "toString" },
  { path: "/nothing", status: 404, names: "path" },
  { path: "/data/select/city?nope=1", names: "nope" },
  { path: "/data/select/city?__proto__=1", names: "__proto__" },
  { path: "/data/select/city?constructor=1", names: "constructor" },
  { path: "/data/select/city?lat_$nope=1", names: "lat_$nope" },
  { path: "/data/select/city?lat_$constructor=1", names: "lat_$constructor" },
  { path: "/data/select/city?name_$regexp=(a%2B)%2B$", names: "name_$regexp" },
  { path: "/data/select/city?lat=x", names: "lat" },
  { path: "/data/select/city?lat_$in=1,x", names: "lat_$in" },
  { path: "/data/select/city?lat_$null=perhaps", names: "lat_$null" },
  { path: "/data/select/city?lat_$between=1", names: "lat" },
  { path: "/data/select/city?lat_$gt=1&lat_$gt=2", names: "lat_$gt" },
  { path: "/data/select/city?_count=0", names: "_count" },
  { path: "/data/select/city?_count=1001", names: "_count" },
  { path: "/data/select/city?_count=ten", names: "_count" },
  { path: "/data/select/city?_count=5&_count=6", names: "_count" },
  { path: "/data/select/city?_nope=1", names: "_nope" },
  { path: "/data/get/city?country=IT&name=Rome&_count=1", names: "_count" },
  { path: "/data/select/city?_select=nope", names: "nope" },
  { path: "/data/select/city?_select=", names: "_select" },
  { path: "/data/select/city?_select=name%20FROM%20bk_auth--", names: "FROM" },
  { path: "/data/select/city?_sort=nope", names: "nope" },
  { path: "/data/select/city?_sort=name;DROP%20TABLE%20city", names: "DROP" },
  { path: "/data/select/city?_sort=(select%20secret%20from%20bk_auth)", names: "select secret" },
  { path: "/data/select/city?_sort=name,name", names: "name" },
  { path: "/data/select/kinds?_sort=json", names: "json" },
  { path: "/data/select/city?_desc=perhaps", names: "_desc" },
  { path: "/data/select/city?_start=forged", names: "start" },
  { path: "/data/select/city?_ops=lat", names: "_ops" },
  { path: "/data/select/city?lat=1&_ops=lat,nope", names: "lat" },
  { path: "/data/select/city?_ops=lat,gt", names: "lat" },
  { path: "/data/select/city?_total=1&_count=5", names: "_count" },
  { path: "/data/list/city", names: "_keys" },
  { path: "/data/list/city?_keys=a,b", names: "_keys" },
  { path: "/data/list/city?_keys=[", names: "_keys" },
  { path: '/data/list/city?_keys=[{"nope":1}]', names: "nope" },
  { path: "/data/list/city?_keys=[]", names: "_keys" },
  { path: "/data/get/city?country=IT", names: "name" },
  { path: "/data/get/city?country=IT&name=Rome&lat=1", names: "lat" },
  { path: "/data/search/city", names: "_q" },
  { path: "/data/add/city?country=IT", names: "name" },
  { path: "/data/add/city?country=IT&name=", names: "name" },
  { path: "/data/add/city?country=IT&name=a&nope=1", names: "nope" },
  { path: "/data/add/city?country=IT&name=a&lat=1&lat=2", names: "lat" },
  { path: "/data/add/city?country=IT&name=a%00b", names: "name" },
  { path: `/data/add/city?country=IT&name=${"x".repeat(256)}`, status: 413, names: "name" },
  { path: "/data/incr/city?country=IT&name=Rome&lat=1e999", names: "lat" },
  { path: "/data/put/city?country=IT&name=a&_returning=maybe", names: "_returning" },
  { path: "/data/update/city?country=IT&name=Rome&lat=1&_ops=lat,nope", names: "lat" },
  { path: "/data/update/city?country=IT&name=Rome&_where={", names: "_where" },
  { path: '/data/update/city?country=IT&name=Rome&_where={"nope":1}', names: "nope" },
  { path: "/data/keys/city?x=1", names: "x" },
  { path: "/data/select/city?name=%ff", names: "UTF-8" },
  { path: "/data/select/city?name=%zz", names: "escape" },
  { path: "/data/select/city?name=%ed%a0%80", names: "UTF-8" },
  { path: `/data/select/city?${"a=1&".repeat(1001)}`, names: "1000" },
  { path: "/data/select/city", options: raw('{"country":'), names: "JSON" },
  { path: "/data/select/city", options: raw("5"), names: "object" },
  { path: "/data/select/city", options: raw("[]"), names: "object" },
  { path: "/data/select/city", options: raw(new Uint8Array([0x22, 0xff, 0x22])), names: "UTF-8" },
  { path: "/data/select/city", options: raw("name=%ff", "application/x-www-form-urlencoded"), names: "UTF-8" },
  { path: "/data/select/city", options: raw("<a/>", "application/xml"), status: 415, names: "application/xml" },
  { path: "/data/select/city", options: raw("x", "multipart/form-data; boundary=x"), status: 415, names: "multipart/form-data" },
  { path: "/data/select/city?lat=1", options: raw('{"lat":1}'), names: "lat" },
  { path: "/data/select/city", options: raw('{"__proto__":{"isAdmin":true}}'), names: "__proto__" },
  { path: "/data/put/kinds", options: raw('{"id":"a","json":{"__proto__":1}}'), names: "__proto__" },
  { path: "/data/put/kinds", options: raw(`{"id":"a","json":${deep(33)}}`), names: "deeply" },
  { path: "/data/select/city", options: raw('{"lat":{"gt":1}}'), names: "lat" },
  { path: "/data/select/city", options: raw('{"lat":{}}'), names: "lat" },
  { path: "/data/select/city", options: raw('{"$or":{}}'), names: "$or" },
  { path: "/data/select/city", options: raw('{"$or":5}'), names: "$or" },
  { path: "/data/select/city", options: raw('{"$where":"1"}'), names: "$where" },
  { path: "/data/select/city", options: raw('{"_sort":5}'), names: "_sort" },
  { path: "/data/select/city", options: raw(`{"name":"${"x".repeat(1024 * 1024)}"}`), status: 413, names: "1048576" },
  { path: "/data/batch", options: raw("{}"), names: "items" },
  { path: "/data/batch", options: raw('{"items":5}'), names: "items" },
  { path: "/data/batch", options: raw('[{"op":"drop","table":"city"}]'), names: "item 0" },
  { path: "/data/batch", options: raw('[{"op":"put","table":"nope","row":{}}]'), status: 404, names: "item 0" },
  { path: "/data/batch", options: raw('[{"op":"del","table":"city","row":{}}]'), names: "key" },
  { path: "/data/batch", options: raw('[{"op":"put","table":"city","row":{},"_nope":1}]'), names: "_nope" },
  {
    path: "/data/batch",
    options: raw(JSON.stringify(Array.from({ length: 1001 }, () => ({ op: "put", table: "city", row: {} })))),
    names: "1000",
  },
];

describe("bad input", () => {
  it.each(scenarios)("$path ($names)", async ({ path, options, status = 400, names }) => {
    const reply = await on.call("root", path, options);
    expect(errorOf(reply)).toEqual({ status, message: expect.stringContaining(names), code: expect.stringMatching(/^[a-z-]+$/) });
    expect(reply.body["message"]).not.toMatch(inProcessWords);
    expect(reply.status).toBe(status);
  });

  it("wrote nothing, and left the prototype of objects alone", async () => {
    expect((await on.call("root", "/data/count/city")).body).toEqual({ count: 1 });
    expect((await on.call("root", "/data/count/kinds")).body).toEqual({ count: 0 });
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });

  it("OPTIONS and other methods get 405 and the list of those that work", async () => {
    const reply = await on.call("root", "/data/get/city", { method: "OPTIONS" });
    expect([reply.status, reply.headers.get("allow")]).toEqual([405, "GET, HEAD, POST, PUT, PATCH, DELETE"]);
    expect(reply.body).toMatchObject({ status: 405, code: "method-not-allowed" });
  });

  it.each(["/data//get/city", "/data/./get/city", "/ping/%2e%2e/auth", "/data%2fget/city", "/data\\get", "/ping/..%5c"])(
    "ambiguous path %s is refused",
    async (target) => {
      const bindings = { incoming: { url: target, headers: { host: "bk.test" }, rawHeaders: ["Host", "bk.test"] } };
      const response = await on.server.app.fetch(new Request(`http://bk.test/`), bindings as never);
      expect([response.status, await response.json()]).toEqual([400, { status: 400, message: expect.any(String), code: "invalid" }]);
    },
  );
});

describe("whatever is sent, the answer is never a 500", () => {
  const columns = Object.keys("$columns" in tables.note ? {} : tables.kinds);
  const names = fc.oneof(
    fc.constantFrom(
      ...columns,
      "id",
      "country",
      "name",
      "lat",
      "_count",
      "_start",
      "_select",
      "_sort",
      "_ops",
      "_keys",
      "_where",
      "_returning",
      "_total",
      "_upsert",
      "_q",
      "_consistent",
      "$or",
      "$not",
      "lat_$gt",
      "at_$in",
      "set_$contains",
      "json_$eq",
    ),
    // A parameter without a name cannot be signed.
    fc.string({ unit: "grapheme", minLength: 1 }),
  );
  const texts = fc.oneof(
    fc.constantFrom(
      "",
      "0",
      "-1",
      "1e400",
      "null",
      "true",
      "[]",
      "{}",
      "[1,2]",
      '{"a":1}',
      "a,b,c",
      "'; DROP TABLE city; --",
      "\u0000",
      "\ud800",
      "9".repeat(40),
    ),
    fc.string({ unit: "binary" }),
  );
  const calls = fc.constantFrom("get", "list", "select", "search", "count", "aggregate", "add", "put", "update", "incr", "del");
  const served = fc.constantFrom("kinds", "city", "note", "diary", "quiet");
  const logins = fc.constantFrom("root", "bob");
  const runs = { numRuns: 400 };

  const check = async (login: string, path: string, options?: CallOptions): Promise<void> => {
    const reply = await on.call(login, path, options);
    const told =
      reply.status >= 500
        ? `${login} ${path} ${JSON.stringify(options)} ${on.logged.filter((line) => line.includes("failed")).at(-1)}`
        : "";
    expect([reply.status < 500, told]).toEqual([true, ""]);
    if (reply.status >= 400) {
      expect(errorOf(reply)).toEqual({ status: reply.status, message: expect.any(String), code: expect.any(String) });
      expect(reply.body["message"]).not.toMatch(inProcessWords);
    }
  };
  const wellFormed = (text: string): string => encodeURIComponent(text.toWellFormed());

  it("to a query", () =>
    fc.assert(
      fc.asyncProperty(logins, calls, served, fc.array(fc.tuple(names, texts), { maxLength: 5 }), (login, call, table, pairs) =>
        check(login, `/data/${call}/${table}?${pairs.map(([name, text]) => `${wellFormed(name)}=${wellFormed(text)}`).join("&")}`),
      ),
      runs,
    ));

  it("to a JSON body", () =>
    fc.assert(
      fc.asyncProperty(
        logins,
        calls,
        served,
        fc.dictionary(names, fc.oneof(texts, fc.jsonValue({ maxDepth: 3 })), { maxKeys: 5 }),
        (login, call, table, json) => check(login, `/data/${call}/${table}`, { json }),
      ),
      runs,
    ));

  it("to a form or a body of any bytes", () =>
    fc.assert(
      fc.asyncProperty(
        logins,
        calls,
        served,
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        fc.constantFrom("application/json", "application/x-www-form-urlencoded", "text/plain", ""),
        (login, call, table, body, contentType) =>
          check(login, `/data/${call}/${table}`, { method: "POST", body, contentType }).catch((error: unknown) => {
            // A form that is not UTF-8 cannot be signed: nothing was sent.
            if (!(error instanceof Error && error.message.startsWith("body"))) throw error;
          }),
      ),
      runs,
    ));

  it("to a batch", () =>
    fc.assert(
      fc.asyncProperty(
        logins,
        fc.array(
          fc.record(
            {
              op: fc.oneof(fc.constantFrom("add", "put", "update", "incr", "del"), fc.string()),
              table: fc.oneof(served, fc.string()),
              row: fc.oneof(fc.dictionary(names, fc.jsonValue()), fc.jsonValue()),
              key: fc.dictionary(names, fc.jsonValue()),
            },
            { requiredKeys: ["op", "table"] },
          ),
          { maxLength: 4 },
        ),
        (login, items) => check(login, "/data/batch", { json: items }),
      ),
      runs,
    ));
});
