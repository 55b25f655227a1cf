// What is said to clients: their own words and the field at fault, headers that keep replies from being kept or misread.
import { connect } from "node:net";

import { signRequest } from "@bk/auth";
import { defineTables, table } from "@bk/db";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type CallOptions, inProcessWords, startServer, type TestServer } from "./start-server.js";

const tables = defineTables({
  todo: table(
    {
      id: { primary: 1, pub: true },
      owner: {},
      due: { type: "timestamp", pub: true },
      day: { type: "date", pub: true },
      stars: { type: "int", min: 0, max: 5, pub: true },
      big: { type: "int64", pub: true },
      raw: { type: "blob", pub: true },
      state: { values: ["open", "done"], pub: true },
      mail: { unique: 1 },
      title: { notEmpty: true, value: "untitled", pub: true },
    },
    { owner: "owner", noscan: true },
  ),
  log: { day: { primary: 1, pub: true }, at: { primary: 2, type: "int", pub: true } },
});

let on: TestServer;
beforeAll(async () => {
  on = await startServer({ db: "sqlite::memory:", tables });
  await on.call("root", "/data/put/todo", { json: { id: "a", mail: "a@b.c" } });
});
afterAll(() => on.server.close());

interface Wrong {
  readonly path: string;
  readonly options?: CallOptions;
  readonly status?: number;
  readonly field: string | undefined;
}

const json = (value: object): CallOptions => ({ json: value });

const wrong: readonly Wrong[] = [
  { path: "/data/put/todo", options: json({ id: "x", stars: 9 }), field: "stars" },
  { path: "/data/put/todo", options: json({ id: "x", stars: "1" }), field: "stars" },
  { path: "/data/put/todo", options: json({ id: "x", state: "lost" }), field: "state" },
  { path: "/data/put/todo", options: json({ id: "x", title: "" }), field: "title" },
  { path: "/data/put/todo", options: json({ id: "x", nope: 1 }), field: "nope" },
  { path: "/data/put/todo", options: json({ stars: 1 }), field: "id" },
  { path: "/data/put/todo", options: json({ id: "x".repeat(256) }), status: 413, field: "id" },
  { path: "/data/put/todo", options: json({ id: "x", big: "9".repeat(30) }), field: "big" },
  { path: "/data/put/todo", options: json({ id: "x", big: 1.5 }), field: "big" },
  { path: "/data/put/todo", options: json({ id: "x", raw: 1 }), field: "raw" },
  { path: "/data/put/todo", options: json({ id: "x", raw: "%" }), field: "raw" },
  { path: "/data/put/todo?id=x&stars=many", field: "stars" },
  { path: "/data/put/todo?id=x&stars=1&stars=2", field: "stars" },
  { path: "/data/put/todo?id=x&_returning=both", field: "_returning" },
  { path: "/data/put/todo?id=x&_nope=1", field: "_nope" },
  { path: "/data/update/todo?id=a&stars=1&_ops=state,incr", field: "state" },
  { path: "/data/update/todo?id=a&state=x&_ops=state,incr", field: "state" },
  { path: "/data/update/todo?id=a&state=x&_ops=state,fly", field: "_ops" },
  { path: "/data/incr/todo", options: json({ id: "a", stars: 99 }), field: "stars" },
  { path: "/data/get/todo?id=a&stars=1", field: "stars" },
  { path: "/data/del/todo?id=a&stars=1", field: "stars" },
  { path: "/data/get/log?day=x", field: "at" },
  { path: "/data/list/log?_keys=a", field: "_keys" },
  { path: '/data/list/log?_keys=[{"day":"x","at":"y"}]', field: "at" },
  { path: "/data/select/todo?id=a&stars_$gt=x", field: "stars_$gt" },
  { path: "/data/select/todo?id=a&stars_$near=1", field: "stars_$near" },
  { path: "/data/select/todo?id=a&stars_$like=1", field: "stars" },
  { path: "/data/select/todo?id=a&_sort=nope", field: "nope" },
  { path: "/data/select/todo?id=a&_select=nope", field: "nope" },
  { path: "/data/select/todo?id=a&_count=0", field: "_count" },
  { path: "/data/select/todo?id=a&_start=abc", field: "_start" },
  { path: "/data/select/todo?stars=1", field: undefined },
  { path: "/data/search/todo?_q=a", field: undefined },
  { path: "/data/search/todo", field: "_q" },
  { path: "/data/batch", options: json([{ op: "put", table: "todo", row: {}, _count: 1 }]), field: "_count" },
  { path: "/data/batch", options: json([{ op: "fly", table: "todo", row: {} }]), field: "items[0]" },
  { path: "/data/add/todo?id=a", status: 409, field: undefined },
  { path: "/data/update/todo?id=none&stars=1&_mustMatch=1", status: 404, field: undefined },
  { path: '/data/update/todo?id=a&stars=1&_mustMatch=1&_where={"stars":5}', status: 409, field: undefined },
];

