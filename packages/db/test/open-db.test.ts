// What openDb refuses before anything is opened.

import { expect, test } from "vitest";

import { openDb, table } from "../src/index.js";

const tables = { t: { id: { primary: 1 } } };

test.each(["constructor:x", "toString:x", "nope:x", "hasOwnProperty://host/name"])("a URL without a driver is invalid: %s", async (url) => {
  await expect(openDb({ url, tables })).rejects.toMatchObject({ name: "DbError", code: "invalid" });
});

// A Redis pool connects with its first call, and DynamoDB's client not before either.
const bags: readonly [driver: string, url: string, bag: Record<string, unknown>, field: string][] = [
  ["redis", "redis://127.0.0.1", { tag: "a/b" }, "tag"],
  ["redis", "redis://127.0.0.1", { tags: "a" }, "tags"],
  ["dynamodb", "dynamodb://127.0.0.1", { readCapacity: 5 }, "writeCapacity"],
  ["dynamodb", "dynamodb://127.0.0.1", { readCapacity: 0, writeCapacity: 1 }, "readCapacity"],
  ["memory", "memory:", { size: 5 }, "size"],
];

test.each(bags)("the settings for a driver are checked by it when its pool is opened: %s at %s, %j", async (driver, url, bag, field) => {
  const open = openDb({ url, tables: { t: table({ id: { primary: 1 } }, { drivers: { [driver]: bag } }) } });
  await expect(open).rejects.toMatchObject({ code: "invalid", driver, table: "t", detail: { field } });
});

test("settings of a column are for drivers that have some", async () => {
  const open = openDb({ url: "redis://127.0.0.1", tables: { t: { id: { primary: 1, drivers: { redis: { tag: "a" } } } } } });
  await expect(open).rejects.toMatchObject({ code: "invalid", table: "t", column: "id", detail: { field: "tag" } });
});

test("settings for a driver that no pool has are left alone, those for one that does not exist are invalid", async () => {
  const withBag = (name: string) => ({ t: table({ id: { primary: 1 } }, { drivers: { [name]: { tag: "a" } } }) });
  await (await openDb({ url: "memory:", tables: withBag("redis") })).close();
  await expect(openDb({ url: "memory:", tables: withBag("rediz") })).rejects.toMatchObject({ code: "invalid", table: "t" });
});
