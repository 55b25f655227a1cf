// Nobody takes over, changes or finds out about the rows of others, whatever way a request names the row or the column.
import { defineTables, table } from "@bk/db";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { type Reply, startServer, type TestServer } from "./start-server.js";

const tables = defineTables({
  joined: table(
    {
      id: { primary: 1, join: ["kind", "name"], separator: "|" },
      kind: { pub: true },
      name: {},
      owner: {},
      text: { pub: true },
    },
    { owner: "owner" },
  ),
  own_part: table(
    { id: { primary: 1, join: ["id", "name"], unjoin: true }, name: { pub: true }, owner: {}, text: { pub: true } },
    { owner: "owner" },
  ),
  place: table(
    {
      spot: { type: "geohash", primary: 1, lat: "lat", lon: "lon" },
      lat: { type: "real", pub: true },
      lon: { type: "real", pub: true },
      owner: {},
      text: { pub: true },
    },
    { owner: "owner" },
  ),
  lowered: table({ id: { primary: 1, lower: true, trim: true }, owner: {}, text: { pub: true } }, { owner: "owner" }),
  graded: table(
    {
      id: { primary: 1 },
      owner: {},
      text: { pub: true },
      tags: { type: "set" },
      grade: { admin: true },
      flags: { type: "set", admin: true },
      state: { value: "new", admin: true },
      banned: { type: "bool", admin: true, writeonly: true },
    },
    { owner: "owner" },
  ),
  hidden_rows: table({ id: { primary: 1 }, owner: {}, text: {}, n: { type: "int" } }, { owner: "owner" }),
  secrets: table(
    { id: { primary: 1 }, owner: {}, token: { secure: true, unique: 1 }, hits: { type: "int", secure: true }, word: { secure: true } },
    { owner: "owner" },
  ),
  ranked: { rank: { primary: 1, admin: true }, text: { pub: true } },
  ranked_diary: table({ owner: { primary: 1 }, rank: { primary: 2, admin: true }, text: {} }, { owner: "owner" }),
  loose: table({ id: { primary: 1 }, owner: {}, text: { pub: true } }, { owner: "owner", open: true }),
});

