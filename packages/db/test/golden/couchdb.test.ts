import { silentLog, systemClock } from "@bk/core";
import { describe, expect, it } from "vitest";

import { couchdbDriver } from "../../src/drivers/couchdb/index.js";
import { type Answer, requestsOf, type Sent } from "./requests.js";

/** A database that keeps documents, and finds them by their ids alone. */
function server(): (sent: Sent) => Answer {
  const documents = new Map<string, object>();
  return ({ method, path, body }) => {
    if (path.endsWith("/_bulk_docs")) {
      const { docs } = JSON.parse(body) as { docs: { _id: string }[] };
      for (const document of docs) documents.set(document._id, document);
      return { status: 201, body: docs.map(({ _id: id }) => ({ ok: true, id, rev: "1-a" })) };
    }
    if (path.includes("/_all_docs") || path.includes("/_view/")) {
      const { keys = [] } = JSON.parse(body) as { keys?: string[] };
      return {
        body: { rows: keys.map((key) => (documents.has(key) ? { id: key, key, value: { rev: "1-a" } } : { key, error: "not_found" })) },
      };
    }
    if (method === "PUT") return { status: 201, body: { ok: true, id: "x", rev: "1-a" } };
    const found = documents.get(decodeURIComponent(path.slice("/app/".length)));
    return found === undefined ? { status: 404, body: { error: "not_found", reason: "missing" } } : { body: { ...found, _rev: "1-a" } };
  };
}

/** Marks of writes are made anew each time; the functions of views are tested by what they give. */
const steady = (line: string): string =>
  line.replaceAll(/"[0-9a-z]{10,}\.[0-9a-z]+"/g, '"MARK"').replaceAll(/"map":"function(?:[^"\\]|\\.)*"/g, '"map":"FUNCTION"');

