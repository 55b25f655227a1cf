import { systemClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import { kvDriver } from "../../src/engines/kv/engine.js";
import type { KvStore } from "../../src/engines/kv/store.js";
import { orderedSelects, shapes } from "./shapes.js";

const unused = (): never => {
  throw new Error("compiling does no I/O");
};
const store: KvStore = { get: unused, range: unused, write: unused, close: unused };

describe("driver: redis", () => {
  it("compiles the fixed shapes to these commands", () => {
    const driver = kvDriver("redis", store, { clock: systemClock, classify: () => undefined });
    const others = Object.entries(shapes).filter(
      ([, shape]) => shape.verb !== "select" && shape.verb !== "aggregate" && !("target" in shape && shape.target === "filter"),
    );
    const commands = Object.fromEntries(
      [...others, ...Object.entries(orderedSelects)].map(([name, shape]) => [name, JSON.stringify(driver.describe(driver.compile(shape)))]),
    );
    expect(commands).toMatchInlineSnapshot(`
      {
        "add": "{"write":"account","expect":"absent","links":["u.email"]}",
        "add over an expired row": "{"write":"photo","expect":"absent","links":["i.place.stars"]}",
        "count": "{"range":"photo","space":"key","equal":["owner"],"count":true}",
        "define column": "{"define":"photo","step":"column"}",
        "define index": "{"define":"photo","step":"index","space":"i.place.stars"}",
        "define open table": "{"define":"note","step":"table"}",
        "define search": "{"define":"post","step":"search"}",
        "define searched table": "{"define":"post","step":"table"}",
        "define table": "{"define":"photo","step":"table"}",
        "define table of each kind": "{"define":"sample","step":"table"}",
        "define unique group": "{"define":"account","step":"index","space":"u.email"}",
        "delete": "{"remove":"photo","expect":"present"}",
        "delete guarded, old row": "{"read":"photo","guard":"stars null ","remove":"if as read"}",
        "get": "{"get":"account"}",
        "get of each kind": "{"get":"sample"}",
        "get, one column, key of two": "{"get":"photo"}",
        "index by prefix, with a filter": "{"range":"photo","space":"i.place.stars","bounds":"place begins_with","filter":"tags contains 2"}",
        "index, equality and range": "{"range":"photo","space":"i.place.stars","equal":["place"],"bounds":"stars between","limit":true}",
        "inspect": "{"inspect":"photo"}",
        "one partition, newest first, next page": "{"range":"photo","space":"key","equal":["owner"],"backwards":true,"after":true,"limit":true}",
        "put": "{"write":"account","expect":"anything","links":["u.email"]}",
        "put of an open table": "{"write":"note","expect":"anything","links":[]}",
        "put, key of two, old row": "{"write":"photo","expect":"as read","links":["i.place.stars"]}",
        "unique group": "{"range":"account","space":"u.email","equal":["email"]}",
        "update": "{"read":"photo","change":["set stars","unset place"],"write":"if as read"}",
        "update guarded": "{"read":"photo","change":["set stars"],"guard":"stars eq 3","write":"if as read"}",
        "update incr": "{"read":"account","change":["incr logins"],"write":"if as read"}",
        "update of nothing": "{"read":"note","change":[],"write":"if as read"}",
        "update texts": "{"read":"account","change":["append name","prepend email"],"write":"if as read"}",
        "update, old row": "{"read":"photo","change":["set stars"],"write":"if as read"}",
        "upsert": "{"read":"account","change":["incr logins"],"guard":"logins lt 6","insert":true,"write":"if as read"}",
        "whole table": "{"range":"photo","space":"key"}",
      }
    `);
  });
});
