import * as mongo from "mongodb";
import { describe, expect, it } from "vitest";

import type { Shape } from "../../src/driver.js";
import { compileMongo } from "../../src/drivers/mongodb/compile.js";
import { layoutOf } from "../../src/drivers/mongodb/layout.js";
import { allOf } from "../../src/reference/condition.js";
import { aggregateShapes, columnOf, count, define, get, orderOf, select, shapes, test, update } from "./shapes.js";

// What the driver does not claim: the core never asks for it.
const unclaimed = ["search", "update texts", "filter texts", "filter texts, negated"];

const more: Readonly<Record<string, Shape>> = {
  "one first key column, a range of the next one, next page": select("photo", {
    filter: allOf([test("photo", "owner", "eq", 0), test("photo", "taken", "between", 1, 2)]),
    order: orderOf("photo", "-owner", "-taken"),
    after: [3, 4],
    limit: 5,
  }),
  "in order of an index, next page": select("photo", {
    filter: test("photo", "place", "eq", 0),
    order: orderOf("photo", "place", "stars", "owner", "taken"),
    after: [1, 2, 3, 4],
    limit: 5,
  }),
  "texts, patterns and lists": select("photo", {
    columns: ["place"],
    filter: allOf([
      test("photo", "place", "contains", 0),
      test("photo", "place", "not_like", 1),
      test("photo", "place", "not_begins_with", 2, 3),
      test("photo", "tags", "not_contains", 4),
    ]),
    order: orderOf("photo", "owner", "taken"),
  }),
  "count by the first key column": count("photo", { filter: test("photo", "owner", "eq", 0) }),
  "get, some columns": get("photo", ["place"]),
  "update of a list": update("photo", [["tags", "append", 2]]),
  "define ttl": define("photo", { kind: "column", column: columnOf("photo", "expires") }),
};

/** On one line, as a person would write it; slots as `<0>`. */
function written(command: unknown): string {
  const text = JSON.stringify(command, (_name, value: unknown) => (value instanceof mongo.MaxKey ? "MaxKey" : value));
  return text
    .replace(/\{"slot":(\d+)\}/g, "<$1>")
    .replace(/"([\w.$]+)":/g, "$1: ")
    .replaceAll(",", ", ");
}

function commandsOf(named: Readonly<Record<string, Shape>>): Record<string, unknown> {
  const entries = Object.entries(named).filter(([name]) => !unclaimed.includes(name));
  return Object.fromEntries(entries.map(([name, shape]) => [name, written(compileMongo(shape, layoutOf(shape.table, mongo)).describe())]));
}

