// `$ref` in filters and `_checkRefs` on writes: what is asked of rows of other tables tells no more than requests for these do.
import { defineTables, table } from "@bk/db";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { errorOf, inProcessWords, type Reply, startServer, type TestServer } from "./start-server.js";

const tables = defineTables({
  person: table(
    {
      id: { primary: 1, pub: true },
      name: { pub: true, index: 1 },
      phone: { index1: 1 },
      pin: { secure: true },
      rank: { admin: true },
      friend: { pub: true, ref: "person", index2: 1 },
    },
    { owner: "id" },
  ),
  // Only the caller's own rows are seen.
  diary: table({ id: { primary: 1 }, owner: { ref: "person", index: 1 }, text: { index1: 1 } }, { owner: "owner" }),
  hush: { id: { primary: 1 }, text: { index: 1 } },
  // Not to be asked for by its key.
  vault: { id: { primary: 1, admin: true }, label: { pub: true, index: 1 } },
  pair: { a: { primary: 1, pub: true }, b: { type: "int", primary: 2, pub: true }, title: { pub: true, index: 1, search: true } },
  photo: table(
    {
      id: { primary: 1, pub: true },
      owner: { pub: true, ref: "person", index: 1 },
      liked: { ref: "person", index1: 1 },
      entry: { pub: true, ref: "diary", index2: 1 },
      hush: { pub: true, ref: "hush", index3: 1 },
      vault: { pub: true, ref: "vault", index4: 1 },
      pairA: { pub: true, ref: "pair.a", index5: 1 },
      pairB: { type: "int", pub: true, ref: "pair.b" },
      title: { pub: true, search: true },
      stars: { type: "int", pub: true },
    },
    { owner: "owner" },
  ),
});

const engines = ["memory:", "sqlite::memory:"] as const;

async function filledServer(db: string): Promise<TestServer> {
  const on = await startServer({ db, tables });
  const { bob, eve } = on.ids as { bob: string; eve: string };
  const rows: [string, object][] = [
    ["person", { id: bob, name: "Bob", phone: "1", pin: "p", rank: "r", friend: eve }],
    ["person", { id: eve, name: "Eve", phone: "2", pin: "q", rank: "s", friend: bob }],
    ["diary", { id: "bobs", owner: bob, text: "dear" }],
    ["diary", { id: "eves", owner: eve, text: "dear" }],
    ["hush", { id: "h", text: "hushed" }],
    ["vault", { id: "v", label: "gold" }],
    ["pair", { a: "x", b: 1, title: "one" }],
    ["photo", { id: "1", owner: bob, liked: eve, entry: "bobs", hush: "h", vault: "v", pairA: "x", pairB: 1, title: "sea", stars: 1 }],
    ["photo", { id: "2", owner: eve, liked: bob, entry: "bobs", title: "sea", stars: 2 }],
    ["photo", { id: "3", owner: eve, entry: "eves", pairA: "x", pairB: 2, title: "sun", stars: 3 }],
  ];
  for (const [name, row] of rows) expect(await on.call("root", `/data/add/${name}`, { json: row })).toMatchObject({ status: 200 });
  return on;
}

