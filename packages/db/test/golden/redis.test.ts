import { systemClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import type { AccessPath, AggregateShape, SelectShape } from "../../src/driver.js";
import { kvDriver } from "../../src/engines/kv/engine.js";
import type { KvStore } from "../../src/engines/kv/store.js";
import { count, orderOf, select, shapes, tableOf, test } from "./shapes.js";

const unused = (): never => {
  throw new Error("compiling does no I/O");
};
const store: KvStore = { get: unused, range: unused, write: unused, close: unused };

const [byPlace] = tableOf("photo").indexes;
const keyPath: AccessPath = { index: undefined, columns: tableOf("photo").key, equal: [], range: undefined, descending: false };
const placePath: AccessPath = { ...keyPath, index: byPlace, columns: [...byPlace!.columns, ...tableOf("photo").key] };

/** The selects as the planner gives them to an ordered engine: each with a path. */
const selects: Readonly<Record<string, SelectShape | AggregateShape>> = {
  "whole table": select("photo", { path: keyPath, order: orderOf("photo", "owner", "taken") }),
  "one partition, newest first, next page": select("photo", {
    path: { ...keyPath, equal: [0], descending: true },
    order: orderOf("photo", "-taken"),
    after: [1],
    limit: 2,
  }),
  "index, equality and range": select("photo", {
    path: { ...placePath, equal: [0], range: test("photo", "stars", "between", 1, 2) },
    order: orderOf("photo", "stars", "owner", "taken"),
    limit: 3,
  }),
  "index by prefix, with a filter": select("photo", {
    path: { ...placePath, range: test("photo", "place", "begins_with", 0, 1) },
    filter: test("photo", "tags", "contains", 2),
    order: orderOf("photo", "place", "stars", "owner", "taken"),
  }),
  "unique group": select("account", {
    path: {
      index: tableOf("account").uniques[0],
      columns: [...tableOf("account").uniques[0]!.columns, ...tableOf("account").key],
      equal: [0],
      range: undefined,
      descending: false,
    },
    order: orderOf("account", "id"),
  }),
  count: count("photo", { path: { ...keyPath, equal: [0] } }),
};

describe("driver: redis", () => {
  it("compiles the fixed shapes to these commands", () => {
    const driver = kvDriver("redis", store, { clock: systemClock, classify: () => undefined });
    const others = Object.entries(shapes).filter(
      ([, shape]) => shape.verb !== "select" && shape.verb !== "aggregate" && !("target" in shape && shape.target === "filter"),
    );
    const commands = Object.fromEntries(
      [...others, ...Object.entries(selects)].map(([name, shape]) => [name, JSON.stringify(driver.describe(driver.compile(shape)))]),
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
