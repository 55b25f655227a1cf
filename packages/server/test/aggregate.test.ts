// What /data/aggregate answers, to whom.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type CallOptions, startServer, type TestServer } from "./start-server.js";

let on: TestServer;

beforeAll(async () => {
  on = await startServer({ db: "sqlite::memory:" });
  const put = async (as: string, table: string, row: object): Promise<void> => {
    expect([table, row, (await on.call(as, `/data/put/${table}`, { json: row })).body]).toEqual([table, row, { affected: 1 }]);
  };
  for (const [country, name, people] of [
    ["IT", "Rome", 2870],
    ["IT", "Milan", 1370],
    ["FR", "Paris", 2160],
    ["XX", "Atlantis", null],
  ] as const)
    await put("root", "city", { country, name, people, lat: 0.1, draft: "unpublished", hash: "deadbeef" });
  for (const [as, id, stars] of [
    ["bob", "b1", 3],
    ["bob", "b2", 5],
    ["eve", "e1", 7],
  ] as const)
    await put(as, "note", { id, text: `of ${as}`, stars, private_text: `private ${id}` });
  await put("bob", "diary", { day: 1, text: "dear" });
  await put("bob", "diary", { day: 2, text: "diary" });
  await put("root", "kinds", { id: "a", big: "9223372036854775807", decimal: "0.1", at: "2024-05-31T12:00:00.000Z", bool: true });
  await put("root", "kinds", { id: "b", big: "9223372036854775807", decimal: "0.2", at: "2023-05-31T12:00:00.000Z", int: 2 ** 53 - 1 });
  await put("root", "kinds", { id: "c", int: 2 ** 53 - 1 });
});
afterAll(() => on.server.close());

interface Scenario {
  readonly name: string;
  readonly as: string;
  readonly path: string;
  readonly options?: CallOptions;
  readonly status: number;
  readonly body?: object;
  readonly lacks?: readonly string[];
}

const answers: readonly Scenario[] = [
  {
    name: "a row for each group, with its columns, the number of its rows, and what is asked for",
    as: "bob",
    path: "/data/aggregate/city?_by=country&_sum=people&_avg=people&_min=name&_max=name,lat",
    status: 200,
    body: {
      count: 3,
      data: [
        {
          by: { country: "FR" },
          count: 1,
          sum: { people: 2160 },
          avg: { people: 2160 },
          min: { name: "Paris" },
          max: { name: "Paris", lat: 0.1 },
        },
        {
          by: { country: "IT" },
          count: 2,
          sum: { people: 4240 },
          avg: { people: 2120 },
          min: { name: "Milan" },
          max: { name: "Rome", lat: 0.1 },
        },
        {
          by: { country: "XX" },
          count: 1,
          sum: { people: null },
          avg: { people: null },
          min: { name: "Atlantis" },
          max: { name: "Atlantis", lat: 0.1 },
        },
      ],
    },
  },
  { name: "one row over all rows", as: "bob", path: "/data/aggregate/city", status: 200, body: { count: 1, data: [{ count: 4 }] } },
  {
    name: "one row over no rows",
    as: "bob",
    path: "/data/aggregate/city?country=ZZ&_sum=people",
    status: 200,
    body: { count: 1, data: [{ count: 0, sum: { people: null } }] },
  },
  {
    name: "filters, operators and an order of what is computed, in JSON",
    as: "bob",
    path: "/data/aggregate/city",
    options: { json: { people: { $gt: 1000 }, _by: ["country"], _sum: ["people"], _sort: ["-sum(people)"], _count: 5 } },
    status: 200,
    body: {
      count: 2,
      data: [
        { by: { country: "IT" }, count: 2, sum: { people: 4240 } },
        { by: { country: "FR" }, count: 1, sum: { people: 2160 } },
      ],
    },
  },
  {
    name: "sums of 64-bit integers as digits, of decimals as texts, times as ISO texts",
    as: "bob",
    path: "/data/aggregate/kinds?_sum=big,decimal,real&_avg=decimal&_min=at,bool&_max=big",
    status: 200,
    body: {
      count: 1,
      data: [
        {
          count: 3,
          sum: { big: "18446744073709551614", decimal: "0.3", real: null },
          avg: { decimal: "0.15" },
          min: { at: "2023-05-31T12:00:00.000Z", bool: true },
          max: { big: "9223372036854775807" },
        },
      ],
    },
  },
  {
    name: "public columns of the rows of all",
    as: "eve",
    path: "/data/aggregate/note?_sum=stars&_max=text",
    status: 200,
    body: { count: 1, data: [{ count: 3, sum: { stars: 15 }, max: { text: "of eve" } }] },
  },
  {
    name: "without public columns the caller's own rows alone",
    as: "bob",
    path: "/data/aggregate/diary?_max=text&_sum=day",
    status: 200,
    body: { count: 1, data: [{ count: 2, max: { text: "diary" }, sum: { day: 3 } }] },
  },
  {
    name: "and none of others",
    as: "eve",
    path: "/data/aggregate/diary?_by=text",
    status: 200,
    body: { count: 0, data: [] },
    lacks: ["dear", "diary"],
  },
  {
    name: "an admin has the rows of all, by columns that are not public",
    as: "root",
    path: "/data/aggregate/note?_by=private_text&_count=1",
    status: 200,
  },
];

