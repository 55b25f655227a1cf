// Who may do what, as tables of scenarios: what comes back, and what must not appear.
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type CallOptions, errorOf, startServer, type TestServer } from "./start-server.js";

interface Scenario {
  readonly name: string;
  readonly as: "root" | "bob" | "eve";
  readonly path: string;
  readonly options?: CallOptions;
  readonly status: number;
  readonly has?: readonly string[];
  readonly lacks?: readonly string[];
}

let on: TestServer;

beforeAll(async () => {
  on = await startServer();
  const put = (login: string, table: string, row: object): Promise<unknown> => on.call(login, `/data/put/${table}`, { json: row });
  await put("bob", "note", { id: "b1", text: "bob says", stars: 3, secret_word: "swordfish", private_text: "for bob alone" });
  await on.call("root", "/data/update/note", { json: { id: "b1", rank: 7654321 } });
  await put("eve", "note", { id: "e1", text: "eve says", stars: 5 });
  await put("bob", "diary", { day: 1, text: "dear diary" });
  await put("root", "city", { country: "IT", name: "Rome", lat: 41.9, people: 3, draft: "unpublished", hash: "deadbeef" });
  await put("root", "hush", { id: "h", text: "hushed" });
});
afterAll(() => on.server.close());

const denied: readonly Scenario[] = [
  { name: "a table without owner is written by admins only", as: "bob", path: "/data/put/city?country=IT&name=Rome", status: 403 },
  { name: "nor deleted from", as: "bob", path: "/data/del/city?country=IT&name=Rome", status: 403 },
  { name: "a table without public columns is closed to accounts", as: "bob", path: "/data/select/hush", status: 403, lacks: ["hushed"] },
  { name: "a row of another is not replaced", as: "eve", path: "/data/put/note?id=b1&text=mine", status: 403 },
  { name: "nor changed", as: "eve", path: "/data/update/note?id=b1&text=mine", status: 403 },
  { name: "nor counted up", as: "eve", path: "/data/incr/note?id=b1&stars=1", status: 403 },
  { name: "nor deleted", as: "eve", path: "/data/del/note?id=b1", status: 403 },
  { name: "nor taken over by upsert", as: "eve", path: "/data/update/note?id=b1&text=mine&_upsert=1", status: 403 },
  {
    name: "another's id in the owner column is refused",
    as: "eve",
    path: "/data/add/note?id=x1&owner=somebody",
    status: 403,
    has: ["owner"],
  },
  { name: "a row is not given away", as: "bob", path: "/data/update/note?id=b1&owner=somebody", status: 403, has: ["owner"] },
  { name: "an empty owner is not the caller", as: "eve", path: "/data/add/note?id=x1&owner=", status: 403, has: ["owner"] },
  { name: "admin columns are set by admins", as: "bob", path: "/data/update/note?id=b1&rank=1", status: 403, has: ["rank"] },
  { name: "also in an insert", as: "bob", path: "/data/add/note?id=x2&rank=1", status: 403, has: ["rank"] },
  { name: "no filter on a secure column", as: "eve", path: "/data/select/note?secret_word=swordfish", status: 403, has: ["secret_word"] },
  { name: "not by admins either", as: "root", path: "/data/select/note?secret_word_$begins_with=s", status: 403, has: ["secret_word"] },
  { name: "no sort by a secure column", as: "root", path: "/data/select/note?_sort=secret_word", status: 403, has: ["secret_word"] },
  { name: "no read of a secure column", as: "root", path: "/data/get/note?id=b1&_select=secret_word", status: 403, has: ["secret_word"] },
  { name: "no filter on private columns of others", as: "eve", path: "/data/select/note?private_text_$begins_with=for", status: 403 },
  { name: "no count by them", as: "eve", path: "/data/count/note?private_text_$begins_with=for", status: 403 },
  { name: "no sort by them", as: "eve", path: "/data/select/note?_sort=-private_text", status: 403 },
  {
    name: "no filter on them inside of groups",
    as: "eve",
    path: "/data/select/note",
    options: { json: { $or: [{ text: "x" }, { private_text: { $begins_with: "f" } }] } },
    status: 403,
  },
  { name: "no sort by admin columns", as: "bob", path: "/data/select/note?_sort=rank", status: 403 },
  {
    name: "no filter on another's owner column",
    as: "eve",
    path: "/data/select/note",
    options: { json: { owner: { $ne: "x" } } },
    status: 403,
  },
  {
    name: "no guard on a secure column",
    as: "bob",
    path: "/data/update/note",
    options: { json: { id: "b1", stars: 1, _where: { secret_word: "s" } } },
    status: 403,
  },
  { name: "a diary is read by its owner alone", as: "eve", path: "/data/select/diary?owner=u_somebody", status: 403, lacks: ["dear"] },
  { name: "scans are for admins", as: "bob", path: "/data/select/city?_scan=1", status: 403 },
];

