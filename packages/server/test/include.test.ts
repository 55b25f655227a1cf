// `_include`: rows of other tables in a reply, as far as the caller may see them.
import { defineTables, table } from "@bk/db";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Reply, startServer, type TestServer } from "./start-server.js";

const tables = defineTables({
  person: table(
    { id: { primary: 1, pub: true }, name: { pub: true }, phone: {}, pin: { secure: true }, rank: { admin: true } },
    { owner: "id" },
  ),
  album: table(
    { id: { primary: 1, pub: true }, owner: { pub: true, ref: "person" }, title: { pub: true }, secret: {}, cover: { ref: "photo" } },
    { owner: "owner" },
  ),
  photo: table(
    {
      id: { primary: 1, pub: true },
      owner: { pub: true, ref: "person", index: 1 },
      album: { pub: true, ref: "album", index1: 1 },
      liked: { ref: "person", index2: 1 },
      taken: { type: "int", pub: true },
      big: { type: "int64", pub: true },
      place: {},
      token: { secure: true },
    },
    { owner: "owner" },
  ),
  diary: table(
    { id: { primary: 1 }, owner: { ref: "person", index: 1 }, album: { ref: "album", index1: 1 }, text: {} },
    { owner: "owner" },
  ),
  hush: { id: { primary: 1 }, person: { ref: "person", index: 1 } },
});