const refusals: readonly Scenario[] = [
  { name: "a secure column is not grouped by", as: "root", path: "/data/aggregate/city?_by=hash", status: 403, lacks: ["deadbeef"] },
  { name: "nor compared", as: "root", path: "/data/aggregate/city?_max=hash", status: 403, lacks: ["deadbeef"] },
  { name: "nor sorted by", as: "root", path: "/data/aggregate/city?_by=name&_sort=max(hash)", status: 403 },
  { name: "nor filtered by", as: "root", path: "/data/aggregate/city?hash_$gt=d", status: 403 },
  {
    name: "a column that is not public is not grouped by",
    as: "bob",
    path: "/data/aggregate/city?_by=draft",
    status: 403,
    lacks: ["unpublished"],
  },
  { name: "nor compared", as: "bob", path: "/data/aggregate/city?_min=draft", status: 403, lacks: ["unpublished"] },
  {
    name: "nor with the rows of others among those read",
    as: "eve",
    path: "/data/aggregate/note?_max=private_text",
    status: 403,
    lacks: ["b1"],
  },
  { name: "an admin's column is not added by owners", as: "bob", path: "/data/aggregate/note?_sum=rank", status: 403 },
  { name: "the owner is not grouped by where it is not public", as: "bob", path: "/data/aggregate/note?_by=owner", status: 403 },
  { name: "a table that is not open to the caller", as: "bob", path: "/data/aggregate/hush", status: 403 },
  { name: "an unknown column", as: "bob", path: "/data/aggregate/city?_by=nope", status: 400 },
  { name: "a text has no sum", as: "bob", path: "/data/aggregate/city?_sum=name", status: 400 },
  { name: "JSON makes no groups", as: "bob", path: "/data/aggregate/kinds?_by=json", status: 400 },
  { name: "a column twice", as: "bob", path: "/data/aggregate/city?_by=name,name", status: 400 },
  { name: "an order of what is not asked for", as: "bob", path: "/data/aggregate/city?_by=name&_sort=sum(people)", status: 400 },
  { name: "an order of a column that makes no groups", as: "bob", path: "/data/aggregate/city?_by=name&_sort=country", status: 400 },
  { name: "an order without groups", as: "bob", path: "/data/aggregate/city?_sort=count()", status: 400 },
  { name: "a page without groups", as: "bob", path: "/data/aggregate/city?_count=3", status: 400 },
  { name: "more groups than a page may have", as: "bob", path: "/data/aggregate/city?_by=name&_count=1001", status: 400 },
  { name: "a parameter of other calls", as: "bob", path: "/data/aggregate/city?_select=name", status: 400 },
  { name: "a token that is none", as: "bob", path: "/data/aggregate/city?_by=name&_start=abc", status: 400 },
  { name: "a whole table, of others than admins", as: "bob", path: "/data/aggregate/city?_scan=1", status: 403 },
  { name: "a table that says noscan", as: "bob", path: "/data/aggregate/quiet?_by=text", status: 400 },
  { name: "a sum beyond what a number says", as: "bob", path: "/data/aggregate/kinds?_sum=int", status: 413 },
];

describe("aggregate", () => {
  it.each([...answers, ...refusals])("$name ($as $path)", async ({ as, path, options, status, body, lacks = [] }) => {
    const reply = await on.call(as, path, options);
    expect([reply.status, reply.text]).toEqual([status, expect.any(String)]);
    if (body !== undefined) expect(reply.body).toEqual(body);
    for (const text of lacks) expect(reply.text).not.toContain(text);
    if (status >= 400) expect(reply.body["message"]).not.toMatch(/sqlite|start:|sortLimit|\bby:/);
  });

  it("refusals name the parameter or the column", async () => {
    const fieldOf = async (query: string): Promise<unknown> => (await on.call("bob", `/data/aggregate/city?${query}`)).body["field"];
    expect(await fieldOf("_by=draft")).toBe("draft");
    expect(await fieldOf("_sum=name")).toBe("name");
    expect(await fieldOf("_by=name&_sort=sum(people)")).toBe("_sort");
    expect(await fieldOf("_by=name&_start=abc")).toBe("_start");
    expect(await fieldOf("_sort=count()")).toBe("_sort");
    expect((await on.call("bob", "/data/aggregate/kinds?_sum=int")).body["field"]).toBe("int");
  });

  it("pages cover each group once; their tokens are good for the caller and the call alone", async () => {
    for (const sort of ["name", "-count(),name"]) {
      const path = `/data/aggregate/city?_by=name&_count=3&_sort=${sort}`;
      const first = await on.call("bob", path);
      const token = first.body["next_token"] as string;
      const rest = await on.call("bob", `${path}&_start=${token}`);
      const names = [first, rest].flatMap(({ body }) => (body["data"] as { by: { name: string } }[]).map(({ by }) => by.name));
      expect([names, rest.body["next_token"]]).toEqual([["Atlantis", "Milan", "Paris", "Rome"], undefined]);
      for (const [as, other] of [
        ["eve", path],
        ["bob", `${path}&_desc=1`],
        ["bob", `${path}&country=IT`],
        ["bob", "/data/select/city?_sort=name"],
      ] as const)
        expect((await on.call(as, `${other}&_start=${token}`)).status).toBe(400);
    }
  });

  it("is in the OpenAPI documents, with the columns that the account may filter by", async () => {
    for (const path of ["/openapi.json", "/data/openapi.json"]) {
      const { body } = await on.call("bob", path);
      const paths = body["paths"] as Record<string, { get: { parameters: { $ref?: string }[] } }>;
      const own = paths[path === "/openapi.json" ? "/data/aggregate/{table}" : "/data/aggregate/city"]!;
      const named = own.get.parameters.flatMap(({ $ref }) => ($ref === undefined ? [] : [$ref.split("/").at(-1)]));
      expect(named).toEqual(expect.arrayContaining(["_by", "_sum", "_avg", "_min", "_max", "_count", "_start", "_sort"]));
      expect(paths).not.toHaveProperty("/data/aggregate/hush");
    }
  });
});
