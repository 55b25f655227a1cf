// What each call of the data API answers.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { startServer, type TestServer } from "./start-server.js";

let on: TestServer;
beforeAll(async () => {
  on = await startServer({ db: "sqlite::memory:" });
});
afterAll(() => on.server.close());

const put = async (table: string, row: object): Promise<void> => {
  const reply = await on.call("root", `/data/put/${table}`, { json: row });
  expect(reply.body).toEqual({ affected: 1 });
};

describe("values", () => {
  const row = {
    id: "a",
    int: 5,
    big: "9007199254740993",
    real: 1.5,
    decimal: "2.5",
    bool: true,
    at: "2024-05-31T12:00:00.000Z",
    json: { a: [1, { b: null }] },
    list: [2, 1],
    set: ["a", "b"],
    blob: "aGk=",
    count: 0,
  };

  it("come back from JSON as they were given", async () => {
    await put("kinds", row);
    expect((await on.call("bob", "/data/get/kinds?id=a")).body).toEqual(row);
  });

  it("are read from text by the type of their column, in queries and forms", async () => {
    const text = new URLSearchParams({
      id: "b",
      int: "5",
      big: "9007199254740993",
      real: "1.5",
      decimal: "2.5",
      bool: "true",
      at: "2024-05-31T12:00:00Z",
      json: '{"a":[1,{"b":null}]}',
      list: "2,1",
      set: "b,a,b",
      blob: "aGk=",
    });
    expect((await on.call("root", `/data/put/kinds?${text.toString()}`)).body).toEqual({ affected: 1 });
    expect((await on.call("bob", "/data/get/kinds?id=b")).body).toEqual({ ...row, id: "b" });
    text.set("id", "c");
    text.append("set", "c");
    expect((await on.call("root", "/data/put/kinds", { method: "POST", body: text })).body).toEqual({ affected: 1 });
    expect((await on.call("bob", "/data/get/kinds?id=c")).body).toEqual({ ...row, id: "c", set: ["b,a,b", "c"] });
  });

  it.each([
    ["int", "five"],
    ["int", "5.5"],
    ["int", ""],
    ["int", "1e3"],
    ["int", "0x10"],
    ["int", "99999999999999999"],
    ["big", "x"],
    ["big", "99999999999999999999"],
    ["real", "NaN"],
    ["real", "Infinity"],
    ["real", "1,5"],
    ["decimal", "1e3"],
    ["bool", "maybe"],
    ["at", "yesterday"],
    ["at", "2024-13-01"],
    ["json", "{"],
    ["list", "1,x"],
    ["blob", "%"],
    ["count", "many"],
  ])("%s refuses the text %j and names the field", async (name, text) => {
    const reply = await on.call("root", `/data/put/kinds?${new URLSearchParams({ id: "bad", [name]: text }).toString()}`);
    expect([reply.status, reply.body["code"]]).toEqual([400, "invalid"]);
    expect(reply.body["message"]).toContain(name);
    expect((await on.call("root", "/data/get/kinds?id=bad")).status).toBe(404);
  });

  it("of JSON bodies are not converted: a text is no number", async () => {
    const reply = await on.call("root", "/data/put/kinds", { json: { id: "bad", int: "5" } });
    expect([reply.status, reply.body["message"]]).toEqual([400, expect.stringContaining("int")]);
  });
});

