// What one request may cost: filters, nested JSON and replies have limits, which are settings.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineTables, table } from "@bk/db";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type CallOptions, type Reply, startServer, tables as served, type TestServer } from "./start-server.js";

let on: TestServer;
beforeAll(async () => {
  const { city, kinds } = served;
  on = await startServer({
    db: "sqlite::memory:",
    tables: { city, kinds, town: { ...city, name: { primary: 2, pub: true, search: true } } },
  });
});
afterAll(() => on.server.close());

const many = (length: number, of: (i: number) => object): object[] => Array.from({ length }, (_each, i) => of(i));
const nested = (levels: number, group = "$not"): object => {
  let filter: object = { lat: 1 };
  for (let i = 0; i < levels; i++) filter = { [group]: filter };
  return filter;
};

interface Limit {
  readonly name: string;
  readonly allowed: object;
  readonly refused: object;
  readonly says: RegExp;
}

const filters: readonly Limit[] = [
  {
    name: "comparisons",
    allowed: { $or: many(100, (i) => ({ lat: i })) },
    refused: { $or: many(101, (i) => ({ lat: i })) },
    says: /at most 100 /,
  },
  {
    name: "comparisons in nested groups together",
    allowed: { $or: many(10, (i) => ({ $and: many(10, () => ({ lat: i })) })) },
    refused: { $or: many(10, (i) => ({ $and: many(10, () => ({ lat: i })) })), people: 1 },
    says: /at most 100 comparisons/,
  },
  {
    name: "operators of one column",
    allowed: { $or: many(50, (i) => ({ lat: { $gt: i, $lt: i + 1 } })) },
    refused: { $or: many(50, (i) => ({ lat: { $gt: i, $lt: i + 1 } })), people: 1 },
    says: /at most 100 comparisons/,
  },
  {
    name: "patterns",
    allowed: { $or: many(10, (i) => ({ name: { $like: `%${i}%` } })) },
    refused: { $or: many(11, (i) => ({ name: { $like: `%${i}%` } })) },
    says: /at most 10 of contains, ends_with, like and ilike/,
  },
  {
    name: "patterns of every kind",
    allowed: { $or: many(5, (i) => ({ name: { $contains: `${i}`, $not_ilike: `${i}%` } })) },
    refused: { $or: many(5, (i) => ({ name: { $contains: `${i}`, $not_ilike: `${i}%` } })), country: { $ends_with: "T" } },
    says: /at most 10 of/,
  },
  {
    name: "the length of a pattern",
    allowed: { name: { $like: "%a".repeat(128) } },
    refused: { name: { $like: `${"%a".repeat(128)}b` } },
    says: /at most 256 characters/,
  },
  { name: "depth", allowed: nested(8), refused: nested(9), says: /at most 8 deep/ },
  { name: "depth of $or", allowed: nested(8, "$or"), refused: nested(9, "$or"), says: /at most 8 deep/ },
  {
    name: "values of lists together",
    allowed: { lat: { $in: many(500, (i) => i as never) }, people: many(500, (i) => i as never) },
    refused: { lat: { $in: many(500, (i) => i as never) }, people: many(501, (i) => i as never) },
    says: /at most 1000 values/,
  },
];

describe("a filter has at most a stated number of", () => {
  it.each(filters)("$name", async ({ allowed, refused, says }) => {
    const ways: readonly [string, (filter: object) => Promise<Reply>][] = [
      ["select", (json) => on.call("bob", "/data/select/city", { json })],
      ["count", (json) => on.call("bob", "/data/count/city", { json })],
      ["search", ({ ...json }) => on.call("bob", "/data/search/town?_q=a", { json })],
      ["_where", (where) => on.call("root", "/data/update/city", { json: { country: "IT", name: "Rome", lat: 1, _where: where } })],
      [
        "_where as text",
        (where) =>
          on.call("root", "/data/del/city", {
            method: "POST",
            body: new URLSearchParams({ country: "X", name: "Y", _where: JSON.stringify(where) }),
          }),
      ],
      [
        "batch",
        async (where) => {
          const item = { op: "incr", table: "city", row: { country: "IT", name: "Rome", people: 1 }, _where: where };
          const { body } = await on.call("root", "/data/batch", { json: [item] });
          return { body: (body["data"] as Reply["body"][])[0]! } as Reply;
        },
      ],
    ];
    for (const [way, ask] of ways) {
      expect([way, (await ask(allowed)).body["message"]]).toEqual([way, undefined]);
      const { body } = await ask(refused);
      expect([way, body]).toEqual([way, { status: 400, code: "invalid", message: expect.stringMatching(says), field: expect.any(String) }]);
    }
  });

  it("comparisons, in a query too", async () => {
    const query = (length: number): string => many(length, (i) => [`lat_$${["ne", "gt", "lt", "ge", "le"][i % 5]}`] as never).join("=1&");
    expect((await on.call("bob", `/data/count/city?${query(5)}=1`)).status).toBe(200);
    await using small = await startServer({ limits: { maxFilterTests: 3, maxFilterPatterns: 1, maxFilterDepth: 1, maxItems: 2 } });
    const refused = async (path: string, options?: CallOptions): Promise<unknown> => (await small.call("bob", path, options)).status;
    expect(await refused(`/data/count/city?${query(3)}=1`)).toBe(200);
    expect(await refused(`/data/count/city?${query(4)}=1`)).toBe(400);
    expect(await refused("/data/count/city?name_$contains=a")).toBe(200);
    expect(await refused("/data/count/city?name_$contains=a&name_$ends_with=b")).toBe(400);
    expect(await refused("/data/count/city?lat=1&lat=2")).toBe(200);
    expect(await refused("/data/count/city?lat=1&lat=2&lat=3")).toBe(400);
    expect(await refused("/data/count/city?lat_$in=1,2,3")).toBe(400);
    expect(await refused("/data/count/city", { json: { $or: [{ $not: { lat: 1 } }] } })).toBe(400);
  });
});

