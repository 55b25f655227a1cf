// Tables with rules over HTTP: who reads, makes, changes and deletes which rows, and which columns.
import { addAccount } from "@bk/auth";
import { table, type TableDefinitions } from "@bk/db";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createServer } from "../src/index.js";
import { masterKey, type Reply, startServer, type TestServer } from "./start-server.js";

const tables = {
  photo: table(
    {
      id: { primary: 1 },
      owner: { index: 1, ref: "person" },
      state: {},
      public: { type: "bool" },
      title: {},
      place: {},
      stars: { type: "int" },
      notes: {},
      rank: { admin: true },
      pin: { secure: true },
    },
    {
      rules: [
        {
          read: { owner: "$account.id" },
          add: { owner: "$account.id", state: "draft" },
          update: { owner: "$account.id", state: ["draft", "sent"] },
          del: { owner: "$account.id", state: "draft" },
        },
        { to: "anonymous", read: { public: true }, columns: { read: ["id", "title", "stars"] } },
        {
          to: "editor",
          read: true,
          update: { state: "sent" },
          columns: { read: ["id", "owner", "state", "title", "notes"], update: ["title", "state"] },
        },
      ],
    },
  ),
  person: table({ id: { primary: 1 }, name: {}, phone: {} }, { rules: [{ read: { id: "$account.id" } }] }),
  // Anybody may write what nobody but admins reads.
  box: table({ id: { type: "uuid", primary: 1 }, from: {}, text: {} }, { rules: { add: { from: "$account.id" } } }),
  // As owner and pub say it, by rules.
  tally: table(
    { id: { primary: 1 }, count: { type: "int" }, hidden: { type: "int" } },
    {
      rules: { read: true, update: true, columns: { read: ["id", "count"] } },
    },
  ),
  city: { id: { primary: 1, pub: true }, name: { pub: true } },
} satisfies TableDefinitions;