describe("driver: couchdb", () => {
  it("sends these requests for the fixed shapes", async () => {
    const open = (host: string) =>
      couchdbDriver({ url: `couchdb://${host}/app`, options: {}, clock: { ...systemClock, now: () => 1_800_000_000_000 }, log: silentLog });
    const requests = await requestsOf(open, server(), ["if-"]);
    expect(Object.fromEntries(Object.entries(requests).map(([name, lines]) => [name, lines.map(steady)]))).toMatchInlineSnapshot(`
      {
        "add": [
          "POST /app/_bulk_docs | {"docs":[{"_id":"account:a1\\u0001","write":"MARK","table":"account","row":{"id":"a1","email":"ann@x.y","name":"Ann","logins":3,"mtime":1000}}]}",
        ],
        "count": [
          "POST /app/_all_docs | {"startkey":"photo:o|1\\u0001","endkey":"photo:o|1\\u0002","inclusive_end":false,"limit":64,"include_docs":true}",
        ],
        "define column": [
          "GET /app/photo%2F_schema%3Adefinition%20photo",
        ],
        "define index": [
          "GET /app/photo%2F_schema%3Adefinition%20photo",
          "GET /app/photo%2F_schema%3Adefinition%20photo",
          "PUT /app/_design/photo%20i.place.stars | {"language":"javascript","views":{"entries":{"map":"FUNCTION","reduce":"_count","options":{"collation":"raw"}}}}",
          "POST /app/_design/photo%20i.place.stars/_view/entries | {"reduce":false,"limit":1}",
        ],
        "define table": [
          "PUT /app",
          "POST /app/_all_docs | {"startkey":"photo:","endkey":"photo;","inclusive_end":false,"limit":1,"include_docs":true}",
          "PUT /app/_design/photo%20i.place.stars | {"language":"javascript","views":{"entries":{"map":"FUNCTION","reduce":"_count","options":{"collation":"raw"}}}}",
          "POST /app/_design/photo%20i.place.stars/_view/entries | {"reduce":false,"limit":1}",
          "PUT /app/_design/photo%20t | {"language":"javascript","views":{"entries":{"map":"FUNCTION","reduce":"_count","options":{"collation":"raw"}}}}",
          "POST /app/_design/photo%20t/_view/entries | {"reduce":false,"limit":1}",
          "GET /app/photo%2F_schema%3Adefinition%20photo",
          "POST /app/_bulk_docs | {"docs":[{"_id":"photo/_schema:definition photo","write":"MARK","table":"photo/_schema","row":{"key":["owner","taken"],"columns":{"owner":"text","taken":"int","tags":"list of text","meta":"json","place":"text","stars":"int","expires":"int"},"indexes":{"i.place.stars":{"name":"place_stars","columns":["place","stars"],"unique":false,"ready":true},"t":{"name":"t","columns":["expires"],"unique":false,"ready":true}},"ttl":"expires"}}]}",
        ],
        "define table with a unique group": [
          "PUT /app",
          "POST /app/_all_docs | {"startkey":"account:","endkey":"account;","inclusive_end":false,"limit":1,"include_docs":true}",
          "PUT /app/_design/account%20u.email | {"language":"javascript","views":{"entries":{"map":"FUNCTION","reduce":"_count","options":{"collation":"raw"}}}}",
          "POST /app/_design/account%20u.email/_view/entries | {"reduce":false,"limit":1}",
          "GET /app/account%2F_schema%3Adefinition%20account",
          "POST /app/_bulk_docs | {"docs":[{"_id":"account/_schema:definition account","write":"MARK","table":"account/_schema","row":{"key":["id"],"columns":{"id":"text","email":"text","name":"text","logins":"int","mtime":"int"},"indexes":{"u.email":{"name":"email","columns":["email"],"unique":true,"ready":true}}}}]}",
        ],
        "define unique group": [
          "GET /app/account%2F_schema%3Adefinition%20account",
          "GET /app/account%2F_schema%3Adefinition%20account",
          "PUT /app/_design/account%20u.email | {"language":"javascript","views":{"entries":{"map":"FUNCTION","reduce":"_count","options":{"collation":"raw"}}}}",
          "POST /app/_design/account%20u.email/_view/entries | {"reduce":false,"limit":1}",
        ],
        "delete": [
          "POST /app/_all_docs | {"keys":["photo:o|1\\u0001a5"]}",
          "POST /app/_bulk_docs | {"docs":[{"_id":"photo:o|1\\u0001a5","_rev":"1-a","write":"MARK","_deleted":true}]}",
        ],
        "get": [
          "GET /app/account%3Aa1%01",
        ],
        "get, key of two": [
          "GET /app/photo%3Ao%7C1%01a5",
        ],
        "index, equality and range": [
          "POST /app/_design/photo%20i.place.stars/_view/entries | {"reduce":false,"include_docs":true,"startkey":"\\u0002Röm\\u0001\\u0002a3","endkey":"\\u0002Röm\\u0001\\u0002a6","inclusive_end":false,"descending":false,"limit":2}",
        ],
        "inspect": [
          "GET /app/photo%2F_schema%3Adefinition%20photo",
          "GET /app/_design/photo%20i.place.stars",
          "GET /app/_design/photo%20t",
        ],
        "one partition, newest first, next page": [
          "POST /app/_all_docs | {"startkey":"photo:o|1\\u0001a5","endkey":"photo:o|1\\u0001","descending":true,"limit":3,"include_docs":true}",
        ],
        "put": [
          "POST /app/_bulk_docs | {"docs":[{"_id":"account:a1\\u0001","write":"MARK","table":"account","row":{"id":"a1","email":"ann@x.y","name":"Ann","logins":3,"mtime":1000}}]}",
        ],
        "put, key of two, old row": [
          "GET /app/photo%3Ao%7C1%01a5",
          "POST /app/_bulk_docs | {"docs":[{"_id":"photo:o|1\\u0001a5","write":"MARK","table":"photo","row":{"owner":"o|1","taken":5,"tags":["b","c"],"meta":{"a":1},"place":"Röm","stars":4,"expires":9000}}]}",
        ],
        "unique group": [
          "POST /app/_design/account%20u.email/_view/entries | {"reduce":false,"include_docs":true,"startkey":"\\u0002ann@x.y\\u0001","endkey":"\\u0002ann@x.y\\u0002","inclusive_end":false,"descending":false,"limit":64}",
        ],
        "update": [
          "GET /app/photo%3Ao%7C1%01a5",
          "POST /app/_bulk_docs | {"docs":[{"_id":"photo:o|1\\u0001a5","_rev":"1-a","write":"MARK","table":"photo","row":{"owner":"o|1","taken":5,"tags":["b","c"],"meta":{"a":1},"stars":9,"expires":9000}}]}",
        ],
        "upsert": [
          "GET /app/account%3Aa1%01",
          "POST /app/_bulk_docs | {"docs":[{"_id":"account:a1\\u0001","_rev":"1-a","write":"MARK","table":"account","row":{"id":"a1","email":"ann@x.y","name":"Ann","logins":4,"mtime":1000}}]}",
        ],
        "whole table": [
          "POST /app/_all_docs | {"startkey":"photo:","endkey":"photo;","inclusive_end":false,"limit":64,"include_docs":true}",
        ],
      }
    `);
  });
});