describe("an error", () => {
  it.each(wrong)("names the field, and neither the engine nor what is in process: $path $options.json ($field)", async (given) => {
    const { path, options, status = 400, field } = given;
    const { body } = await on.call("root", path, options);
    expect(body).toMatchObject({ status, code: expect.any(String), message: expect.not.stringMatching(inProcessWords) });
    expect([path, body["field"]]).toEqual([path, field]);
  });

  it("of an item of a batch names its field", async () => {
    const items = [{ op: "put", table: "todo", row: { id: "x", stars: 9 } }];
    expect((await on.call("root", "/data/batch", { json: items })).body["data"]).toEqual([
      { status: 400, code: "invalid", message: expect.stringContaining("stars"), field: "stars" },
    ]);
  });

  it("of a value that must be unique says nothing of the engine", async () => {
    const { body } = await on.call("root", "/data/add/todo", { json: { id: "b", mail: "a@b.c" } });
    expect(body).toMatchObject({ status: 409, code: "already-exists", message: expect.not.stringMatching(inProcessWords) });
  });
});

describe("times", () => {
  it.each(["due", "day"])("%s: a number is not one, in JSON and in text", async (name) => {
    for (const value of [
      1234,
      0,
      -1,
      1.5,
      true,
      "1234",
      "0",
      "2024",
      "20240531",
      "2024-02-30",
      "2023-02-29T00:00:00Z",
      "2024-05-31T25:00:00Z",
      {},
      [],
    ]) {
      const { body } = await on.call("root", "/data/put/todo", { json: { id: "t", [name]: value } });
      expect([value, body["status"], body["field"]]).toEqual([value, 400, name]);
      expect([value, (await on.call("root", "/data/select/todo", { json: { id: "t", [name]: { $gt: value } } })).status]).toEqual([
        value,
        400,
      ]);
    }
    for (const text of ["1234", "2024", ""]) {
      expect((await on.call("root", `/data/put/todo?id=t&${name}=${text}`)).body).toMatchObject({ status: 400, field: name });
      expect((await on.call("root", `/data/select/todo?id=t&${name}_$gt=${text}`)).status).toBe(400);
    }
    expect((await on.call("root", "/data/get/todo?id=t")).status).toBe(404);
  });

  it("are ISO texts", async () => {
    for (const [text, stored] of [
      ["2024-02-29", "2024-02-29T00:00:00.000Z"],
      ["2024-05-31T12:00:00Z", "2024-05-31T12:00:00.000Z"],
      ["2024-05-31T12:00+02:00", "2024-05-31T10:00:00.000Z"],
      ["2024-05-31T12:00:00.123456Z", "2024-05-31T12:00:00.123Z"],
    ]) {
      expect((await on.call("root", "/data/put/todo", { json: { id: "t", due: text } })).body).toEqual({ affected: 1 });
      expect((await on.call("root", "/data/get/todo?id=t")).body["due"]).toBe(stored);
      expect((await on.call("root", `/data/put/todo?id=t&due=${encodeURIComponent(text!)}`)).body).toEqual({ affected: 1 });
    }
    await on.call("root", "/data/del/todo?id=t");
  });
});

describe("every reply says that it is not to be kept nor taken for another type", () => {
  let url: string;
  beforeAll(async () => {
    ({ url } = await on.server.listen({ port: 0 }));
  });

  const check = (headers: Headers): void => {
    expect([headers.get("cache-control"), headers.get("x-content-type-options")]).toEqual(["no-store", "nosniff"]);
    expect(headers.get("content-type")).toMatch(/^application\/json/);
  };

  it.each([
    ["GET", "/ping", 200],
    ["POST", "/ping", 200],
    ["GET", "/openapi.json", 200],
    ["GET", "/data/openapi.json", 200],
    ["GET", "/auth", 200],
    ["GET", "/data/columns", 200],
    ["GET", "/data/get/todo?id=a", 200],
    ["GET", "/data/get/todo?id=none", 404],
    ["GET", "/data/select/todo?id=a", 200],
    ["GET", "/data/list/todo?_keys=a", 200],
    ["POST", "/data/batch", 400],
    ["GET", "/data/select/todo?id=a&_count=0", 400],
    ["GET", "/nothing", 404],
    ["GET", "/data//get", 400],
    ["OPTIONS", "/data/get/todo", 405],
  ])("%s %s (%i)", async (method, path, status) => {
    const headers = await signRequest({ method, url: url + path, login: "root", secret: "secret of root" });
    const reply = await fetch(url + path, { method, headers });
    expect([reply.status, path]).toEqual([status, path]);
    check(reply.headers);
    await reply.arrayBuffer();
  });

  it("without a signature", async () => {
    const reply = await fetch(`${url}/data/get/todo?id=a`);
    expect(reply.status).toBe(401);
    check(reply.headers);
    await reply.arrayBuffer();
  });

  it("to bytes that are no request", async () => {
    const { port } = new URL(url);
    const text = await new Promise<string>((resolve, reject) => {
      let read = "";
      const socket = connect(Number(port), "127.0.0.1", () => socket.write("no request\r\n\r\n"));
      socket.on("data", (chunk) => (read += chunk.toString()));
      socket.on("end", () => resolve(read));
      socket.on("error", reject);
    });
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text.toLowerCase()).toContain("\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n");
  });
});

it("a server that ends says so to whoever asks whether it is ready, and not that something is wrong", async () => {
  await using ending = await startServer({ tables: {} });
  ending.server.unready();
  const reply = await ending.server.app.fetch(new Request("http://localhost/health/ready"));
  expect([reply.status, await reply.json()]).toEqual([503, { status: 503, message: "the server is ending", code: "unavailable" }]);
});