describe.each(["memory:", "sqlite::memory:"])("_include, on %s", (db) => {
  let on: TestServer;
  const ask = (login: string, call: string, name: string, json: object): Promise<Reply> =>
    on.call(login, `/data/${call}/${name}`, { json });

  beforeAll(async () => {
    on = await startServer({ db, tables });
    const { bob, eve } = on.ids as { bob: string; eve: string };
    const rows: [string, object][] = [
      ["person", { id: bob, name: "Bob", phone: "1", pin: "p", rank: "r" }],
      ["person", { id: eve, name: "Eve", phone: "2", pin: "q", rank: "s" }],
      ["album", { id: "a", owner: bob, title: "Rome", secret: "bobs", cover: "1" }],
      ["album", { id: "b", owner: eve, title: "Oslo", secret: "eves", cover: "2" }],
      ["photo", { id: "1", owner: bob, album: "a", taken: 1, big: "9007199254740993", place: "bobs", liked: eve, token: "t" }],
      ["photo", { id: "2", owner: eve, album: "a", taken: 2, place: "eves", liked: bob, token: "t" }],
      ["photo", { id: "3", owner: eve, album: "nope", taken: 3, place: "eves" }],
      ["diary", { id: "x", owner: bob, album: "a", text: "bobs" }],
      ["diary", { id: "y", owner: eve, album: "a", text: "eves" }],
      ["hush", { id: "h", person: bob }],
    ];
    for (const [name, row] of rows) expect((await ask("root", "add", name, row)).status).toBe(200);
  });
  afterAll(() => on.server.close());

  const photos = { from: "photo", by: "album", sort: "-taken", select: ["id", "place"] };

  it("gives the row that is referred to in the place of its key, as far as it is seen", async () => {
    const { bob, eve } = on.ids;
    const shown = {
      id: "1",
      owner: { id: bob, name: "Bob", phone: "1" },
      album: { id: "a", owner: bob, title: "Rome", secret: "bobs", cover: "1" },
    };
    expect((await on.call("bob", "/data/get/photo?id=1&_include=owner,album&_select=id")).body).toEqual(shown);
    expect((await ask("bob", "get", "photo", { id: "1", _select: ["id"], _include: { owner: true, album: {} } })).body).toEqual(shown);
    expect((await on.call("eve", "/data/get/photo?id=1&_include=owner,album&_select=id")).body).toEqual({
      id: "1",
      owner: { id: bob, name: "Bob" },
      album: { id: "a", owner: bob, title: "Rome" },
    });
    expect((await on.call("root", "/data/get/photo?id=3&_include=owner,album&_select=id")).body).toEqual({
      id: "3",
      owner: { id: eve, name: "Eve", phone: "2", rank: "s" },
      album: null,
    });
    const { body } = await ask("eve", "list", "photo", {
      _keys: ["3", "1"],
      _select: ["taken"],
      _include: { who: { by: "owner", select: ["name"] } },
    });
    expect(body["data"]).toEqual([
      { taken: 3, who: { name: "Eve" } },
      { taken: 1, who: { name: "Bob" } },
    ]);
  });

  it("gives the rows that refer to a row, each as far as it is seen", async () => {
    const select = async (login: string): Promise<unknown> =>
      (await ask(login, "select", "album", { _sort: "id", _select: "id", _include: { photos } })).body["data"];
    expect(await select("bob")).toEqual([
      { id: "a", photos: [{ id: "2" }, { id: "1", place: "bobs" }] },
      { id: "b", photos: [] },
    ]);
    expect(await select("eve")).toEqual([
      { id: "a", photos: [{ id: "2", place: "eves" }, { id: "1" }] },
      { id: "b", photos: [] },
    ]);
    const one = await ask("root", "get", "album", {
      id: "a",
      _select: ["id"],
      _include: { photos: { ...photos, count: 1, select: "big,token".split(",").slice(0, 1) } },
    });
    expect(one.body).toEqual({ id: "a", photos: [{ big: null }] });
    const filtered = { ...photos, select: ["taken"], filter: { taken: { $lt: 2 } }, include: { owner: { select: ["name", "phone"] } } };
    expect((await ask("eve", "get", "album", { id: "a", _select: ["id"], _include: { photos: filtered } })).body).toEqual({
      id: "a",
      photos: [{ taken: 1, owner: { name: "Bob" } }],
    });
  });

  it("finds only the caller's own rows by columns that others may not see", async () => {
    const diaries = { from: "diary", by: "album", select: ["text"] };
    const of = async (login: string): Promise<unknown> =>
      (await ask(login, "get", "album", { id: "a", _select: ["id"], _include: { diaries } })).body;
    expect(await of("bob")).toEqual({ id: "a", diaries: [{ text: "bobs" }] });
    expect(await of("eve")).toEqual({ id: "a", diaries: [{ text: "eves" }] });
    const liked = { from: "photo", by: "liked", select: ["id"] };
    const likes = async (login: string, id: string): Promise<unknown> =>
      (await ask(login, "get", "person", { id, _select: ["name"], _include: { liked } })).body;
    // Eve's photo is liked by Bob, which she alone may know.
    expect(await likes("eve", on.ids["bob"]!)).toEqual({ name: "Bob", liked: [{ id: "2" }] });
    expect(await likes("bob", on.ids["bob"]!)).toEqual({ name: "Bob", liked: [] });
    expect(await likes("root", on.ids["bob"]!)).toEqual({ name: "Bob", liked: [{ id: "2" }] });
  });

  it("tells nothing of what a row refers to by a column that is not seen", async () => {
    const { body } = await ask("eve", "select", "album", { _sort: "id", _select: ["id"], _include: { cover: { select: ["taken"] } } });
    expect(body["data"]).toEqual([{ id: "a" }, { id: "b", cover: { taken: 2 } }]);
  });

  it.each<[string, string, object, number]>([
    ["eve", "photo", { liked: true, nope: true }, 400],
    ["eve", "photo", { taken: true }, 400],
    ["eve", "photo", { taken: { by: "owner" } }, 400],
    ["eve", "photo", { owner: { select: ["pin"] } }, 403],
    ["root", "photo", { owner: { select: ["pin"] } }, 403],
    ["eve", "photo", { owner: { select: ["rank"] } }, 403],
    ["eve", "photo", { owner: { select: ["nope"] } }, 400],
    ["eve", "photo", { owner: { select: [] } }, 400],
    ["eve", "photo", { owner: { count: 3 } }, 400],
    ["eve", "photo", { owner: 3 }, 400],
    ["eve", "photo", { constructor: true }, 400],
    ["eve", "photo", { "a b": { by: "owner" } }, 400],
    ["eve", "person", { hush: { from: "hush", by: "person" } }, 403],
    ["eve", "person", { x: { from: "nope", by: "person" } }, 400],
    ["eve", "person", { x: { from: "photo" } }, 400],
    ["eve", "person", { x: { from: "photo", by: "album" } }, 400],
    ["eve", "person", { name: { from: "photo", by: "owner" } }, 400],
    ["eve", "person", { x: { from: "photo", by: "owner", sort: "place" } }, 403],
    ["eve", "person", { x: { from: "photo", by: "owner", sort: "token" } }, 403],
    ["eve", "person", { x: { from: "photo", by: "owner", filter: { place: "bobs" } } }, 403],
    ["eve", "person", { x: { from: "photo", by: "owner", filter: { token: "t" } } }, 403],
    ["eve", "person", { x: { from: "photo", by: "owner", filter: { owner: { $ref: { name: "Bob" } } } } }, 400],
    ["eve", "person", { x: { from: "photo", by: "owner", count: 101 } }, 400],
    ["eve", "person", { x: { from: "photo", by: "owner", count: 0 } }, 400],
    ["eve", "person", { x: { from: "photo", by: "owner", scan: true } }, 400],
    ["eve", "person", { x: { from: "photo", by: "owner", count: 60 }, y: { from: "photo", by: "owner", count: 60 } }, 400],
    [
      "eve",
      "person",
      {
        x: {
          from: "photo",
          by: "owner",
          include: { album: { include: { owner: { include: { photos: { from: "photo", by: "owner" } } } } } },
        },
      },
      400,
    ],
  ])("refuses what %s may not include in %s: %j", async (login, name, include, status) => {
    const id = name === "person" ? on.ids["bob"] : "1";
    const reply = await ask(login, "get", name, { id, _include: include });
    expect([reply.status, reply.body["message"]]).toEqual([status, expect.any(String)]);
    expect(reply.body["field"]).toEqual(expect.any(String));
  });

  it("is for get, list and select, as text or JSON", async () => {
    expect((await on.call("eve", "/data/search/photo?_q=x&_include=owner")).status).toBe(400);
    expect((await on.call("eve", "/data/count/photo?_include=owner")).status).toBe(400);
    expect((await on.call("eve", `/data/get/photo?id=1&_include=${encodeURIComponent("{bad")}`)).status).toBe(400);
    const text = encodeURIComponent(JSON.stringify({ owner: { select: ["name"] } }));
    expect((await on.call("eve", `/data/get/photo?id=1&_select=id&_include=${text}`)).body).toEqual({ id: "1", owner: { name: "Bob" } });
  });

  it("is larger than a reply may be where its rows are together", async () => {
    const small = await startServer({ tables, limits: { maxReplyBytes: 2000 } });
    const put = (name: string, row: object): Promise<Reply> => small.call("root", `/data/put/${name}`, { json: row });
    await put("person", { id: "p", name: "x".repeat(300) });
    for (let i = 0; i < 5; i++) await put("photo", { id: `${i}`, owner: "p" });
    const { status } = await small.call("root", "/data/select/photo", { json: { _include: { owner: true } } });
    expect(status).toBe(413);
    expect((await small.call("root", "/data/select/photo", { json: { _include: { owner: true }, _count: 3 } })).status).toBe(200);
    await small.server.close();
  });

  it("is in the OpenAPI document, where rows may hold others", async () => {
    const { body } = await on.call("eve", "/data/openapi.json");
    const { schemas } = body["components"] as {
      schemas: Record<string, { properties: Record<string, unknown>; additionalProperties: unknown }>;
    };
    expect(schemas["photo"]!.properties["owner"]).toMatchObject({ anyOf: [{ type: ["string", "null"] }, { type: "object" }] });
    expect(schemas["person"]!.additionalProperties).toMatchObject({ anyOf: expect.any(Array) as unknown });
    expect(JSON.stringify(body)).toContain("_include");
  });
});