const allowed: readonly Scenario[] = [
  {
    name: "an owner sees all but secure and admin columns",
    as: "bob",
    path: "/data/get/note?id=b1",
    status: 200,
    has: ["for bob alone", "bob says"],
    lacks: ["swordfish", "rank", "7654321", "secret_word"],
  },
  {
    name: "others see the public columns",
    as: "eve",
    path: "/data/get/note?id=b1",
    status: 200,
    has: ["bob says"],
    lacks: ["for bob alone", "swordfish", "owner", "u_"],
  },
  {
    name: "an admin sees all but secure columns",
    as: "root",
    path: "/data/get/note?id=b1",
    status: 200,
    has: ["for bob alone", "7654321"],
    lacks: ["swordfish"],
  },
  {
    name: "a page shows each row as the caller may see it",
    as: "eve",
    path: "/data/select/note?_sort=stars",
    status: 200,
    has: ["bob says", "eve says", "e1"],
    lacks: ["for bob alone", '"b1"', "7654321"],
  },
  {
    name: "so does one with chosen columns",
    as: "eve",
    path: "/data/select/note?_select=id,text",
    status: 200,
    has: ["e1", "bob says"],
    lacks: ['"b1"', "owner"],
  },
  {
    name: "so does a list",
    as: "eve",
    path: "/data/list/note?_keys=b1,e1",
    status: 200,
    has: ["bob says", "eve says"],
    lacks: ["for bob alone", '"b1"'],
  },
  {
    name: "public columns of a table without owner",
    as: "bob",
    path: "/data/get/city?country=IT&name=Rome",
    status: 200,
    has: ["41.9"],
    lacks: ["unpublished", "deadbeef"],
  },
  {
    name: "without public columns a page has the caller's rows alone",
    as: "bob",
    path: "/data/select/diary",
    status: 200,
    has: ["dear diary"],
  },
  { name: "and none for others", as: "eve", path: "/data/select/diary", status: 200, has: ['"count":0'], lacks: ["dear"] },
  { name: "counts are of the caller's rows alone", as: "eve", path: "/data/count/diary", status: 200, has: ['{"count":0}'] },
  {
    name: "columns are described as far as they are seen",
    as: "eve",
    path: "/data/columns/note",
    status: 200,
    has: ["private_text"],
    lacks: ["secret_word", "rank"],
  },
  {
    name: "of tables without public columns none",
    as: "eve",
    path: "/data/columns",
    status: 200,
    has: ['"hush":{}'],
    lacks: ["hash", "draft"],
  },
  { name: "the key's columns", as: "eve", path: "/data/keys/city", status: 200, has: ['["country","name"]'] },
  {
    name: "the own account without secrets",
    as: "bob",
    path: "/auth",
    status: 200,
    has: ['"login":"bob"'],
    lacks: ["secret of", "bks1.", "session_key", "expires"],
  },
];

describe("who may do what", () => {
  it.each([...denied, ...allowed])("$name ($as $path)", async ({ as, path, options, status, has = [], lacks = [] }) => {
    const reply = await on.call(as, path, options);
    expect([reply.status, reply.text]).toEqual([status, expect.any(String)]);
    for (const text of has) expect(reply.text).toContain(text);
    for (const text of lacks) expect(reply.text).not.toContain(text);
    if (status >= 400) expect(errorOf(reply)).toEqual({ status, message: expect.any(String), code: expect.any(String) });
  });

  it("refused writes left everything as it was", async () => {
    const { body } = await on.call("root", "/data/get/note?id=b1");
    expect(body).toMatchObject({ owner: on.ids["bob"], text: "bob says", stars: 3, rank: 7654321, private_text: "for bob alone" });
    expect((await on.call("root", "/data/count/note")).body).toEqual({ count: 2 });
  });

  it("the accounts are no table of the data API, not even for admins", async () => {
    expect((await on.call("root", "/data/select/bk_auth")).status).toBe(404);
    expect((await on.call("root", "/data/columns")).text).not.toContain("bk_auth");
  });

  it("an owner's put keeps what admins set in the row", async () => {
    await on.call("bob", "/data/put/note", { json: { id: "b9", text: "first" } });
    await on.call("root", "/data/update/note", { json: { id: "b9", rank: 5 } });
    await on.call("bob", "/data/put/note", { json: { id: "b9", text: "second" } });
    expect((await on.call("root", "/data/get/note?id=b9")).body).toMatchObject({ rank: 5, text: "second", owner: on.ids["bob"] });
    expect((await on.call("root", "/data/del/note?id=b9")).body).toEqual({ affected: 1 });
  });

  it("the caller's id is put into the owner column, in keys too", async () => {
    const { body } = await on.call("eve", "/data/add/note?_returning=new", { json: { id: "e9", text: "t" } });
    expect(body["row"]).toMatchObject({ owner: on.ids["eve"] });
    await on.call("eve", "/data/del/note?id=e9");
    expect((await on.call("bob", "/data/get/diary?day=1")).body).toMatchObject({ text: "dear diary" });
    expect((await on.call("eve", "/data/get/diary?day=1")).status).toBe(404);
    expect((await on.call("eve", "/data/get/diary", { json: { owner: on.ids["bob"], day: 1 } })).status).toBe(404);
  });

  it("a page token of one account is refused for another", async () => {
    const first = await on.call("root", "/data/select/note?_count=1&_sort=stars");
    const token = first.body["next_token"] as string;
    expect((await on.call("root", `/data/select/note?_count=1&_sort=stars&_start=${token}`)).body["count"]).toBe(1);
    const other = await on.call("bob", `/data/select/note?_count=1&_sort=stars&_start=${token}`);
    expect([other.status, other.body["code"]]).toEqual([400, "invalid"]);
    expect((await on.call("root", `/data/select/note?_count=1&_sort=-stars&_start=${token}`)).status).toBe(400);
  });

  it("nobody unsigned sees anything but the open paths", async () => {
    for (const path of [
      "/auth",
      "/data/columns",
      "/data/select/city",
      "/data/get/city?country=IT&name=Rome",
      "/nothing",
      "/data/get/city/x.js",
    ])
      expect((await on.call("", path, { signed: false })).status).toBe(401);
    expect((await on.call("", "/ping", { signed: false })).body).toEqual({});
    expect((await on.call("", "/openapi.json", { signed: false })).status).toBe(200);
  });
});