describe("reads", () => {
  beforeAll(async () => {
    for (let i = 0; i < 25; i++)
      await put("city", { country: i < 20 ? "IT" : "FR", name: `c${String(i).padStart(2, "0")}`, lat: i / 2, people: i % 5 });
  });

  it("get answers 404 for a missing row", async () => {
    const reply = await on.call("bob", "/data/get/city?country=IT&name=none");
    expect(reply.body).toEqual({ status: 404, message: expect.any(String), code: "not-found" });
  });

  it("list gives rows in the order asked, twice where asked twice, without missing ones", async () => {
    const keys = [
      { country: "IT", name: "c03" },
      { country: "IT", name: "none" },
      { country: "FR", name: "c20" },
      { country: "IT", name: "c03" },
    ];
    const { body } = await on.call("bob", `/data/list/city?_keys=${encodeURIComponent(JSON.stringify(keys))}&_select=name`);
    expect(body).toEqual({ count: 3, data: [{ name: "c03" }, { name: "c20" }, { name: "c03" }] });
  });

  it("select walks pages without repeating or losing a row", async () => {
    const names: unknown[] = [];
    let token: string | undefined = "";
    let pages = 0;
    for (; token !== undefined; pages++) {
      const reply = await on.call(
        "bob",
        `/data/select/city?country=IT&_count=6&_select=name&_sort=people,name&_desc=1${token === "" ? "" : `&_start=${token}`}`,
      );
      expect(reply.status).toBe(200);
      names.push(...(reply.body["data"] as { name: string }[]).map((row) => row.name));
      token = reply.body["next_token"] as string | undefined;
    }
    expect([pages, names.length, new Set(names).size, names[0]]).toEqual([4, 20, 20, "c19"]);
  });

  it.each([
    ["country=FR", 5],
    ["country=IT&lat_$ge=5&lat_$lt=6", 2],
    ["country=IT&lat=5&_ops=lat,ge", 10],
    ["country=IT&name_$in=c01,c02,zz", 2],
    ["country=IT&name=c01&name=c02", 2],
    ["country=IT&lat_$between=1,2", 3],
    ["country=IT&lat=[1,2]&_ops=lat,between", 3],
    ["country=IT&name_$begins_with=c1", 10],
    ["country=IT&draft_$null=1", -1],
    ["country=IT&lat_$null=1", 0],
    ["country=IT&lat_$not_null=", 20],
    ["country=IT&people_$ne=0", 16],
    ["country=IT&name=c1&_ops=name,like%25", 10],
    ["country=IT&people=1&_ops=people,%3E", 12],
  ])("count %s", async (query, count) => {
    const reply = await on.call("bob", `/data/count/city?${query}`);
    if (count < 0) expect(reply.status).toBe(403);
    else expect(reply.body).toEqual({ count });
    if (count >= 0) expect((await on.call("bob", `/data/select/city?${query}&_total=1`)).body).toEqual({ count });
  });

  it("takes filters from JSON bodies, with groups", async () => {
    const filter = { country: "IT", $or: [{ people: { $gt: 3 } }, { lat: 0 }], $not: { name: "c04" } };
    const { body } = await on.call("bob", "/data/select/city?_select=name", { json: filter });
    expect((body["data"] as { name: string }[]).map((row) => row.name)).toEqual(["c00", "c09", "c14", "c19"]);
  });

  it("refuses a read of a whole table that says noscan, but for admins who ask for it", async () => {
    await put("quiet", { id: "q", text: "shh" });
    expect((await on.call("bob", "/data/select/quiet?text=shh")).body).toMatchObject({ status: 400, code: "scan-refused" });
    expect((await on.call("root", "/data/select/quiet?text=shh&_scan=1")).body["count"]).toBe(1);
  });

  it("search finds words, page by page", async () => {
    for (const [id, title] of [
      ["1", "a white cat"],
      ["2", "a black cat"],
      ["3", "a dog"],
    ])
      await put("article", { id, title });
    expect((await on.call("bob", "/data/search/article?_q=cat%20-black")).body).toEqual({
      count: 1,
      data: [{ id: "1", title: "a white cat" }],
    });
    expect((await on.call("bob", "/data/search/article?_q=cat&_sort=id&_highlight=1")).body).toEqual({
      count: 2,
      data: [expect.objectContaining({ id: "1" }), expect.objectContaining({ id: "2" })],
      highlights: [{ title: [[8, 11]] }, { title: [[8, 11]] }],
    });
    const first = await on.call("bob", "/data/search/article?_q=cat&_count=1&_sort=id");
    const next = await on.call("bob", `/data/search/article?_q=cat&_count=1&_sort=id&_start=${String(first.body["next_token"] as string)}`);
    expect([first.body["data"], next.body]).toEqual([
      [expect.objectContaining({ id: "1" })],
      { count: 1, data: [{ id: "2", title: "a black cat" }] },
    ]);
  });

  it("search is refused to who does not see all that is searched", async () => {
    await put("memo", { id: "1", title: "open", body: "confidential" });
    expect((await on.call("bob", "/data/search/memo?_q=confidential")).status).toBe(403);
    expect((await on.call("root", "/data/search/memo?_q=confidential")).body["count"]).toBe(1);
  });

  it("HEAD answers as GET without a body", async () => {
    const reply = await on.call("bob", "/data/get/city?country=FR&name=c20", { method: "HEAD" });
    expect([reply.status, reply.text]).toEqual([200, ""]);
  });
});