describe("JSON in text parameters", () => {
  const deep = (levels: number): string => `${'{"$not":'.repeat(levels)}{}${"}".repeat(levels)}`;
  const list = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

  it.each([
    ["_where", "/data/update/city?country=IT&name=Rome&_where=JSON", deep],
    ["_ops", "/data/select/city?_ops=JSON", deep],
    ["_keys", "/data/list/city?_keys=JSON", list],
    ["json", "/data/put/kinds?id=a&json=JSON", deep],
    ["list", "/data/put/kinds?id=a&list=JSON", list],
    ["lat_$in", "/data/select/city?lat_$in=JSON", list],
  ])("obeys the depth of bodies: %s", async (field, path, of) => {
    for (const levels of [33, 40]) {
      const reply = await on.call("root", path.replace("JSON", encodeURIComponent(of(levels))));
      expect(reply.body).toEqual({ status: 400, code: "invalid", message: `${field} is nested too deeply`, field });
    }
    // In a form as deep as its size allows.
    const [target, query] = path.split("?") as [string, string];
    const body = new URLSearchParams(query.replace("JSON", encodeURIComponent(of(20_000))));
    expect((await on.call("root", target, { method: "POST", body })).body).toMatchObject({ status: 400, field });
    expect((await on.call("root", "/data/get/kinds?id=a")).status).toBe(404);
  });

  it("has no member named __proto__", async () => {
    for (const path of [
      '/data/put/kinds?id=a&json={"a":{"__proto__":1}}',
      '/data/update/city?country=IT&name=Rome&_where={"__proto__":{}}',
    ])
      expect((await on.call("root", path)).body).toMatchObject({ status: 400, message: expect.stringContaining("__proto__") });
  });
});