describe.each(engines)("$ref over HTTP, on %s", (db) => {
  let on: TestServer;
  beforeAll(async () => void (on = await filledServer(db)));
  afterAll(() => on.server.close());

  const ask = (login: string, call: string, name: string, json: object): Promise<Reply> =>
    on.call(login, `/data/${call}/${name}`, { json });
  const ids = async (login: string, filter: object): Promise<unknown> => {
    const { status, body } = await ask(login, "select", "photo", { ...filter, _select: "id", _sort: "id" });
    return status === 200 ? (body["data"] as { id: string }[]).map(({ id }) => id) : status;
  };

  it("filters by columns of the row that is referred to, in JSON and in a query", async () => {
    expect(await ids("bob", { owner: { $ref: { name: "Eve" } } })).toEqual(["2", "3"]);
    expect(await ids("eve", { owner: { $ref: { name: ["Bob", "Ann"] } }, stars: { $lt: 2 } })).toEqual(["1"]);
    expect(await ids("eve", { $not: { owner: { $ref: { name: "Bob" } } } })).toEqual(["2", "3"]);
    expect(await ids("eve", { owner: { $ref: { friend: { $ref: { name: "Eve" } } } } })).toEqual(["1"]);
    expect(await ids("eve", { pair: { $ref: { title: "one" } } })).toEqual(["1"]);
    expect(await ids("eve", { owner: { $ref: { name: "Eve" }, $ne: on.ids["eve"] } })).toEqual([]);
    const query = `owner_$ref=${encodeURIComponent(JSON.stringify({ name: "Eve" }))}&owner_$ne=x`;
    expect((await on.call("bob", `/data/select/photo?${query}&_total=1`)).body).toEqual({ count: 2 });
    expect((await on.call("bob", `/data/count/photo?${query}`)).body).toEqual({ count: 2 });
    expect((await on.call("bob", `/data/aggregate/photo?${query}&_sum=stars`)).body).toMatchObject({
      data: [{ count: 2, sum: { stars: 5 } }],
    });
  });

  it("goes on from page to page", async () => {
    const asked = { owner: { $ref: { name: "Eve" } }, _sort: "-stars", _count: 1, _select: "id" };
    const first = await ask("bob", "select", "photo", asked);
    expect(first.body).toMatchObject({ data: [{ id: "3" }], next_token: expect.any(String) as unknown });
    const next = await ask("bob", "select", "photo", { ...asked, _start: first.body["next_token"] });
    expect(next.body).toEqual({ count: 1, data: [{ id: "2" }] });
  });

  it("finds of rows that others may not see the caller's own alone, and not by their opposite either", async () => {
    expect(await ids("eve", { entry: { $ref: { text: "dear" } } })).toEqual(["3"]);
    expect(await ids("bob", { entry: { $ref: { text: "dear" } } })).toEqual(["1", "2"]);
    expect(await ids("root", { entry: { $ref: { text: "dear" } } })).toEqual(["1", "2", "3"]);
    expect(await ids("eve", { $not: { entry: { $ref: { text: "x" } } } })).toEqual(["3"]);
    expect(await ids("eve", { $not: { entry: { $ref: { owner: on.ids["eve"] } } } })).toEqual([]);
    expect(await ids("eve", { entry: { $ref: { $or: [{ id: "bobs" }, { $not: { id: "x" } }] } } })).toEqual(["3"]);
  });

  it("asks within the caller's own rows what their owner sees, and of the rows they refer to what everybody sees", async () => {
    const { bob, eve } = on.ids;
    expect(await ids("eve", { owner: eve, liked: { $ref: { name: "Bob" } } })).toEqual(["2"]);
    const friends = { id: eve, friend: { $ref: { name: "Bob" } }, _include: "friend", _select: "name" };
    const { body } = await ask("eve", "select", "person", friends);
    expect(body["data"]).toEqual([{ name: "Eve", friend: { id: bob, name: "Bob", friend: eve } }]);
    expect((await ask("bob", "select", "diary", { owner: { $ref: { name: "Bob" } } })).body).toMatchObject({ data: [{ id: "bobs" }] });
    expect((await ask("bob", "select", "diary", { owner: { $ref: { name: "Bob" }, $eq: eve } })).status).toBe(403);
  });

  it.each<[string, object, number]>([
    ["eve", { liked: { $ref: { name: "Eve" } } }, 403],
    ["eve", { owner: { $ref: { phone: "1" } } }, 403],
    ["eve", { owner: { $ref: { pin: "p" } } }, 403],
    ["root", { owner: { $ref: { pin: "p" } } }, 403],
    ["eve", { owner: { $ref: { rank: "r" } } }, 403],
    ["eve", { owner: { $ref: { nope: "r" } } }, 400],
    ["eve", { owner: { $ref: {} } }, 400],
    ["eve", { owner: { $ref: "Bob" } }, 400],
    ["eve", { owner: { $ref: null } }, 400],
    ["eve", { title: { $ref: { name: "Bob" } } }, 400],
    ["eve", { nope: { $ref: { name: "Bob" } } }, 400],
    ["eve", { hush: { $ref: { text: "hushed" } } }, 403],
    ["eve", { $or: [{ stars: 1 }, { hush: { $ref: { id: "h" } } }] }, 403],
    ["eve", { vault: { $ref: { label: "gold" } } }, 403],
    ["eve", { owner: { $ref: { friend: { $ref: { friend: { $ref: { friend: { $ref: { name: "Bob" } } } } } } } } }, 400],
    ["eve", { _include: { vault: true }, id: "1" }, 403],
  ])("refuses what %s may not ask: %j", async (login, filter, status) => {
    const reply = await ask(login, "select", "photo", filter);
    expect([reply.status, reply.body["message"]]).toEqual([status, expect.any(String)]);
    expect(reply.text).not.toMatch(inProcessWords);
  });

  it("is no part of guards, keys and rows", async () => {
    const where = { owner: { $ref: { name: "Eve" } } };
    expect((await ask("eve", "update", "photo", { id: "2", stars: 9, _where: where })).status).toBe(400);
    expect((await ask("eve", "del", "photo", { id: "2", _where: where })).status).toBe(400);
    expect((await ask("eve", "put", "photo", { id: "2", entry: { $ref: { text: "x" } } })).status).toBe(400);
    expect(await ids("eve", { stars: 2 })).toEqual(["2"]);
  });

  it("counts what is asked of other rows among the comparisons of the filter", async () => {
    const many = Array.from({ length: 60 }, (_, i) => ({ owner: { $ref: { $or: [{ name: `a${i}` }, { name: `b${i}` }] } } }));
    expect(errorOf(await ask("eve", "select", "photo", { $or: many }))).toMatchObject({ status: 400 });
  });

  it("is in the OpenAPI document where the account may ask", async () => {
    const schemaOf = async (login: string): Promise<Record<string, unknown>> => {
      const { body } = await on.call(login, "/data/openapi.json");
      const { schemas } = body["components"] as { schemas: Record<string, { properties: Record<string, unknown> }> };
      return schemas["photoFilter"]!.properties;
    };
    const eve = await schemaOf("eve");
    expect(JSON.stringify(eve["owner"])).toContain("#/components/schemas/personFilter");
    expect(JSON.stringify(eve["pair"])).toContain("#/components/schemas/pairFilter");
    expect(JSON.stringify([eve["hush"], eve["vault"]])).not.toContain("[$]ref");
    expect(JSON.stringify((await schemaOf("root"))["hush"])).toContain("#/components/schemas/hushFilter");
  });
});

