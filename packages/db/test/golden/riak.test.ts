import { silentLog, systemClock } from "@bk/core";
import { describe, expect, it } from "vitest";

import { riakDriver } from "../../src/drivers/riak/index.js";
import { type Answer, requestsOf, type Sent } from "./requests.js";

/** Buckets that keep objects, and find them by their keys alone. */
function server(): (sent: Sent) => Answer {
  const objects = new Map<string, Answer>();
  return ({ method, path, headers, body }) => {
    if (path.includes("/index/")) return { body: path.includes("return_terms") ? { results: [] } : { keys: [] } };
    const [place] = path.split("?");
    if (method === "GET") return objects.get(place!) ?? { status: 404, headers: { "content-type": "text/plain" }, body: "not found\n" };
    if (method === "DELETE") objects.delete(place!);
    if (method === "DELETE" || path.endsWith("/props")) return { status: 204 };
    const links = Object.entries(headers).filter(([name]) => name.startsWith("x-riak-index-")) as [string, string][];
    const object = { headers: { ...Object.fromEntries(links), "x-riak-vclock": "a85hYGBgzGDKBVIc", etag: '"e1"' }, body };
    objects.set(place!, object);
    return object;
  };
}

/** Marks and times of writes are others each time. */
const steady = (line: string): string => line.replaceAll(/[0-9a-z]{10,}\.[0-9a-z]+/g, "MARK").replaceAll(/\b1[0-9]{12}\b/g, "TIME");