describe.each(["memory:", "sqlite::memory:"])("a reply has at most a stated number of bytes, on %s", (db) => {
  const big = defineTables({
    big: table({ id: { primary: 1, pub: true }, text: { pub: true, search: true } }, {}),
    own: table({ id: { primary: 1 }, owner: {}, text: {} }, { owner: "owner" }),
  });
  const rowBytes = 900 * 1024;
  let server: TestServer;
  /** Rows that the database was asked for by the last call. */
  let asked = 0;
  beforeAll(async () => {
    server = await startServer({ db, tables: big });
    const text = `word ${"x".repeat(rowBytes)}`;
    for (let i = 0; i < 70; i++) await server.server.db.put("big", { id: `r${i}`, text } as never);
    for (const verb of ["select", "list", "search"] as const)
      server.server.db.hook("big", `after:${verb}`, (_call, answer) => {
        asked += Array.isArray(answer) ? answer.length : (answer as { rows: unknown[] }).rows.length;
      });
  });
  afterAll(() => server.server.close());

  const ask = async (path: string, options?: CallOptions): Promise<Reply> => {
    asked = 0;
    return server.call("root", path, options);
  };

  it.each([
    ["one key, 300 times", `/data/list/big?_keys=${"r1,".repeat(300).slice(0, -1)}`],
    ["select", "/data/select/big"],
    ["select of 1000", "/data/select/big?_count=1000"],
    ["search", "/data/search/big?_q=word"],
  ])("%s", async (_what, path) => {
    const reply = await ask(path);
    expect(reply.body).toEqual({ status: 413, code: "too-large", message: expect.stringContaining("16777216 bytes") });
    // No more than are read before their size is known.
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThanOrEqual(50);
  });

  it("gives what fits, in one page however it was read", async () => {
    const keys = `${"r1,".repeat(17)}r2`;
    const listed = await ask(`/data/list/big?_keys=${keys}`);
    expect([listed.status, listed.body["count"]]).toEqual([200, 18]);
    const ids = (await ask("/data/select/big?_count=1000&_select=id&_sort=id")).body;
    expect([ids["count"], ids["next_token"]]).toEqual([70, undefined]);
    const first = await ask("/data/select/big?_count=18&_sort=id");
    expect([first.status, first.body["count"]]).toEqual([200, 18]);
    const rest = await ask(`/data/select/big?_count=18&_sort=id&_start=${first.body["next_token"] as string}`);
    expect(rest.body["count"]).toBe(18);
  });

  it("is a setting", async () => {
    await using small = await startServer({ db, tables: big, limits: { maxReplyBytes: 1000 } });
    for (let i = 0; i < 200; i++) await small.server.db.put("big", { id: `r${i}`, text: "x".repeat(40) } as never);
    const page = await small.call("root", "/data/select/big?_count=10&_sort=id");
    expect([page.status, page.body["count"]]).toEqual([200, 10]);
    expect((await small.call("root", "/data/select/big?_count=100")).status).toBe(413);
    expect((await small.call("root", "/data/select/big?_count=100&_total=1")).status).toBe(400);
    expect((await small.call("root", "/data/select/big?_total=1")).body).toEqual({ count: 200 });
  });

  it("walks pages that are read in parts without repeating or losing a row", async () => {
    await using medium = await startServer({ db, tables: big, limits: { maxReplyBytes: 20_000 } });
    const ids = Array.from({ length: 200 }, (_each, i) => `r${String(i).padStart(3, "0")}`);
    for (const id of ids) await medium.server.db.put("big", { id, text: "x".repeat(id.endsWith("7") ? 150 : 5) } as never);
    const found: string[] = [];
    let token: unknown = "";
    while (token !== undefined) {
      const { status, body } = await medium.call(
        "root",
        `/data/select/big?_count=120&_sort=-id${token === "" ? "" : `&_start=${token as string}`}`,
      );
      expect(status).toBe(200);
      found.push(...(body["data"] as { id: string }[]).map((row) => row.id));
      token = body["next_token"];
    }
    expect(found).toEqual([...ids].reverse());
  });

  describe("batch", () => {
    const items = (length: number, returning: object): object[] =>
      many(length, (i) => ({ op: "update", table: "big", row: { id: `r${i % 30}`, text: `word ${i} ${"y".repeat(500)}` }, ...returning }));

    it("refuses items before they are done, once the rows of those before fill the reply", async () => {
      await using small = await startServer({ db, tables: big, limits: { maxReplyBytes: 5000 } });
      for (let i = 0; i < 30; i++) await small.server.db.put("big", { id: `r${i}`, text: "old" } as never);
      const { body } = await small.call("root", "/data/batch", { json: items(30, { _returning: "new" }) });
      const results = body["data"] as { affected?: number; status?: number; code?: string }[];
      const done = results.filter((result) => result.affected === 1).length;
      expect(results.slice(done)).toEqual(
        Array.from({ length: 30 - done }, () => ({ status: 413, code: "too-large", message: expect.any(String) })),
      );
      expect(done).toBeLessThan(15);
      // What was acknowledged is stored, what was refused is not.
      const texts = await Promise.all(
        many(30, () => ({})).map(async (_each, i) => (await small.call("root", `/data/get/big?id=r${i}`)).body["text"]),
      );
      expect(texts.filter((text) => text !== "old").length).toBe(done);
      expect((await small.call("root", "/data/batch", { json: items(30, {}) })).body["data"]).toEqual(
        Array.from({ length: 30 }, () => ({ affected: 1 })),
      );
    });

    it("does nothing where it is atomic", async () => {
      await using small = await startServer({ db, tables: big, limits: { maxReplyBytes: 5000 } });
      for (let i = 0; i < 30; i++) await small.server.db.put("big", { id: `r${i}`, text: "old" } as never);
      const reply = await small.call("root", "/data/batch", { json: { atomic: true, items: items(30, { _returning: "new" }) } });
      expect([reply.status, reply.body["code"]]).toEqual([413, "too-large"]);
      expect((await small.call("root", "/data/count/big?text=old")).body).toEqual({ count: 30 });
    });
  });
});

describe("a long read of a file", () => {
  it.each([
    ["count", "/data/count/city?draft_$contains=nowhere"],
    ["select", "/data/select/city?draft_$contains=nowhere&_sort=lat"],
    ["like, by the core", "/data/select/city?draft_$like=%25no%25where"],
  ])("leaves /ping and other calls their turn: %s", async (_what, path) => {
    const folder = mkdtempSync(join(tmpdir(), "bk-server-long-"));
    const server = await startServer({ db: `sqlite:${join(folder, "app.db")}?synchronous=off` });
    try {
      const draft = "filler ".repeat(30);
      const rows = many(20_000, (i) => ({ op: "put", table: "city", row: { country: "IT", name: `c${i}`, lat: i % 90, draft } }));
      await server.server.db.bulk(rows as never);
      let isDone = false;
      const long = server.call("root", path).then((reply) => {
        isDone = true;
        return reply;
      });
      // Behind the signature of the long call, so that it has begun.
      expect((await server.call("root", "/data/get/city?country=IT&name=c1")).status).toBe(200);
      expect((await server.call("", "/ping", { signed: false })).body).toEqual({});
      expect(isDone).toBe(false);
      expect((await long).status).toBe(200);
    } finally {
      await server.server.close();
      rmSync(folder, { recursive: true });
    }
  });
});