describe.each(engines)("_checkRefs, on %s", (db) => {
  let on: TestServer;
  beforeAll(async () => void (on = await filledServer(db)));
  afterAll(() => on.server.close());

  const write = (login: string, call: string, name: string, json: object): Promise<Reply> =>
    on.call(login, `/data/${call}/${name}`, { json: { _checkRefs: true, ...json } });

  it("writes rows whose references go somewhere, and no others", async () => {
    expect((await write("eve", "put", "photo", { id: "n", entry: "eves", pairA: "x", pairB: 1 })).body).toEqual({ affected: 1 });
    const missing = await write("eve", "add", "photo", { id: "m", liked: "nobody" });
    expect(missing).toMatchObject({ status: 404, body: { code: "not-found", field: "liked" } });
    expect(missing.text).not.toMatch(inProcessWords);
    expect(await write("eve", "update", "photo", { id: "n", pairA: "x", pairB: 7 })).toMatchObject({
      status: 404,
      body: { field: "pairA" },
    });
    expect(await write("eve", "incr", "photo", { id: "n", stars: 1, liked: "nobody" })).toMatchObject({ status: 404 });
    expect((await write("eve", "update", "photo", { id: "n", liked: on.ids["bob"] })).body).toEqual({ affected: 1 });
    expect((await on.call("eve", `/data/put/photo?id=q&liked=nobody&_checkRefs=1`)).status).toBe(404);
    expect((await on.call("eve", `/data/put/photo?id=q&liked=nobody`)).status).toBe(200);
    expect((await on.call("eve", "/data/get/photo?id=m")).status).toBe(404);
  });

  it("takes rows that the caller may not see for missing ones", async () => {
    const others = await write("eve", "put", "photo", { id: "o", entry: "bobs" });
    const nobodys = await write("eve", "put", "photo", { id: "o", entry: "nobodys" });
    expect(others.status).toBe(404);
    expect(others.body).toEqual(nobodys.body);
    expect((await write("root", "put", "photo", { id: "r", owner: on.ids["bob"], entry: "bobs" })).status).toBe(200);
    expect(await write("eve", "put", "photo", { id: "o", hush: "h" })).toMatchObject({ status: 403, body: { field: "hush" } });
    expect(await write("eve", "put", "photo", { id: "o", vault: "v" })).toMatchObject({ status: 403, body: { field: "vault" } });
    expect(await write("eve", "update", "person", { id: on.ids["eve"], friend: on.ids["bob"] })).toMatchObject({
      status: 400,
      body: { code: "unsupported", field: "friend" },
    });
    expect((await write("eve", "update", "person", { id: on.ids["eve"], phone: "3" })).status).toBe(200);
    // The row of somebody else is still told from one that is referred to.
    expect((await write("eve", "update", "photo", { id: "1", stars: 2 })).status).toBe(403);
    expect((await write("eve", "update", "photo", { id: "1", liked: "nobody", _mustMatch: true })).status).toBe(404);
  });

  it("is for each item of a batch", async () => {
    const items = [
      { op: "put", table: "photo", row: { id: "b1", entry: "eves" }, _checkRefs: true },
      { op: "put", table: "photo", row: { id: "b2", entry: "bobs" }, _checkRefs: true },
      { op: "put", table: "photo", row: { id: "b3", entry: "bobs" } },
    ];
    const { body } = await on.call("eve", "/data/batch", { json: items });
    expect(body["data"]).toMatchObject([{ affected: 1 }, { status: 404, field: "entry" }, { affected: 1 }]);
    const all = await on.call("eve", "/data/batch", { json: { items: items.slice(0, 2), atomic: true } });
    expect(all.status).toBe(404);
  });

  it("is for writes that give values", async () => {
    expect((await write("eve", "del", "photo", { id: "2" })).status).toBe(400);
    expect((await on.call("eve", "/data/get/photo?id=2&_checkRefs=1")).status).toBe(400);
  });
});