describe("driver: mongodb", () => {
  it("compiles the fixed shapes to these commands", () => {
    expect(commandsOf(shapes)).toMatchInlineSnapshot(`
      {
        "add": "{insert: "account", documents: [{_id: <0>, email: <1>, name: <2>, logins: <3>, mtime: <4>}]}",
        "add over an expired row": "{update: "photo", updates: [{q: {$and: [{_id: {owner: <0>, taken: <1>}}, {expires: {$lte: <7>}}]}, u: {_id: {owner: <0>, taken: <1>}, tags: <2>, meta: <3>, place: <4>, stars: <5>, expires: <6>}, upsert: true}]}",
        "count": "{aggregate: "photo", pipeline: [{$match: {_id: {$gte: {owner: <0>}, $lte: {owner: <0>, taken: "MaxKey"}}}}, {$group: {_id: null, m0: {$sum: 1}}}], cursor: {}, allowDiskUse: true}",
        "define column": "[{note: "photo", columns: ["meta"]}]",
        "define index": "{createIndexes: "photo", indexes: [{name: "index(place, stars)", key: {place: 1, stars: 1, _id: 1}}]}",
        "define open table": "[{create: "note"}, {note: "note", columns: ["id", "text", "_rest"]}]",
        "define search": "[{note: "post", columns: ["id", "title", "body"]}]",
        "define searched table": "[{create: "post"}, {note: "post", columns: ["id", "title", "body"]}]",
        "define table": "[{create: "photo"}, {createIndexes: "photo", indexes: [{name: "expiry(expires)", key: {expires: 1}, expireAfterSeconds: 0}]}, {note: "photo", columns: ["owner", "taken", "tags", "meta", "place", "stars", "expires"]}]",
        "define table of each kind": "[{create: "sample"}, {note: "sample", columns: ["number", "big", "ratio", "price", "on", "born", "bytes"]}]",
        "define unique group": "{createIndexes: "account", indexes: [{name: "unique(email)", key: {email: 1}, unique: true, partialFilterExpression: {email: {$exists: true}}}]}",
        "delete": "{delete: "photo", deletes: [{q: {_id: {owner: <0>, taken: <1>}}, limit: 1}]}",
        "delete by filter": "{delete: "photo", deletes: [{q: {$or: [{_id.owner: {$eq: <0>}}, {stars: {$eq: <1>}}]}, limit: 0}]}",
        "delete guarded, old row": "{findAndModify: "photo", query: {$and: [{_id: {owner: <0>, taken: <1>}}, {stars: {$eq: null}}]}, remove: true}",
        "filter comparisons": "{find: "photo", filter: {$and: [{stars: {$nin: [<0>, null]}}, {stars: {$lt: <1>}}, {stars: {$lte: <2>}}, {$or: [{stars: {$lt: <3>}}, {stars: {$gt: <4>}}]}, {stars: {$ne: null}}]}, sort: {_id: 1}, projection: {_id: 1}, limit: <9>}",
        "filter elements": "{find: "photo", filter: {$and: [{tags: {$eq: <0>}}, {tags: {$nin: [<1>, null]}}]}, sort: {_id: 1}, projection: {_id: 1}, limit: <9>}",
        "filter lists": "{find: "photo", filter: {stars: {$in: [<0>, <1>, <2>]}, place: {$nin: [<3>, <4>, null]}}, sort: {_id: 1}, projection: {_id: 1}, limit: <9>}",
        "filter same": "{find: "photo", filter: {stars: {$eq: <0>}, meta: {$eq: <1>}}, sort: {_id: 1}, projection: {_id: 1}, limit: <9>}",
        "get": "{find: "account", filter: {_id: <0>}, limit: 1, singleBatch: true}",
        "get of each kind": "{find: "sample", filter: {_id: <0>}, limit: 1, singleBatch: true}",
        "get, one column, key of two": "{find: "photo", filter: {_id: {owner: <0>, taken: <1>}}, projection: {_id: 1, place: 1}, limit: 1, singleBatch: true}",
        "inspect": "{listIndexes: "photo"}",
        "put": "{update: "account", updates: [{q: {_id: <0>}, u: {_id: <0>, email: <1>, name: <2>, logins: <3>, mtime: <4>}, upsert: true}]}",
        "put of an open table": "{update: "note", updates: [{q: {_id: <0>}, u: {_id: <0>, text: <1>, _rest: <2>}, upsert: true}]}",
        "put, key of two, old row": "{findAndModify: "photo", query: {_id: {owner: <0>, taken: <1>}}, update: {_id: {owner: <0>, taken: <1>}, tags: <2>, meta: <3>, place: <4>, stars: <5>, expires: <6>}, upsert: true, new: false}",
        "select all": "{find: "account", filter: {}, sort: {_id: 1}, limit: <0>}",
        "select and, or": "{find: "photo", filter: {_id: {$gte: {owner: <0>}, $lte: {owner: <0>, taken: "MaxKey"}}, $or: [{place: {$eq: <1>}}, {stars: {$gt: <2>}}]}, sort: {_id: 1}, projection: {_id: 1}, limit: <9>}",
        "select by index, next page": "{find: "photo", filter: {place: {$eq: <0>}, $or: [{stars: {$gt: <1>}}, {stars: {$eq: <1>}, _id: {$gt: {owner: <2>, taken: <3>}}}]}, sort: {stars: 1, _id: 1}, projection: {_id: 1, stars: 1}, limit: <4>}",
        "select by partition, newest first": "{find: "photo", filter: {_id: {$gte: {owner: <0>}, $lte: {owner: <0>, taken: "MaxKey"}}}, sort: {_id: -1}, limit: <1>}",
        "select by partition, next page": "{find: "photo", filter: {$and: [{_id: {$gte: {owner: <0>}, $lte: {owner: <0>, taken: "MaxKey"}}}, {_id: {$lt: {owner: <2>, taken: <1>}}}]}, sort: {_id: -1}, projection: {_id: 1}, limit: <3>}",
        "select nested": "{find: "photo", filter: {$or: [{_id.owner: {$eq: <0>}, _id.taken: {$gte: <1>}}, {stars: {$gte: <2>, $lte: <3>}, place: {$eq: null}}]}, sort: {_id: 1}, projection: {_id: 1}, limit: <9>}",
        "select nothing": "{find: "photo", filter: {_id: {$in: []}}, sort: {_id: 1}, projection: {_id: 1}, limit: <9>}",
        "select, next page, mixed directions": "{find: "photo", filter: {$or: [{stars: {$gt: <0>}}, {stars: {$eq: <0>}, _id.owner: {$lt: <1>}}, {stars: {$eq: <0>}, _id.owner: {$eq: <1>}, _id.taken: {$gt: <2>}}]}, sort: {stars: 1, _id.owner: -1, _id.taken: 1}, projection: {_id: 1, stars: 1}, limit: <3>}",
        "select, next page, nullable column descending": "{find: "photo", filter: {$or: [{stars: {$lt: <0>}}, {stars: {$eq: null}}, {stars: {$eq: <0>}, _id: {$lt: {owner: <1>, taken: <2>}}}]}, sort: {stars: -1, _id: -1}, projection: {_id: 1, stars: 1}, limit: <3>}",
        "update": "{update: "photo", updates: [{q: {_id: {owner: <0>, taken: <1>}}, u: {$set: {stars: <2>}, $unset: {place: true}}}]}",
        "update by filter": "{update: "photo", updates: [{q: {_id: {$gte: {owner: <1>}, $lte: {owner: <1>, taken: "MaxKey"}}}, u: {$set: {stars: <0>}}, multi: true}]}",
        "update guarded": "{findAndModify: "photo", query: {$and: [{_id: {owner: <0>, taken: <1>}}, {stars: {$eq: <3>}}]}, update: {$set: {stars: <2>}}, new: true}",
        "update incr": "{findAndModify: "account", query: {_id: <0>}, update: {$inc: {logins: <1>}}, new: true}",
        "update of nothing": "{update: "note", updates: [{q: {_id: <0>}, u: {}}]}",
        "update, old row": "{findAndModify: "photo", query: {_id: {owner: <0>, taken: <1>}}, update: {$set: {stars: <2>}}, new: false}",
        "upsert": "[{findAndModify: "account", query: {$and: [{_id: <0>}, {logins: {$lt: <6>}}]}, update: {$inc: {logins: <5>}}, new: true}, {insert: "account", documents: [{_id: <0>, email: <1>, name: <2>, logins: <3>, mtime: <4>}]}]",
      }
    `);
  });

  it("compiles shapes of its own to these commands", () => {
    expect(commandsOf(more)).toMatchInlineSnapshot(`
      {
        "count by the first key column": "{aggregate: "photo", pipeline: [{$match: {_id: {$gte: {owner: <0>}, $lte: {owner: <0>, taken: "MaxKey"}}}}, {$group: {_id: null, m0: {$sum: 1}}}], cursor: {}, allowDiskUse: true}",
        "define ttl": "[{createIndexes: "photo", indexes: [{name: "expiry(expires)", key: {expires: 1}, expireAfterSeconds: 0}]}, {note: "photo", columns: ["expires"]}]",
        "get, some columns": "{find: "photo", filter: {_id: {owner: <0>, taken: <1>}}, projection: {_id: 1, place: 1}, limit: 1, singleBatch: true}",
        "in order of an index, next page": "{find: "photo", filter: {place: {$eq: <0>}, $or: [{stars: {$gt: <2>}}, {stars: {$eq: <2>}, _id: {$gt: {owner: <3>, taken: <4>}}}]}, sort: {stars: 1, _id: 1}, limit: <5>}",
        "one first key column, a range of the next one, next page": "{find: "photo", filter: {$and: [{_id: {$gte: {owner: <0>, taken: <1>}, $lte: {owner: <0>, taken: <2>}}, _id.taken: {$gte: <1>, $lte: <2>}}, {_id: {$lt: {owner: <3>, taken: <4>}}}]}, sort: {_id: -1}, limit: <5>}",
        "texts, patterns and lists": "{find: "photo", filter: {$and: [{place: {$regex: <0>, $options: "s"}}, {place: {$not: {$regex: <1>, $options: "s"}, $ne: null}}, {$or: [{place: {$lt: <2>}}, {place: {$gte: <3>}}]}, {tags: {$nin: [<4>, null]}}]}, sort: {_id: 1}, projection: {_id: 1, place: 1}}",
        "update of a list": "{update: "photo", updates: [{q: {_id: {owner: <0>, taken: <1>}}, u: {$push: {tags: {$each: <2>}}}}]}",
      }
    `);
  });

  it("compiles aggregates to these commands", () => {
    expect(commandsOf(aggregateShapes)).toMatchInlineSnapshot(`
      {
        "distinct": "{aggregate: "photo", pipeline: [{$match: {}}, {$group: {_id: {$ifNull: ["$place", null]}}}, {$sort: {_id: 1}}, {$limit: <0>}], cursor: {}, allowDiskUse: true}",
        "groups": "{aggregate: "photo", pipeline: [{$match: {_id: {$gte: {owner: <0>}, $lte: {owner: <0>, taken: "MaxKey"}}}}, {$group: {_id: {g0: {$ifNull: ["$place", null]}, g1: {$ifNull: ["$stars", null]}}, m0: {$sum: 1}, m1: {$sum: {$multiply: ["$stars", {$numberDecimal: "1"}]}}, m1n: {$sum: {$cond: [{$gt: ["$stars", null]}, 1, 0]}}, m2: {$min: "$place"}}}, {$sort: {_id.g0: 1, _id.g1: -1}}, {$limit: <1>}], cursor: {}, allowDiskUse: true}",
        "groups after a position": "{aggregate: "photo", pipeline: [{$match: {_id: {$gte: {owner: <0>}, $lte: {owner: <0>, taken: "MaxKey"}}}}, {$group: {_id: {$ifNull: ["$place", null]}, m0: {$sum: 1}}}, {$match: {_id: {$gt: <2>}}}, {$sort: {_id: 1}}, {$limit: <1>}], cursor: {}, allowDiskUse: true}",
        "integers, over all rows": "{aggregate: "sample", pipeline: [{$match: {}}, {$group: {_id: null, m0: {$sum: {$multiply: ["$_id", {$numberDecimal: "1"}]}}, m0n: {$sum: {$cond: [{$gt: ["$_id", null]}, 1, 0]}}, m1: {$sum: {$multiply: ["$big", {$numberDecimal: "1"}]}}, m1n: {$sum: {$cond: [{$gt: ["$big", null]}, 1, 0]}}, m2: {$sum: {$cond: [{$gt: ["$big", null]}, 1, 0]}}, m3: {$min: "$big"}, m4: {$max: "$big"}}}], cursor: {}, allowDiskUse: true}",
        "other kinds, over all rows": "{aggregate: "sample", pipeline: [{$match: {}}, {$group: {_id: null, m0: {$sum: {$cond: [{$gt: ["$ratio", null]}, 1, 0]}}, m1: {$max: "$ratio"}, m2: {$min: "$price"}, m3: {$max: "$price"}, m4: {$min: "$on"}, m5: {$max: "$on"}, m6: {$min: "$born"}}}], cursor: {}, allowDiskUse: true}",
      }
    `);
  });
});