describe.each(["memory:", "sqlite::memory:"])("rules by rows, on %s", (db) => {
  let on: TestServer;
  beforeAll(async () => {
    on = await startServer({ db, tables });
    await addAccount(on.server.db, { login: "ed", secret: "secret of ed", type: "editor" }, { masterKey });
    const { bob, eve } = on.ids as { bob: string; eve: string };
    const rows: [string, object][] = [
      ["photo", { id: "b1", owner: bob, state: "draft", title: "sea", stars: 1, notes: "n1", rank: "r", pin: "p" }],
      ["photo", { id: "b2", owner: bob, state: "sent", public: true, title: "sun", stars: 2, notes: "n2" }],
      ["photo", { id: "e1", owner: eve, state: "sent", public: true, title: "sky", stars: 3, notes: "n3" }],
      ["photo", { id: "e2", owner: eve, state: "draft", title: "ice", stars: 4, notes: "n4" }],
      ["person", { id: bob, name: "Bob", phone: "1" }],
      ["person", { id: eve, name: "Eve", phone: "2" }],
      ["tally", { id: "t", count: 1, hidden: 2 }],
      ["city", { id: "r", name: "Rome" }],
    ];
    for (const [name, row] of rows) expect(await on.call("root", `/data/add/${name}`, { json: row })).toMatchObject({ status: 200 });
  });
  afterAll(() => on.server.close());

  const ask = (login: string | undefined, call: string, name: string, json: object = {}): Promise<Reply> =>
    login === undefined
      ? on.call("", `/data/${call}/${name}`, { json, signed: false, headers: { "content-type": "application/json" } })
      : on.call(login, `/data/${call}/${name}`, { json });
  const ids = async (login: string | undefined, filter: object = {}): Promise<unknown> => {
    const { status, body } = await ask(login, "select", "photo", { ...filter, _sort: "id" });
    return status === 200 ? (body["data"] as { id: string }[]).map(({ id }) => id) : [status, body["field"]];
  };

  it("reads give the rows of the caller's rules, each with its columns", async () => {
    expect(await ids(undefined)).toEqual(["b2", "e1"]);
    expect(await ids("bob")).toEqual(["b1", "b2", "e1"]);
    expect(await ids("ed")).toEqual(["b1", "b2", "e1", "e2"]);
    expect(await ids("root")).toEqual(["b1", "b2", "e1", "e2"]);
    const { body } = await ask("bob", "select", "photo", { _sort: "id" });
    expect(body["data"]).toMatchObject([{ id: "b1", notes: "n1" }, { id: "b2", notes: "n2", state: "sent" }, {}]);
    expect((body["data"] as object[])[2]).toEqual({ id: "e1", title: "sky", stars: 3 });
    expect((await ask(undefined, "get", "photo", { id: "e1" })).body).toEqual({ id: "e1", title: "sky", stars: 3 });
    expect((await ask("bob", "get", "photo", { id: "e2" })).status).toBe(404);
    expect((await ask("bob", "list", "photo", { _keys: ["e2", "e1", "b1"], _select: "id,notes" })).body["data"]).toEqual([
      { id: "e1" },
      { id: "b1", notes: "n1" },
    ]);
    // An editor's own columns and those that everybody sees of public rows.
    const seen = (await ask("ed", "list", "photo", { _keys: ["e1", "e2"] })).body["data"] as object[];
    expect(seen.map((row) => Object.keys(row).sort().join())).toEqual(["id,notes,owner,stars,state,title", "id,notes,owner,state,title"]);
    expect((await ask("root", "get", "photo", { id: "b1" })).body).toMatchObject({ rank: "r" });
    for (const login of ["bob", "ed", "root"]) expect((await ask(login, "select", "photo")).text).not.toContain('"pin"');
  });

  it("filters, sorts and groups name what is seen of all rows that they are about", async () => {
    expect(await ids(undefined, { stars: 3 })).toEqual(["e1"]);
    expect(await ids(undefined, { notes: "n3" })).toEqual([403, "notes"]);
    expect(await ids("bob", { notes: "n1" })).toEqual([403, "notes"]);
    expect(await ids("bob", { owner: on.ids["bob"], notes: "n1" })).toEqual(["b1"]);
    expect(await ids("bob", { owner: on.ids["eve"], notes: "n3" })).toEqual([403, "owner"]);
    expect(await ids("ed", { notes: "n4" })).toEqual(["e2"]);
    expect(await ids("ed", { stars: 4 })).toEqual([403, "stars"]);
    expect((await ask("bob", "select", "photo", { _sort: "notes" })).status).toBe(403);
    expect((await ask("bob", "select", "photo", { owner: on.ids["bob"], _sort: "-notes", _select: "id" })).body["data"]).toEqual([
      { id: "b2" },
      { id: "b1" },
    ]);
    expect((await ask("bob", "count", "photo")).body).toEqual({ count: 3 });
    expect((await ask("bob", "aggregate", "photo", { _sum: "stars" })).body["data"]).toEqual([{ count: 3, sum: { stars: 6 } }]);
    expect((await ask("bob", "aggregate", "photo", { _max: "notes" })).status).toBe(403);
    expect((await ask(undefined, "aggregate", "photo", { _sum: "stars" })).body["data"]).toEqual([{ count: 2, sum: { stars: 5 } }]);
  });

  it("rows of other tables are included and asked of as far as the caller reads them", async () => {
    const { bob } = on.ids;
    const { body } = await ask("ed", "select", "photo", { _sort: "id", _select: "id", _include: "owner" });
    expect([body["code"], body["field"]]).toEqual(["denied", "_include"].map((each) => (body["code"] === undefined ? undefined : each)));
    const own = await ask("bob", "select", "photo", { owner: bob, _sort: "id", _select: "id", _include: "owner" });
    expect(own.body["data"]).toMatchObject([{ id: "b1", owner: { name: "Bob", phone: "1" } }, { id: "b2" }]);
    expect((await ask("bob", "count", "photo", { owner: { $ref: { name: "Bob" } } })).status).toBe(403);
    expect((await ask("bob", "count", "photo", { owner: { $eq: bob, $ref: { name: "Bob" } } })).status).toBe(403);
    const mine = { photos: { from: "photo", by: "owner", select: "id,notes", sort: "id" } };
    expect((await ask("bob", "get", "person", { id: bob, _include: mine })).body).toMatchObject({
      photos: [
        { id: "b1", notes: "n1" },
        { id: "b2", notes: "n2" },
      ],
    });
  });

  it("a new row is what the rule says, filled in where it is left out", async () => {
    const made = await ask("bob", "add", "photo", { id: "b3", title: "new", _returning: "new" });
    expect(made.body).toMatchObject({ affected: 1, row: { owner: on.ids["bob"], state: "draft", title: "new" } });
    expect((await ask("bob", "add", "photo", { id: "b4", state: "sent" })).body).toMatchObject({ status: 403, field: "state" });
    expect((await ask("bob", "add", "photo", { id: "b4", owner: on.ids["eve"] })).body).toMatchObject({ status: 403, field: "owner" });
    expect((await ask("bob", "add", "photo", { id: "b4", rank: "1" })).body).toMatchObject({ status: 403, field: "rank" });
    expect((await ask("bob", "add", "photo", { id: "e2" })).status).toBe(409);
    expect((await ask("ed", "add", "photo", { id: "x", state: "sent" })).status).toBe(403);
    expect((await ask(undefined, "add", "photo", { id: "x" })).body).toMatchObject({ status: 401, code: "NOLOGIN" });
    expect((await ask("bob", "del", "photo", { id: "b3" })).body).toEqual({ affected: 1 });
  });

  it("a change is of rows that fit before and after", async () => {
    const state = async (id: string): Promise<unknown> => (await ask("root", "get", "photo", { id })).body["state"];
    expect((await ask("bob", "update", "photo", { id: "b2", state: "shown" })).status).toBe(403);
    expect((await ask("bob", "update", "photo", { id: "b2", title: "sun", _mustMatch: true })).body).toEqual({ affected: 1 });
    expect((await ask("bob", "update", "photo", { id: "b2", owner: on.ids["eve"] })).body).toMatchObject({ status: 403, field: "owner" });
    // Another's row that is read is said to be another's; one that is not read is not there.
    expect((await ask("bob", "update", "photo", { id: "e1", title: "x" })).status).toBe(403);
    expect((await ask("bob", "update", "photo", { id: "e2", title: "x" })).body).toEqual({ affected: 0 });
    expect((await ask("bob", "update", "photo", { id: "none", title: "x" })).body).toEqual({ affected: 0 });
    expect((await ask("bob", "update", "photo", { id: "e2", title: "x", _mustMatch: true })).text).toBe(
      (await ask("bob", "update", "photo", { id: "none", title: "x", _mustMatch: true })).text,
    );
    // Rows come and go with a column: what may be made is not what may be changed.
    for (const [call, json] of [
      ["put", { id: "b2", title: "x" }],
      ["put", { id: "e2", title: "x" }],
      ["update", { id: "b2", title: "x", _upsert: true }],
      ["incr", { id: "b2", stars: 1 }],
    ] as const)
      expect([call, (await ask("bob", call, "photo", json)).status]).toEqual([call, 403]);
    expect((await ask("bob", "incr", "photo", { id: "b2", stars: 1, _mustMatch: true })).body).toEqual({ affected: 1 });
    expect((await ask("ed", "update", "photo", { id: "e1", state: "draft" })).status).toBe(403);
    expect((await ask("ed", "update", "photo", { id: "e1", title: "sky", _returning: "new" })).body["row"]).toMatchObject({
      title: "sky",
      notes: "n3",
    });
    // Of a column of their own rows.
    expect((await ask("ed", "update", "photo", { id: "e1", notes: "x" })).status).toBe(403);
    expect((await ask("ed", "update", "photo", { id: "e2", title: "x" })).status).toBe(403);
    expect((await ask("bob", "del", "photo", { id: "b2" })).status).toBe(403);
    expect((await ask("bob", "del", "photo", { id: "b1" })).body["message"]).toContain("an admin has set columns");
    expect([await state("b1"), await state("b2"), await state("e1"), await state("e2")]).toEqual(["draft", "sent", "sent", "draft"]);
  });

  it("columns that are written and not read are told by no failure", async () => {
    expect((await ask("bob", "incr", "tally", { id: "t", hidden: 1, _mustMatch: true })).body).toMatchObject({
      status: 403,
      field: "hidden",
    });
    expect((await ask("bob", "update", "tally", { id: "t", hidden: 1, _ops: { hidden: "incr" } })).status).toBe(403);
    expect((await ask("bob", "update", "tally", { id: "t", count: 5, _where: { hidden: 2 } })).status).toBe(403);
    expect((await ask("bob", "update", "tally", { id: "t", hidden: 3, _returning: "old" })).body).toEqual({
      affected: 1,
      row: { id: "t", count: 1 },
    });
    expect((await ask("root", "get", "tally", { id: "t" })).body).toMatchObject({ hidden: 3 });
    expect((await ask("bob", "incr", "tally", { id: "t", count: 1 })).body).toMatchObject({ status: 403, field: "_mustMatch" });
  });

  it("what is written and not read is not given back", async () => {
    expect((await ask("bob", "add", "box", { text: "hello" })).body).toEqual({ affected: 1 });
    expect((await ask("bob", "add", "box", { text: "hello", _returning: "new" })).status).toBe(403);
    for (const call of ["select", "count"]) expect((await ask("bob", call, "box")).status).toBe(403);
    expect((await ask("root", "select", "box", { _scan: true })).body).toMatchObject({
      count: 1,
      data: [{ from: on.ids["bob"], text: "hello" }],
    });
  });

  it("each item of a batch is held to the rules", async () => {
    const items = [
      { op: "update", table: "photo", row: { id: "b1", notes: "n1" } },
      { op: "update", table: "photo", row: { id: "e2", notes: "x" } },
      { op: "update", table: "photo", row: { id: "b1", state: "shown" } },
      { op: "del", table: "photo", key: { id: "e2" } },
    ];
    expect((await on.call("bob", "/data/batch", { json: items })).body["data"]).toMatchObject([
      { affected: 1 },
      { affected: 0 },
      { status: 403 },
      { affected: 0 },
    ]);
    expect((await on.call("bob", "/data/batch", { json: { items, atomic: true } })).status).toBe(403);
  });

  it("nobody comes to tables without rules for anonymous", async () => {
    for (const name of ["city", "person", "box"])
      expect((await ask(undefined, "select", name)).body).toMatchObject({ status: 401, code: "NOLOGIN" });
    expect((await on.call("", "/data/columns", { signed: false })).body).toMatchObject({
      city: {},
      photo: { id: {}, title: {}, stars: {} },
    });
    expect(Object.keys((await on.call("", "/data/columns/photo", { signed: false })).body)).toEqual(["id", "title", "stars"]);
    expect((await on.call("bob", "/data/select/photo", { secret: "wrong" })).status).toBe(401);
  });

  it("page tokens are good for who they were given to", async () => {
    const first = await ask("bob", "select", "photo", { _sort: "id", _count: 1 });
    const next = { _sort: "id", _count: 1, _start: first.body["next_token"] };
    expect((await ask("bob", "select", "photo", next)).status).toBe(200);
    for (const login of ["eve", "ed", undefined])
      expect((await ask(login, "select", "photo", next)).body).toMatchObject({ status: 400, field: "_start" });
  });

  it("the OpenAPI document shows what the caller may do", async () => {
    const schemas = async (login: string): Promise<Record<string, { properties?: object }>> => {
      const { body } = await on.call(login, "/data/openapi.json");
      const paths = Object.keys(body["paths"] as object).filter((path) => /\/(photo|box)$/.test(path));
      return { paths: { properties: paths }, ...(body["components"] as { schemas: Record<string, object> }).schemas };
    };
    const bobs = await schemas("bob");
    expect(bobs["paths"]!.properties).toEqual(
      expect.arrayContaining(["/data/add/photo", "/data/put/photo", "/data/del/photo", "/data/select/photo", "/data/add/box"]),
    );
    expect(bobs["paths"]!.properties).not.toContain("/data/select/box");
    const eds = await schemas("ed");
    expect(eds["paths"]!.properties).toContain("/data/add/photo");
    expect(Object.keys(bobs["photo"]!.properties!)).not.toContain("rank");
    expect(Object.keys(bobs["photoChange"]!.properties!)).toEqual([
      "id",
      "owner",
      "state",
      "public",
      "title",
      "place",
      "stars",
      "notes",
      "pin",
    ]);
    const nobodys = (await on.call("", "/data/openapi.json", { signed: false })).body;
    const { schemas: shown } = nobodys["components"] as { schemas: Record<string, { properties?: object }> };
    expect(Object.keys(shown["photo"]!.properties!)).toEqual(["id", "title", "stars"]);
    expect(Object.keys(nobodys["paths"] as object)).not.toContain("/data/add/photo");
    expect(shown["box"]).toBeUndefined();
  });
});

describe("rules when a server is made", () => {
  it("are told where no key or index finds their rows", async () => {
    await using on = await startServer({ tables });
    expect(on.logged.filter((line) => line.startsWith("rules: photo"))).toHaveLength(1);
  });

  it("are refused where they cannot be meant", async () => {
    const wrong = { a: table({ id: { primary: 1 } }, { rules: { read: { nope: 1 } } }) };
    await expect(createServer({ db: "memory:", tables: wrong, masterKey })).rejects.toMatchObject({
      code: "invalid",
      detail: { table: "a", column: "nope" },
    });
  });

  it("name fields of accounts that an app has", async () => {
    const own = { a: table({ id: { primary: 1 }, team: { index: 1 } }, { rules: { read: { team: "$account.team" } } }) };
    await expect(createServer({ db: "memory:", tables: own, masterKey })).rejects.toMatchObject({ code: "invalid" });
    await (await createServer({ db: "memory:", tables: own, masterKey, accountFields: { team: "text" } })).close();
  });
});