describe("_include of search", () => {
  it("gives rows of other tables along, as a select does", async () => {
    const on = await filledServer("sqlite::memory:");
    const found = await on.call("eve", "/data/search/photo?_q=sun&_include=owner&_select=title");
    expect(found.body["data"]).toEqual([{ title: "sun", owner: { id: on.ids["eve"], name: "Eve", phone: "2", friend: on.ids["bob"] } }]);
    const filter = encodeURIComponent(JSON.stringify({ name: "Bob" }));
    const bobs = await on.call("eve", `/data/search/photo?_q=sea&owner_$ref=${filter}&_include=owner&_select=title`);
    expect(bobs.body["data"]).toEqual([{ title: "sea", owner: { id: on.ids["bob"], name: "Bob", friend: on.ids["eve"] } }]);
    expect((await on.call("eve", "/data/search/photo?_q=sun&_include=hush")).status).toBe(403);
    await on.server.close();
  });
});

/** Repeatable randomness: Mulberry32 by Tommy Ettinger (public domain). */
function randomness(seed: number): (end: number) => number {
  let state = seed;
  return (end) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
}

const references: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  person: { friend: "person" },
  diary: { owner: "person" },
  photo: { owner: "person", liked: "person", entry: "diary", hush: "hush", vault: "vault", pair: "pair" },
};
const columns: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(tables).map(([name, definition]) => [name, Object.keys("$columns" in definition ? definition.$columns : definition)]),
);
const values = ["Bob", "Eve", "1", "2", "p", "r", "dear", "secret", "bobs", "eves", "h", "hushed", "v", "gold", "x"];