describe("driver: riak", () => {
  it("sends these requests for the fixed shapes", async () => {
    const open = (host: string) =>
      riakDriver({ url: `riak://${host}`, options: {}, clock: { ...systemClock, now: () => 1_800_000_000_000 }, log: silentLog });
    const requests = await requestsOf(open, server(), ["if-", "x-riak"]);
    expect(Object.fromEntries(Object.entries(requests).map(([name, lines]) => [name, lines.map(steady)]))).toMatchInlineSnapshot(`
      {
        "add": [
          "PUT /buckets/bk.account/keys/a1%01?returnbody=true | if-none-match: * | x-riak-index-752e656d61696c_bin: 02616e6e40782e790100613101 | {"row":{"id":"a1","email":"ann@x.y","name":"Ann","logins":3,"mtime":1000},"links":[["u.email","\\u0002ann@x.y\\u0001"]],"write":"MARK","generation":1,"at":TIME}",
          "GET /buckets/bk.account%2F_schema/keys/definition%20account",
        ],
        "count": [
          "GET /buckets/bk.photo/index/$key/o%7C1%01/o%7C1%02?max_results=65",
        ],
        "define column": [
          "GET /buckets/bk.photo%2F_schema/keys/definition%20photo",
        ],
        "define index": [
          "GET /buckets/bk.photo%2F_schema/keys/definition%20photo",
          "GET /buckets/bk.photo%2F_schema/keys/definition%20photo",
        ],
        "define table": [
          "PUT /buckets/bk.photo/props | {"props":{"allow_mult":true,"last_write_wins":false}}",
          "PUT /buckets/bk.photo%2F_schema/props | {"props":{"allow_mult":true,"last_write_wins":false}}",
          "GET /buckets/bk.photo/index/$key/%00/%FF?max_results=2",
          "GET /buckets/bk.photo%2F_schema/keys/definition%20photo",
          "PUT /buckets/bk.photo%2F_schema/keys/definition%20photo?returnbody=true | if-none-match: * | {"row":{"key":["owner","taken"],"columns":{"owner":"text","taken":"int","tags":"list of text","meta":"json","place":"text","stars":"int","expires":"int"},"indexes":{"i.place.stars":{"name":"place_stars","columns":["place","stars"],"unique":false,"ready":true},"t":{"name":"t","columns":["expires"],"unique":false,"ready":true}},"ttl":"expires"},"links":[],"write":"MARK","generation":1,"at":TIME}",
        ],
        "define table with a unique group": [
          "PUT /buckets/bk.account/props | {"props":{"allow_mult":true,"last_write_wins":false}}",
          "PUT /buckets/bk.account%2F_schema/props | {"props":{"allow_mult":true,"last_write_wins":false}}",
          "GET /buckets/bk.account/index/$key/%00/%FF?max_results=2",
          "GET /buckets/bk.account%2F_schema/keys/definition%20account",
          "PUT /buckets/bk.account%2F_schema/keys/definition%20account?returnbody=true | if-none-match: * | {"row":{"key":["id"],"columns":{"id":"text","email":"text","name":"text","logins":"int","mtime":"int"},"indexes":{"u.email":{"name":"email","columns":["email"],"unique":true,"ready":true}}},"links":[],"write":"MARK","generation":1,"at":TIME}",
        ],
        "define unique group": [
          "GET /buckets/bk.account%2F_schema/keys/definition%20account",
          "GET /buckets/bk.account%2F_schema/keys/definition%20account",
        ],
        "delete": [
          "GET /buckets/bk.photo/keys/o%7C1%01a5",
          "PUT /buckets/bk.photo/keys/o%7C1%01a5?returnbody=true | if-match: "e1" | x-riak-vclock: a85hYGBgzGDKBVIc | {"links":[],"write":"MARK","generation":3,"at":TIME}",
          "DELETE /buckets/bk.photo/keys/o%7C1%01a5 | if-match: "e1" | x-riak-vclock: a85hYGBgzGDKBVIc",
          "GET /buckets/bk.photo%2F_schema/keys/definition%20photo",
        ],
        "get": [
          "GET /buckets/bk.account/keys/a1%01",
        ],
        "get, key of two": [
          "GET /buckets/bk.photo/keys/o%7C1%01a5",
        ],
        "index, equality and range": [
          "GET /buckets/bk.photo/index/692e706c6163652e7374617273_bin/0252c3b66d01026133/0252c3b66d01026136?max_results=3&return_terms=true",
        ],
        "inspect": [
          "GET /buckets/bk.photo%2F_schema/keys/definition%20photo",
        ],
        "one partition, newest first, next page": [
          "GET /buckets/bk.photo/index/$key/o%7C1%01/o%7C1%01a5?pagination_sort=true",
        ],
        "put": [
          "PUT /buckets/bk.account/keys/a1%01?returnbody=true | if-none-match: * | x-riak-index-752e656d61696c_bin: 02616e6e40782e790100613101 | {"row":{"id":"a1","email":"ann@x.y","name":"Ann","logins":3,"mtime":1000},"links":[["u.email","\\u0002ann@x.y\\u0001"]],"write":"MARK","generation":1,"at":TIME}",
          "GET /buckets/bk.account%2F_schema/keys/definition%20account",
        ],
        "put, key of two, old row": [
          "GET /buckets/bk.photo/keys/o%7C1%01a5",
          "PUT /buckets/bk.photo/keys/o%7C1%01a5?returnbody=true | if-none-match: * | x-riak-index-692e706c6163652e7374617273_bin: 0252c3b66d01026134006f7c31016135 | x-riak-index-74_bin: 026439303030006f7c31016135 | {"row":{"owner":"o|1","taken":5,"tags":["b","c"],"meta":{"a":1},"place":"Röm","stars":4,"expires":9000},"links":[["i.place.stars","\\u0002Röm\\u0001\\u0002a4"],["t","\\u0002d9000"]],"write":"MARK","generation":1,"at":TIME}",
          "GET /buckets/bk.photo%2F_schema/keys/definition%20photo",
        ],
        "unique group": [
          "GET /buckets/bk.account/index/752e656d61696c_bin/02616e6e40782e7901/02616e6e40782e7902?max_results=65&return_terms=true",
        ],
        "update": [
          "GET /buckets/bk.photo/keys/o%7C1%01a5",
          "PUT /buckets/bk.photo/keys/o%7C1%01a5?returnbody=true | if-match: "e1" | x-riak-index-74_bin: 026439303030006f7c31016135 | x-riak-vclock: a85hYGBgzGDKBVIc | {"row":{"owner":"o|1","taken":5,"tags":["b","c"],"meta":{"a":1},"stars":9,"expires":9000},"links":[["t","\\u0002d9000"]],"write":"MARK","generation":2,"at":TIME}",
          "GET /buckets/bk.photo%2F_schema/keys/definition%20photo",
        ],
        "upsert": [
          "GET /buckets/bk.account/keys/a1%01",
          "PUT /buckets/bk.account/keys/a1%01?returnbody=true | if-match: "e1" | x-riak-index-752e656d61696c_bin: 02616e6e40782e790100613101 | x-riak-vclock: a85hYGBgzGDKBVIc | {"row":{"id":"a1","email":"ann@x.y","name":"Ann","logins":4,"mtime":1000},"links":[["u.email","\\u0002ann@x.y\\u0001"]],"write":"MARK","generation":2,"at":TIME}",
          "GET /buckets/bk.account%2F_schema/keys/definition%20account",
        ],
        "whole table": [
          "GET /buckets/bk.photo/index/$key/%00/%FF?max_results=65",
        ],
      }
    `);
  });
});