describe.each(["memory:", "sqlite::memory:"])("rows of others, on %s", (db) => {
  let on: TestServer;
  beforeAll(async () => {
    on = await startServer({ db, tables });
  });
  afterAll(() => on.server.close());

  const send = (login: string, call: string, table: string, json: object): Promise<Reply> =>
    on.call(login, `/data/${call}/${table}`, { json });
  const all = async (table: string): Promise<unknown[]> =>
    (await on.call("root", `/data/select/${table}?_count=100`)).body["data"] as unknown[];

  const bobs = async (table: string): Promise<unknown[]> =>
    (await all(table)).filter((row) => (row as { owner: string }).owner === on.ids["bob"]);
  const keyIn = (table: string, row: object): object => {
    const names = table === "place" ? ["spot"] : ["id", "kind", "name"];
    return Object.fromEntries(Object.entries(row).filter(([name]) => names.includes(name)));
  };

  describe("put never takes a row over, however its key is made", () => {
    const scenarios = [
      { name: "joined", table: "joined", first: { kind: "a", name: "b" }, other: { id: "zz", kind: "a", name: "b" } },
      {
        name: "joined, with the text itself",
        table: "joined",
        first: { kind: "c", name: "d" },
        other: { id: "c|d", kind: "c", name: "d" },
      },
      { name: "a part of itself", table: "own_part", first: { id: "x", name: "y" }, other: { id: "x", name: "y" } },
      { name: "geohash", table: "place", first: { lat: 41.9, lon: 12.5 }, other: { spot: "u0000000", lat: 41.9, lon: 12.5 } },
      { name: "changed text", table: "lowered", first: { id: "abc" }, other: { id: " ABC " } },
      { name: "plain", table: "graded", first: { id: "plain" }, other: { id: "plain" } },
    ];

    it.each(scenarios)("$name", async ({ table, first, other }) => {
      expect((await send("bob", "put", table, { ...first, text: "bob's" })).body).toEqual({ affected: 1 });
      const before = await all(table);
      const own = await bobs(table);
      for (const call of ["put", "add"]) {
        const reply = await send("eve", call, table, { ...other, text: "eve's" });
        expect([call, reply.status, (await all(table)).length]).toEqual([call, call === "put" ? 403 : 409, before.length]);
      }
      for (const path of [
        `/data/update/${table}?_upsert=1`,
        `/data/incr/${table}`,
        `/data/update/${table}`,
        `/data/put/${table}?_returning=new`,
      ]) {
        const reply = await on.call("eve", path, { json: { ...other, text: "eve's" } });
        expect([path, reply.status, reply.text]).toEqual([path, expect.any(Number), expect.not.stringContaining("bob's")]);
        expect([path, await bobs(table)]).toEqual([path, own]);
        await on.call("eve", `/data/del/${table}`, { json: keyIn(table, other) });
        expect([path, await bobs(table)]).toEqual([path, own]);
      }
      const batch = await on.call("eve", "/data/batch", { json: [{ op: "put", table, row: { ...other, text: "eve's" } }] });
      expect(batch.body["data"]).toEqual([expect.objectContaining({ status: 403 })]);
      const items = { atomic: true, items: [{ op: "put", table, row: { ...other, text: "eve's" } }] };
      expect((await on.call("eve", "/data/batch", { json: items })).status).toBe(403);
      expect(await all(table)).toEqual(before);
      // The owner replaces it by the same words.
      const again = await on.call("bob", `/data/put/${table}?_returning=new`, { json: { ...other, text: "again" } });
      expect(again.body).toMatchObject({ affected: 1, row: { text: "again" } });
      expect((await all(table)).length).toBe(before.length);
    });

    it("gives the row before to its owner, and nothing where there was none", async () => {
      expect((await on.call("bob", "/data/put/joined?_returning=old", { json: { kind: "r", name: "1", text: "one" } })).body).toEqual({
        affected: 1,
      });
      expect((await on.call("bob", "/data/put/joined?_returning=old", { json: { kind: "r", name: "1", text: "two" } })).body).toMatchObject(
        {
          affected: 1,
          row: { text: "one" },
        },
      );
    });
  });

  describe("_ops reaches no column that the row may not have", () => {
    beforeEach(async () => {
      await on.call("root", "/data/del/graded?id=g");
      await send("bob", "put", "graded", { id: "g", text: "bob's", tags: ["a"] });
      await send("root", "update", "graded", { id: "g", grade: "A", flags: ["x"], state: "seen" });
    });

    it.each([
      ["unset of an admin column", "?id=g&text=t&_ops=grade,unset"],
      ["append to an admin column", "?id=g&grade=t&_ops=grade,append"],
      ["add to an admin set", "?id=g&flags=t&_ops=flags,add"],
      ["unset of the owner", "?id=g&text=t&_ops=owner,unset"],
      ["append to the owner", "?id=g&owner=OWNER&_ops=owner,append"],
      ["prepend to the owner", "?id=g&owner=OWNER&_ops=owner,prepend"],
    ])("%s", async (_what, query) => {
      const asked = query.replace("OWNER", on.ids["bob"]!);
      const before = (await on.call("root", "/data/get/graded?id=g")).body;
      const reply = await on.call("bob", `/data/update/graded${asked}`);
      expect([reply.status, reply.body["code"]]).toEqual([403, "denied"]);
      const { _ops, ...row } = Object.fromEntries(new URLSearchParams(asked.slice(1)));
      const [column, op] = _ops!.split(",");
      const item = { op: "update", table: "graded", row: column === "flags" ? { ...row, flags: ["t"] } : row, _ops: { [column!]: op } };
      expect((await on.call("bob", "/data/batch", { json: [item] })).body["data"]).toEqual([expect.objectContaining({ status: 403 })]);
      expect((await on.call("root", "/data/get/graded?id=g")).body).toEqual(before);
    });

    it("names only what the row has, but for unset", async () => {
      expect((await on.call("bob", "/data/update/graded?id=g&_ops=tags,add")).body).toMatchObject({ status: 400, field: "tags" });
      expect((await on.call("bob", "/data/update/graded?id=g&_ops=text,unset&_returning=new")).body["row"]).toMatchObject({ text: null });
      expect((await on.call("bob", "/data/update/graded?id=g&tags=b&_ops=tags,add&_returning=new")).body["row"]).toMatchObject({
        tags: ["a", "b"],
      });
      expect((await on.call("root", "/data/update/graded?id=g&_ops=grade,unset&_returning=new")).body["row"]).toMatchObject({
        grade: null,
      });
    });

    it("names members that every object has as columns", async () => {
      for (const name of ["constructor", "toString", "hasOwnProperty", "valueOf"]) {
        for (const [login, path] of [
          ["bob", `/data/update/loose?id=l&_ops=${name},set`],
          ["bob", `/data/update/loose?id=l&_ops=text,${name}`],
          ["root", `/data/select/loose?${name}=1`],
          ["root", `/data/select/loose?${name}=1&_ops=${name},${name}`],
          ["root", `/data/select/loose?${name}_$${name}=1`],
          ["root", `/data/count/loose?text=1&_ops=${name},gt`],
          ["root", `/data/select/loose?_sort=${name}`],
          ["root", `/data/select/loose?_select=${name}`],
          ["root", `/data/get/${name}?id=1`],
        ] as const) {
          const reply = await on.call(login, path);
          expect([path, reply.status < 500]).toEqual([path, true]);
        }
      }
      expect((await send("bob", "put", "loose", { id: "l", constructor: "c", text: "t" })).body).toEqual({ affected: 1 });
      expect((await on.call("root", "/data/select/loose?constructor=c&_ops=constructor,eq&_scan=1")).body["count"]).toBe(1);
    });
  });

  describe("what admins set in a row outlives its owner's writes", () => {
    beforeEach(async () => {
      await on.call("root", "/data/del/graded?id=k");
      await send("bob", "put", "graded", { id: "k", text: "first" });
    });
    const graded = async (): Promise<object> => (await on.call("root", "/data/get/graded?id=k")).body;

    it("put keeps it, columns that only updates write included", async () => {
      await send("root", "update", "graded", { id: "k", grade: "A", flags: ["x"], state: "seen", banned: true });
      const reply = await on.call("bob", "/data/put/graded?_returning=new", { json: { id: "k", text: "second" } });
      expect(reply.body["row"]).toEqual({ id: "k", owner: on.ids["bob"], text: "second", tags: null });
      expect(await graded()).toMatchObject({ text: "second", grade: "A", flags: ["x"], state: "seen", banned: true });
    });

    it.each([
      ["a column without a default", { grade: "A" }],
      ["a set", { flags: ["x"] }],
      ["a column that has another value than its default", { state: "seen" }],
      ["a column that only updates write", { banned: true }],
    ])("del does not forget it: %s", async (_what, set) => {
      expect((await send("root", "update", "graded", { id: "k", ...set })).body).toEqual({ affected: 1 });
      const before = await graded();
      const reply = await send("bob", "del", "graded", { id: "k" });
      expect([reply.status, reply.body["code"]]).toEqual([403, "denied"]);
      const items = { atomic: true, items: [{ op: "del", table: "graded", key: { id: "k" } }] };
      expect((await on.call("bob", "/data/batch", { json: items })).status).toBe(403);
      expect(await graded()).toEqual(before);
      expect((await send("root", "del", "graded", { id: "k" })).body).toEqual({ affected: 1 });
    });

    it("a row in which none has set anything is its owner's to delete", async () => {
      const reply = await on.call("bob", "/data/del/graded?id=k&_returning=old");
      expect(reply.body).toMatchObject({ affected: 1, row: { text: "first" } });
    });
  });

  describe("where rows of others are not seen, no answer tells whether there are any", () => {
    beforeAll(async () => {
      await send("bob", "put", "hidden_rows", { id: "taken", text: "bob's", n: 1 });
    });

    it.each([
      ["update", "/data/update/hidden_rows?id=KEY&text=x"],
      ["update that must match", "/data/update/hidden_rows?id=KEY&text=x&_mustMatch=1"],
      ["update with a condition", '/data/update/hidden_rows?id=KEY&text=x&_mustMatch=1&_where={"n":1}'],
      ["incr that must match", "/data/incr/hidden_rows?id=KEY&n=1&_mustMatch=1"],
      ["del", "/data/del/hidden_rows?id=KEY"],
      ["del that must match", "/data/del/hidden_rows?id=KEY&_mustMatch=1"],
      ["get", "/data/get/hidden_rows?id=KEY"],
      ["list", "/data/list/hidden_rows?_keys=KEY"],
      ["count", "/data/count/hidden_rows?id=KEY"],
      ["batch", "/data/batch"],
    ])("%s", async (name, path) => {
      const item = (id: string): object => ({ op: "update", table: "hidden_rows", row: { id, text: "x" }, _mustMatch: true });
      const ask = async (id: string): Promise<unknown> => {
        const reply = await on.call("eve", path.replace("KEY", id), name === "batch" ? { json: [item(id)] } : {});
        return [reply.status, reply.text];
      };
      expect(await ask("taken")).toEqual(await ask("nobody"));
      expect((await on.call("root", "/data/get/hidden_rows?id=taken")).body).toMatchObject({ text: "bob's", n: 1 });
    });

    it.each(["add", "put", "incr", "update"])("%s, which would make the row, says alone that the key is taken", async (call) => {
      const reply = await on.call("eve", `/data/${call}/hidden_rows?id=taken&n=1${call === "update" ? "&_upsert=1" : ""}`);
      expect([reply.status, reply.body["code"]]).toEqual([409, "already-exists"]);
      expect((await on.call("root", "/data/get/hidden_rows?id=taken")).body).toMatchObject({ owner: on.ids["bob"], text: "bob's", n: 1 });
    });
  });

  describe("secure columns are told by no failure", () => {
    beforeAll(async () => {
      await send("bob", "put", "secrets", { id: "s", word: "swordfish", hits: 5 });
      await send("root", "update", "secrets", { id: "s", token: "t1" });
    });

    it("whose values must be unique are set by admins alone", async () => {
      for (const json of [
        { id: "e", token: "t1" },
        { id: "e", token: "t2" },
      ]) {
        const reply = await send("eve", "add", "secrets", json);
        expect([reply.status, reply.body["field"]]).toEqual([403, "token"]);
      }
      // A put of the owner leaves it there: an admin's row with the same value conflicts.
      await send("bob", "put", "secrets", { id: "s", word: "other" });
      expect((await send("root", "add", "secrets", { id: "e", token: "t1" })).status).toBe(409);
    });

    it.each([
      ["/data/incr/secrets?id=s&hits=9007199254740991"],
      ["/data/incr/secrets?id=s&hits=1"],
      ["/data/update/secrets?id=s&hits=1&_ops=hits,incr"],
      ["/data/update/secrets?id=s&word=x&_ops=word,append"],
    ])("are not added to (%s)", async (path) => {
      for (const login of ["bob", "root"]) {
        const reply = await on.call(login, path);
        expect([login, reply.status, reply.body["code"]]).toEqual([login, 403, "denied"]);
      }
    });
  });

  it("a key column for admins is named by admins alone", async () => {
    await send("root", "put", "ranked", { rank: "1", text: "first" });
    expect((await on.call("bob", "/data/get/ranked?rank=1")).status).toBe(403);
    expect((await on.call("bob", "/data/list/ranked?_keys=1")).status).toBe(403);
    expect((await on.call("bob", '/data/list/ranked?_keys=[{"rank":"1"}]')).status).toBe(403);
    expect((await on.call("bob", "/data/del/ranked_diary?rank=1")).status).toBe(403);
    expect((await on.call("root", "/data/get/ranked?rank=1")).body).toMatchObject({ text: "first" });
    expect((await on.call("bob", "/data/select/ranked")).body["data"]).toEqual([{ text: "first" }]);
  });
});