describe.each(engines)("what asks of rows of other tables tells nothing of rows and columns that are not seen, on %s", (db) => {
  it("200 random requests of an account are answered alike whatever it does not see", { timeout: 120_000 }, async () => {
    const on = await filledServer(db);
    const { bob, eve } = on.ids as { bob: string; eve: string };
    const seed = Number(process.env["BK_MODEL_SEED"] ?? 1);
    const below = randomness(seed);
    const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
    const condition = (name: string, depth: number): object => {
      const kind = below(10);
      if (kind < 2) return { [pick(["$or", "$and", "$not"])]: [condition(name, depth), condition(name, depth)] };
      const own = Object.entries(references[name] ?? {});
      if (kind < 7 && own.length > 0 && depth < 3) {
        const [reference, target] = pick(own);
        return { [reference]: { $ref: condition(target, depth + 1) } };
      }
      const column = pick(columns[name]!);
      if (column === "b" || column === "pairB" || column === "stars") return { [column]: below(3) };
      return { [column]: pick<unknown>([pick([...values, bob, eve]), { $ne: pick(values) }, null, { $gt: "" }]) };
    };
    const requests = Array.from({ length: 200 }, (_, i): [string, object] => {
      const name = pick(["photo", "photo", "person", "diary"]);
      if (below(4) === 0) {
        const row = { id: `new${i}`, entry: pick(["bobs", "eves", "more"]), liked: pick([bob, eve, "nobody"]), _checkRefs: true };
        return ["/data/add/photo", below(3) === 0 ? { ...row, hush: pick(["h", "g"]) } : row];
      }
      const call = pick(["select", "select", "count", "aggregate"]);
      const include = call === "select" && below(3) === 0 ? { _include: pick(Object.keys(references[name]!)) } : {};
      return [`/data/${call}/${name}`, { ...condition(name, 0), ...(call === "select" ? { _sort: "id" } : {}), ...include }];
    });
    const answers = async (): Promise<string[]> => {
      const all: string[] = [];
      for (const [path, json] of requests) {
        const { status, body } = await on.call("eve", path, { json });
        const { next_token: next, ...shown } = body;
        all.push(JSON.stringify([status, shown, next !== undefined]));
      }
      await on.call("root", "/data/batch", { json: requests.map((_, i) => ({ op: "del", table: "photo", key: { id: `new${i}` } })) });
      return all;
    };
    const before = await answers();
    const change = async (call: string, name: string, row: object): Promise<void> => {
      expect(await on.call("root", `/data/${call}/${name}`, { json: row })).toMatchObject({ status: 200 });
    };
    // Everything that Eve does not see becomes something else.
    await change("update", "person", { id: bob, phone: "2", pin: "2", rank: "2" });
    await change("update", "person", { id: eve, pin: "r", rank: "p" });
    await change("update", "diary", { id: "bobs", text: "secret" });
    await change("put", "diary", { id: "more", owner: bob, text: "dear" });
    await change("del", "hush", { id: "h" });
    await change("put", "hush", { id: "g", text: "hushed" });
    await change("update", "photo", { id: "1", liked: bob });
    const after = await answers();
    for (const [i, answer] of before.entries()) expect([requests[i], after[i]]).toEqual([requests[i], answer]);
    await change("del", "diary", { id: "bobs" });
    const gone = await answers();
    for (const [i, answer] of before.entries()) expect([requests[i], gone[i]]).toEqual([requests[i], answer]);
    // Requests that are all refused would tell nothing either.
    expect(before.filter((answer) => answer.startsWith("[200")).length).toBeGreaterThan(30);
    expect(new Set(before).size).toBeGreaterThan(20);
    await on.server.close();
  });
});
