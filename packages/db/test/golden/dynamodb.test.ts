import { describe, expect, it } from "vitest";
import type { AccessPath, Shape } from "../../src/driver.js";
import { compileDynamo } from "../../src/drivers/dynamodb/compile.js";
import { layoutOf } from "../../src/drivers/dynamodb/layout.js";
import { columnOf, count, define, get, orderOf, select, shapes, tableOf, test, update } from "./shapes.js";

// What the driver does not claim: the core never asks for it.
const unclaimed = ["update by filter", "delete by filter", "search", "update texts", "filter texts", "filter texts, negated"];

const byOwner: AccessPath = { index: undefined, columns: tableOf("photo").key, equal: [0], range: undefined, descending: false };
const place = tableOf("photo").indexes[0]!;
const byPlace: AccessPath = { ...byOwner, index: place, columns: [...place.columns, ...tableOf("photo").key] };

const more: Readonly<Record<string, Shape>> = {
  "query by key, range": select("photo", {
    path: { ...byOwner, range: test("photo", "taken", "between", 1, 2) },
    filter: test("photo", "stars", "gt", 3),
    order: orderOf("photo", "taken"),
    limit: 4,
  }),
  "query backwards, next page": select("photo", {
    columns: ["taken"],
    path: { ...byOwner, descending: true },
    order: orderOf("photo", "-taken"),
    after: [1],
    limit: 2,
    consistent: true,
  }),
  "query by index": select("photo", { path: byPlace, order: orderOf("photo", "stars", "owner", "taken"), limit: 1 }),
  "query by index, range, count": count("photo", { path: { ...byPlace, range: test("photo", "stars", "ge", 1) } }),
  "get, consistent": { ...get("photo", ["place"]), consistent: true },
  "update of a unique column": update("account", [["email", "set", 1]]),
  "update of an indexed sum": update("photo", [["stars", "incr", 2]]),
  "update of a list": update("photo", [["tags", "append", 2]]),
  "define ttl": define("photo", { kind: "column", column: columnOf("photo", "expires") }),
};

function commandsOf(named: Readonly<Record<string, Shape>>): Record<string, unknown> {
  const entries = Object.entries(named).filter(([name]) => !unclaimed.includes(name));
  return Object.fromEntries(entries.map(([name, shape]) => [name, compileDynamo(shape, layoutOf(shape.table, "app-")).describe()]));
}