describe("writes", () => {
  beforeEach(() => put("kinds", { id: "w", int: 1, set: ["a"], json: { k: 1 } }));

  it("add answers 409 where the key is taken", async () => {
    expect((await on.call("root", "/data/add/kinds?id=w")).body).toMatchObject({ status: 409, code: "already-exists" });
  });

  it("update changes what is given, by operations too, and tells the row when asked", async () => {
    const reply = await on.call("root", "/data/update/kinds?_returning=new", {
      json: { id: "w", int: 4, set: ["b"], _ops: { int: "incr", set: "add" } },
    });
    expect(reply.body).toMatchObject({ affected: 1, row: { int: 5, set: ["a", "b"], json: { k: 1 } } });
    expect((await on.call("root", "/data/update/kinds?id=w&set=a&_ops=set,del&_returning=old")).body).toMatchObject({
      row: { set: ["a", "b"] },
    });
  });

  it("update heeds _where, _mustMatch and _upsert", async () => {
    const update = (row: object): Promise<{ body: object }> => on.call("root", "/data/update/kinds", { json: { id: "w", int: 9, ...row } });
    expect((await update({ _where: { int: 2 } })).body).toEqual({ affected: 0 });
    expect((await update({ _where: { int: { $le: 1 } } })).body).toEqual({ affected: 1 });
    expect((await update({ _where: { int: 2 }, _mustMatch: true })).body).toMatchObject({ status: 409, code: "condition-failed" });
    expect((await update({ id: "none", _mustMatch: true })).body).toMatchObject({ status: 404, code: "not-found" });
    expect((await update({ id: "none", _upsert: true })).body).toEqual({ affected: 1 });
    expect((await on.call("root", "/data/del/kinds?id=none")).body).toEqual({ affected: 1 });
  });

  it("incr adds, creating the row; del says whether there was one", async () => {
    expect((await on.call("root", "/data/incr/kinds?id=fresh&count=2&_returning=new")).body).toMatchObject({ row: { count: 2 } });
    expect((await on.call("root", "/data/incr/kinds?id=fresh&count=3&_returning=new")).body).toMatchObject({ row: { count: 5 } });
    expect((await on.call("root", "/data/del/kinds?id=fresh&_returning=old")).body).toMatchObject({ affected: 1, row: { count: 5 } });
    expect((await on.call("root", "/data/del/kinds?id=fresh")).body).toEqual({ affected: 0 });
  });

  it("takes PUT, PATCH and DELETE with bodies", async () => {
    for (const method of ["PUT", "PATCH", "DELETE"])
      expect((await on.call("root", "/data/update/kinds", { method, json: { id: "w", int: 1 } })).body).toEqual({ affected: 1 });
  });

  it("batch gives each item its own result, in order", async () => {
    const items = [
      { op: "add", table: "kinds", row: { id: "x1", int: 1 } },
      { op: "add", table: "kinds", row: { id: "x1" } },
      { op: "put", table: "kinds", row: { id: "x2", int: "no" } },
      { op: "incr", table: "kinds", row: { id: "x1", int: 1 }, _returning: "new" },
      { op: "del", table: "kinds", key: { id: "x1" } },
    ];
    const { body } = await on.call("root", "/data/batch", { json: items });
    expect(body).toEqual({
      count: 5,
      data: [
        { affected: 1 },
        { status: 409, message: expect.any(String), code: "already-exists" },
        { status: 400, message: expect.stringContaining("int"), code: "invalid", field: "int" },
        { affected: 1, row: expect.objectContaining({ int: 2 }) },
        { affected: 1 },
      ],
    });
    const notes = await on.call("bob", "/data/batch", {
      json: [
        { op: "put", table: "note", row: { id: "n" } },
        { op: "put", table: "city", row: { country: "X", name: "Y" } },
      ],
    });
    expect(notes.body["data"]).toMatchObject([{ affected: 1 }, { status: 403 }]);
  });

  it("an atomic batch does everything or nothing", async () => {
    const items = [
      { op: "put", table: "kinds", row: { id: "y1" } },
      { op: "add", table: "kinds", row: { id: "w" } },
    ];
    expect((await on.call("root", "/data/batch", { json: { items, atomic: true } })).status).toBe(409);
    expect((await on.call("root", "/data/get/kinds?id=y1")).status).toBe(404);
    expect(
      (
        await on.call("bob", "/data/batch", {
          json: {
            atomic: true,
            items: [
              { op: "put", table: "note", row: { id: "n2" } },
              { op: "update", table: "note", row: { id: "n2", stars: 1 } },
            ],
          },
        })
      ).body["data"],
    ).toEqual([{ affected: 1 }, { affected: 1 }]);
  });
});