describe("driver: dynamodb", () => {
  it("compiles the fixed shapes to these commands", () => {
    expect(commandsOf(shapes)).toMatchInlineSnapshot(`
      {
        "add": {
          "ConditionExpression": "attribute_not_exists(#0)",
          "ExpressionAttributeNames": {
            "#0": "id",
          },
          "ExpressionAttributeValues": {},
          "Item": {
            "email": {
              "slot": 1,
            },
            "id": {
              "slot": 0,
            },
            "logins": {
              "slot": 3,
            },
            "mtime": {
              "slot": 4,
            },
            "name": {
              "slot": 2,
            },
          },
          "TableName": "app-account",
          "request": "TransactWriteItems",
        },
        "add over an expired row": {
          "ConditionExpression": "attribute_not_exists(#0) OR #1 <= :0",
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#1": "expires",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 7,
            },
          },
          "Item": {
            "expires": {
              "slot": 6,
            },
            "meta": {
              "slot": 3,
            },
            "owner": {
              "slot": 0,
            },
            "place": {
              "slot": 4,
            },
            "stars": {
              "slot": 5,
            },
            "tags": {
              "slot": 2,
            },
            "taken": {
              "slot": 1,
            },
          },
          "TableName": "app-photo",
          "request": "PutItem",
        },
        "count": {
          "ExpressionAttributeNames": {
            "#0": "owner",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 0,
            },
          },
          "FilterExpression": "#0 = :0",
          "Select": "COUNT",
          "TableName": "app-photo",
          "request": "Scan",
        },
        "define column": {
          "TableName": "app-photo",
          "request": "none",
        },
        "define index": {
          "Create": {
            "IndexName": "by.place.stars",
            "KeySchema": [
              {
                "AttributeName": "_h.place.stars",
                "KeyType": "HASH",
              },
              {
                "AttributeName": "_r.place.stars",
                "KeyType": "RANGE",
              },
            ],
            "Projection": {
              "ProjectionType": "ALL",
            },
          },
          "TableName": "app-photo",
          "request": "UpdateTable",
        },
        "define open table": {
          "AttributeDefinitions": [
            {
              "AttributeName": "id",
              "AttributeType": "S",
            },
          ],
          "BillingMode": "PAY_PER_REQUEST",
          "KeySchema": [
            {
              "AttributeName": "id",
              "KeyType": "HASH",
            },
          ],
          "TableName": "app-note",
          "request": "CreateTable",
        },
        "define search": {
          "TableName": "app-post",
          "request": "none",
        },
        "define searched table": {
          "AttributeDefinitions": [
            {
              "AttributeName": "id",
              "AttributeType": "S",
            },
          ],
          "BillingMode": "PAY_PER_REQUEST",
          "KeySchema": [
            {
              "AttributeName": "id",
              "KeyType": "HASH",
            },
          ],
          "TableName": "app-post",
          "request": "CreateTable",
        },
        "define table": {
          "AttributeDefinitions": [
            {
              "AttributeName": "owner",
              "AttributeType": "S",
            },
            {
              "AttributeName": "taken",
              "AttributeType": "N",
            },
            {
              "AttributeName": "_h.place.stars",
              "AttributeType": "S",
            },
            {
              "AttributeName": "_r.place.stars",
              "AttributeType": "S",
            },
          ],
          "BillingMode": "PAY_PER_REQUEST",
          "GlobalSecondaryIndexes": [
            {
              "IndexName": "by.place.stars",
              "KeySchema": [
                {
                  "AttributeName": "_h.place.stars",
                  "KeyType": "HASH",
                },
                {
                  "AttributeName": "_r.place.stars",
                  "KeyType": "RANGE",
                },
              ],
              "Projection": {
                "ProjectionType": "ALL",
              },
            },
          ],
          "KeySchema": [
            {
              "AttributeName": "owner",
              "KeyType": "HASH",
            },
            {
              "AttributeName": "taken",
              "KeyType": "RANGE",
            },
          ],
          "TableName": "app-photo",
          "request": "CreateTable",
        },
        "define table of each kind": {
          "AttributeDefinitions": [
            {
              "AttributeName": "number",
              "AttributeType": "N",
            },
            {
              "AttributeName": "_h.price",
              "AttributeType": "S",
            },
            {
              "AttributeName": "_r.price",
              "AttributeType": "S",
            },
          ],
          "BillingMode": "PAY_PER_REQUEST",
          "GlobalSecondaryIndexes": [
            {
              "IndexName": "by.price",
              "KeySchema": [
                {
                  "AttributeName": "_h.price",
                  "KeyType": "HASH",
                },
                {
                  "AttributeName": "_r.price",
                  "KeyType": "RANGE",
                },
              ],
              "Projection": {
                "ProjectionType": "ALL",
              },
            },
          ],
          "KeySchema": [
            {
              "AttributeName": "number",
              "KeyType": "HASH",
            },
          ],
          "TableName": "app-sample",
          "request": "CreateTable",
        },
        "define unique group": {
          "Create": {
            "IndexName": "unique.email",
            "KeySchema": [
              {
                "AttributeName": "_h.email",
                "KeyType": "HASH",
              },
              {
                "AttributeName": "_r.email",
                "KeyType": "RANGE",
              },
            ],
            "Projection": {
              "ProjectionType": "ALL",
            },
          },
          "TableName": "app-account",
          "request": "UpdateTable",
        },
        "delete": {
          "ConditionExpression": "attribute_exists(#0)",
          "ExpressionAttributeNames": {
            "#0": "owner",
          },
          "ExpressionAttributeValues": {},
          "Key": [
            {
              "slot": 0,
            },
            {
              "slot": 1,
            },
          ],
          "TableName": "app-photo",
          "request": "DeleteItem",
        },
        "delete guarded, old row": {
          "ConditionExpression": "attribute_exists(#0) AND attribute_not_exists(#1)",
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#1": "stars",
          },
          "ExpressionAttributeValues": {},
          "Key": [
            {
              "slot": 0,
            },
            {
              "slot": 1,
            },
          ],
          "TableName": "app-photo",
          "request": "DeleteItem",
        },
        "filter comparisons": {
          "ExpressionAttributeNames": {
            "#0": "stars",
            "#1": "owner",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 0,
            },
            ":1": {
              "slot": 1,
            },
            ":2": {
              "slot": 2,
            },
            ":3": {
              "slot": 3,
            },
            ":4": {
              "slot": 4,
            },
          },
          "FilterExpression": "(attribute_exists(#0) AND #0 <> :0) AND #0 < :1 AND #0 <= :2 AND (#0 < :3 OR #0 > :4) AND attribute_exists(#0)",
          "Limit": {
            "slot": 9,
          },
          "ProjectionExpression": "#1",
          "TableName": "app-photo",
          "request": "Scan",
        },
        "filter elements": {
          "ExpressionAttributeNames": {
            "#0": "tags",
            "#1": "owner",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 0,
            },
            ":1": {
              "slot": 1,
            },
          },
          "FilterExpression": "contains(#0, :0) AND (attribute_exists(#0) AND NOT contains(#0, :1))",
          "Limit": {
            "slot": 9,
          },
          "ProjectionExpression": "#1",
          "TableName": "app-photo",
          "request": "Scan",
        },
        "filter lists": {
          "ExpressionAttributeNames": {
            "#0": "stars",
            "#1": "place",
            "#2": "owner",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 0,
            },
            ":1": {
              "slot": 1,
            },
            ":2": {
              "slot": 2,
            },
            ":3": {
              "slot": 3,
            },
            ":4": {
              "slot": 4,
            },
          },
          "FilterExpression": "#0 IN (:0, :1, :2) AND (attribute_exists(#1) AND NOT #1 IN (:3, :4))",
          "Limit": {
            "slot": 9,
          },
          "ProjectionExpression": "#2",
          "TableName": "app-photo",
          "request": "Scan",
        },
        "filter same": {
          "ExpressionAttributeNames": {
            "#0": "stars",
            "#1": "meta",
            "#2": "owner",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 0,
            },
            ":1": {
              "slot": 1,
            },
          },
          "FilterExpression": "#0 = :0 AND #1 = :1",
          "Limit": {
            "slot": 9,
          },
          "ProjectionExpression": "#2",
          "TableName": "app-photo",
          "request": "Scan",
        },
        "get": {
          "Key": [
            {
              "slot": 0,
            },
          ],
          "TableName": "app-account",
          "request": "GetItem",
        },
        "get of each kind": {
          "Key": [
            {
              "slot": 0,
            },
          ],
          "TableName": "app-sample",
          "request": "GetItem",
        },
        "get, one column, key of two": {
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#1": "taken",
            "#2": "place",
          },
          "Key": [
            {
              "slot": 0,
            },
            {
              "slot": 1,
            },
          ],
          "ProjectionExpression": "#0, #1, #2",
          "TableName": "app-photo",
          "request": "GetItem",
        },
        "inspect": {
          "TableName": "app-photo",
          "request": "DescribeTable",
        },
        "put": {
          "Item": {
            "email": {
              "slot": 1,
            },
            "id": {
              "slot": 0,
            },
            "logins": {
              "slot": 3,
            },
            "mtime": {
              "slot": 4,
            },
            "name": {
              "slot": 2,
            },
          },
          "TableName": "app-account",
          "request": "TransactWriteItems",
        },
        "put of an open table": {
          "Item": {
            "_rest": {
              "slot": 2,
            },
            "id": {
              "slot": 0,
            },
            "text": {
              "slot": 1,
            },
          },
          "TableName": "app-note",
          "request": "PutItem",
        },
        "put, key of two, old row": {
          "Item": {
            "expires": {
              "slot": 6,
            },
            "meta": {
              "slot": 3,
            },
            "owner": {
              "slot": 0,
            },
            "place": {
              "slot": 4,
            },
            "stars": {
              "slot": 5,
            },
            "tags": {
              "slot": 2,
            },
            "taken": {
              "slot": 1,
            },
          },
          "TableName": "app-photo",
          "request": "PutItem",
        },
        "select all": {
          "ExpressionAttributeNames": undefined,
          "ExpressionAttributeValues": {},
          "Limit": {
            "slot": 0,
          },
          "TableName": "app-account",
          "request": "Scan",
        },
        "select and, or": {
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#1": "place",
            "#2": "stars",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 0,
            },
            ":1": {
              "slot": 1,
            },
            ":2": {
              "slot": 2,
            },
          },
          "FilterExpression": "#0 = :0 AND (#1 = :1 OR #2 > :2)",
          "Limit": {
            "slot": 9,
          },
          "ProjectionExpression": "#0",
          "TableName": "app-photo",
          "request": "Scan",
        },
        "select by index, next page": {
          "ExpressionAttributeNames": {
            "#0": "place",
            "#1": "owner",
            "#2": "taken",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 0,
            },
          },
          "FilterExpression": "#0 = :0",
          "Limit": {
            "slot": 4,
          },
          "ProjectionExpression": "#1, #2",
          "TableName": "app-photo",
          "after": [
            {
              "slot": 1,
            },
            {
              "slot": 2,
            },
            {
              "slot": 3,
            },
          ],
          "request": "Scan",
        },
        "select by partition, newest first": {
          "ExpressionAttributeNames": {
            "#0": "owner",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 0,
            },
          },
          "FilterExpression": "#0 = :0",
          "Limit": {
            "slot": 1,
          },
          "TableName": "app-photo",
          "request": "Scan",
        },
        "select by partition, next page": {
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#1": "taken",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 0,
            },
          },
          "FilterExpression": "#0 = :0",
          "Limit": {
            "slot": 3,
          },
          "ProjectionExpression": "#0, #1",
          "TableName": "app-photo",
          "after": [
            {
              "slot": 1,
            },
            {
              "slot": 2,
            },
          ],
          "request": "Scan",
        },
        "select nested": {
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#1": "taken",
            "#2": "stars",
            "#3": "place",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 0,
            },
            ":1": {
              "slot": 1,
            },
            ":2": {
              "slot": 2,
            },
            ":3": {
              "slot": 3,
            },
          },
          "FilterExpression": "(#0 = :0 AND #1 >= :1) OR ((#2 >= :2 AND #2 <= :3) AND attribute_not_exists(#3))",
          "Limit": {
            "slot": 9,
          },
          "ProjectionExpression": "#0",
          "TableName": "app-photo",
          "request": "Scan",
        },
        "select nothing": {
          "ExpressionAttributeNames": {
            "#0": "owner",
          },
          "ExpressionAttributeValues": {},
          "FilterExpression": "attribute_exists(#0) AND NOT attribute_exists(#0)",
          "Limit": {
            "slot": 9,
          },
          "ProjectionExpression": "#0",
          "TableName": "app-photo",
          "request": "Scan",
        },
        "select, next page, mixed directions": {
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#1": "stars",
          },
          "ExpressionAttributeValues": {},
          "Limit": {
            "slot": 3,
          },
          "ProjectionExpression": "#0, #1",
          "TableName": "app-photo",
          "after": [
            {
              "slot": 0,
            },
            {
              "slot": 1,
            },
            {
              "slot": 2,
            },
          ],
          "request": "Scan",
        },
        "select, next page, nullable column descending": {
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#1": "stars",
          },
          "ExpressionAttributeValues": {},
          "Limit": {
            "slot": 3,
          },
          "ProjectionExpression": "#0, #1",
          "TableName": "app-photo",
          "after": [
            {
              "slot": 0,
            },
            {
              "slot": 1,
            },
            {
              "slot": 2,
            },
          ],
          "request": "Scan",
        },
        "update": {
          "ConditionExpression": "attribute_exists(#0)",
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#u0": "stars",
            "#u1": "place",
            "#u2": "_h.place.stars",
            "#u3": "_r.place.stars",
            "#u4": "_version",
          },
          "ExpressionAttributeValues": {
            ":d0": {
              "derived": "_h.place.stars",
            },
            ":d1": {
              "derived": "_r.place.stars",
            },
            ":u0": {
              "slot": 2,
            },
            ":version": {
              "new": "version",
            },
          },
          "Key": [
            {
              "slot": 0,
            },
            {
              "slot": 1,
            },
          ],
          "TableName": "app-photo",
          "UpdateExpression": "SET #u0 = :u0, #u4 = :version, #u2 = :d0, #u3 = :d1 REMOVE #u1",
          "request": "UpdateItem",
        },
        "update guarded": {
          "ConditionExpression": "attribute_exists(#0) AND #1 = :0",
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#1": "stars",
            "#u0": "stars",
            "#u1": "_r.place.stars",
            "#u2": "_version",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 3,
            },
            ":d0": {
              "derived": "_r.place.stars",
            },
            ":u0": {
              "slot": 2,
            },
            ":version": {
              "new": "version",
            },
          },
          "Key": [
            {
              "slot": 0,
            },
            {
              "slot": 1,
            },
          ],
          "ReturnValues": "ALL_NEW",
          "TableName": "app-photo",
          "UpdateExpression": "SET #u0 = :u0, #u2 = :version, #u1 = :d0",
          "request": "UpdateItem",
        },
        "update incr": {
          "ConditionExpression": "attribute_exists(#0)",
          "ExpressionAttributeNames": {
            "#0": "id",
            "#u0": "logins",
            "#u1": "_version",
          },
          "ExpressionAttributeValues": {
            ":u0": {
              "slot": 1,
            },
            ":u1": {
              "N": "0",
            },
            ":version": {
              "new": "version",
            },
          },
          "Key": [
            {
              "slot": 0,
            },
          ],
          "ReturnValues": "ALL_NEW",
          "TableName": "app-account",
          "UpdateExpression": "SET #u0 = if_not_exists(#u0, :u1) + :u0, #u1 = :version",
          "request": "UpdateItem",
        },
        "update of nothing": {
          "ConditionExpression": "attribute_exists(#0)",
          "ExpressionAttributeNames": {
            "#0": "id",
            "#u0": "_version",
          },
          "ExpressionAttributeValues": {
            ":version": {
              "new": "version",
            },
          },
          "Key": [
            {
              "slot": 0,
            },
          ],
          "TableName": "app-note",
          "UpdateExpression": "SET #u0 = :version",
          "request": "UpdateItem",
        },
        "update, old row": {
          "ConditionExpression": "attribute_exists(#0)",
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#u0": "stars",
            "#u1": "_r.place.stars",
            "#u2": "_version",
          },
          "ExpressionAttributeValues": {
            ":d0": {
              "derived": "_r.place.stars",
            },
            ":u0": {
              "slot": 2,
            },
            ":version": {
              "new": "version",
            },
          },
          "Key": [
            {
              "slot": 0,
            },
            {
              "slot": 1,
            },
          ],
          "ReturnValues": "ALL_OLD",
          "TableName": "app-photo",
          "UpdateExpression": "SET #u0 = :u0, #u2 = :version, #u1 = :d0",
          "request": "UpdateItem",
        },
        "upsert": {
          "ConditionExpression": "attribute_exists(#0) AND #1 < :0",
          "ExpressionAttributeNames": {
            "#0": "id",
            "#1": "logins",
            "#u0": "logins",
            "#u1": "_version",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 6,
            },
            ":u0": {
              "slot": 5,
            },
            ":u1": {
              "N": "0",
            },
            ":version": {
              "new": "version",
            },
          },
          "Key": [
            {
              "slot": 0,
            },
          ],
          "ReturnValues": "ALL_NEW",
          "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
          "TableName": "app-account",
          "UpdateExpression": "SET #u0 = if_not_exists(#u0, :u1) + :u0, #u1 = :version",
          "request": "UpdateItem",
        },
      }
    `);
  });

  it("compiles paths, and changes that need the row, to these commands", () => {
    expect(commandsOf(more)).toMatchInlineSnapshot(`
      {
        "define ttl": {
          "TableName": "app-photo",
          "request": "UpdateTimeToLive",
        },
        "get, consistent": {
          "ConsistentRead": true,
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#1": "taken",
            "#2": "place",
          },
          "Key": [
            {
              "slot": 0,
            },
            {
              "slot": 1,
            },
          ],
          "ProjectionExpression": "#0, #1, #2",
          "TableName": "app-photo",
          "request": "GetItem",
        },
        "query backwards, next page": {
          "ConsistentRead": true,
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#1": "taken",
          },
          "ExpressionAttributeValues": {},
          "Limit": {
            "slot": 2,
          },
          "ProjectionExpression": "#0, #1",
          "ScanIndexForward": false,
          "TableName": "app-photo",
          "after": [
            {
              "slot": 1,
            },
          ],
          "key": {
            "attributes": [
              "owner",
              "taken",
            ],
            "equal": {
              "owner": {
                "slot": 0,
              },
            },
          },
          "request": "Query",
        },
        "query by index": {
          "ExpressionAttributeNames": undefined,
          "ExpressionAttributeValues": {},
          "IndexName": "by.place.stars",
          "Limit": {
            "slot": 1,
          },
          "TableName": "app-photo",
          "key": {
            "attributes": [
              "_h.place.stars",
              "_r.place.stars",
            ],
            "equal": {
              "place": {
                "slot": 0,
              },
            },
          },
          "request": "Query",
        },
        "query by index, range, count": {
          "ExpressionAttributeNames": undefined,
          "ExpressionAttributeValues": {},
          "IndexName": "by.place.stars",
          "Select": "COUNT",
          "TableName": "app-photo",
          "key": {
            "attributes": [
              "_h.place.stars",
              "_r.place.stars",
            ],
            "equal": {
              "place": {
                "slot": 0,
              },
            },
            "range": {
              "column": "stars",
              "op": "ge",
              "slots": [
                1,
              ],
            },
          },
          "request": "Query",
        },
        "query by key, range": {
          "ExpressionAttributeNames": {
            "#0": "stars",
          },
          "ExpressionAttributeValues": {
            ":0": {
              "slot": 3,
            },
          },
          "FilterExpression": "#0 > :0",
          "Limit": {
            "slot": 4,
          },
          "TableName": "app-photo",
          "key": {
            "attributes": [
              "owner",
              "taken",
            ],
            "equal": {
              "owner": {
                "slot": 0,
              },
            },
            "range": {
              "column": "taken",
              "op": "between",
              "slots": [
                1,
                2,
              ],
            },
          },
          "request": "Query",
        },
        "update of a list": {
          "ConditionExpression": "attribute_exists(#0)",
          "ExpressionAttributeNames": {
            "#0": "owner",
            "#u0": "tags",
            "#u1": "_version",
          },
          "ExpressionAttributeValues": {
            ":u0": {
              "slot": 2,
            },
            ":u1": {
              "L": [],
            },
            ":version": {
              "new": "version",
            },
          },
          "Key": [
            {
              "slot": 0,
            },
            {
              "slot": 1,
            },
          ],
          "TableName": "app-photo",
          "UpdateExpression": "SET #u0 = list_append(if_not_exists(#u0, :u1), :u0), #u1 = :version",
          "request": "UpdateItem",
        },
        "update of a unique column": {
          "ConditionExpression": "attribute_exists(#0)",
          "ExpressionAttributeNames": {
            "#0": "id",
          },
          "ExpressionAttributeValues": {},
          "Key": [
            {
              "slot": 0,
            },
          ],
          "TableName": "app-account",
          "changes": [
            {
              "column": "email",
              "op": "set",
              "slot": 1,
            },
          ],
          "request": "GetItem, TransactWriteItems",
        },
        "update of an indexed sum": {
          "ConditionExpression": "attribute_exists(#0)",
          "ExpressionAttributeNames": {
            "#0": "owner",
          },
          "ExpressionAttributeValues": {},
          "Key": [
            {
              "slot": 0,
            },
            {
              "slot": 1,
            },
          ],
          "TableName": "app-photo",
          "changes": [
            {
              "column": "stars",
              "op": "incr",
              "slot": 2,
            },
          ],
          "request": "GetItem, UpdateItem",
        },
      }
    `);
  });
});
