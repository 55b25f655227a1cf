// Hooks of the app and of modules, over HTTP and within: what they may do, and what they may not.

import { signRequest } from "@bk/auth";
import { BkError } from "@bk/core";
import { type AccountChange, accounts, type BackendModule, endpoint, type Hook, pico, type Running } from "@bk/modules";
import { describe, expect, it } from "vitest";

import type { ServerOptions } from "../src/index.js";
import { origin, type Reply, startServer, type TestServer } from "./start-server.js";

const start = (hooks: readonly Hook[], options: Partial<ServerOptions> = {}): Promise<TestServer> => startServer({ hooks, ...options });
const unsigned = { signed: false };

/** A module with one endpoint, and what else it is to have. */
function shop(own: Partial<Running> = {}): BackendModule {
  const things = endpoint({
    path: "/shop/things",
    summary: "Things",
    who: "account",
    parameters: { fail: { type: "bool" } },
    reply: { type: "object" },
    async answer({ values }) {
      if (values.fail === true) throw new BkError("condition-failed", "sold out", { detail: { field: "fail" } });
      return { count: 1, data: Object.freeze([Object.freeze({ id: "t1", price: 3 })]), next_token: "" };
    },
  });
  return {
    name: "shop",
    tables: {
      bk_shop: { id: { primary: 1, pub: true }, price: { type: "int", pub: true }, cost: { type: "int" }, code: { secure: true } },
    },
    start: () => ({ name: "shop", endpoints: [things], ...own }),
  };
}

describe("an access check", () => {
  it("lets requests go on without credentials, refuses them, or leaves them to their credentials", async () => {
    const hooks: Hook[] = [
      { on: "accessCheck", path: "/openapi.json", run: () => ({ status: 503, message: "closed for today", code: "CLOSED" }) },
      { on: "accessCheck", path: "/shop", run: ({ headers }) => (headers.get("x-key") === "sesame" ? { status: 200 } : undefined) },
      { on: "accessCheck", path: "/old", run: async () => ({ status: 301, location: "/new" }) },
    ];
    await using on = await start(hooks, { modules: [shop()] });
    const closed = await on.call("bob", "/openapi.json", unsigned);
    expect(closed).toMatchObject({ status: 503, body: { status: 503, message: "closed for today", code: "CLOSED" } });
    expect((await on.call("bob", "/shop/things", unsigned)).status).toBe(401);
    expect((await on.call("bob", "/shop/things")).status).toBe(200);
    // Without an account, what is for accounts stays closed, also to one that signs.
    expect(await on.call("bob", "/shop/things", { headers: { "x-key": "sesame" } })).toMatchObject({ status: 403 });
    expect(await on.call("", "/shop/nothing", { ...unsigned, headers: { "x-key": "sesame" } })).toMatchObject({ status: 404 });
    const moved = await on.call("bob", "/old/page", unsigned);
    expect([moved.status, moved.headers.get("location")]).toEqual([301, "/new"]);
  });

  it("opens nothing that rules close, and no rows that nobody sees", async () => {
    const hooks: Hook[] = [{ on: "accessCheck", path: "/", run: () => ({ status: 200 }) }];
    await using on = await start(hooks, { auth: { rules: { denyPaths: ["/data/*/city"] } } });
    expect((await on.call("", "/data/select/city", unsigned)).status).toBe(403);
    expect((await on.call("", "/data/select/hush", unsigned)).status).toBe(401);
    expect((await on.call("bob", "/auth")).body).toMatchObject({});
  });

  it("is asked in order, the app before modules, and the first that decides is the last that is asked", async () => {
    const asked: string[] = [];
    const hook = (name: string, status?: number): Hook => ({
      on: "accessCheck",
      path: "/data",
      run() {
        asked.push(name);
        return status === undefined ? undefined : { status };
      },
    });
    const modules = [shop({ hooks: [hook("module", 418), { ...hook("module's second"), path: "/" }] })];
    await using on = await start([hook("app"), { ...hook("of GET"), method: "GET" }], { modules });
    expect((await on.call("bob", "/data/select/city")).status).toBe(418);
    expect((await on.call("bob", "/data/select/city", { json: {} })).status).toBe(418);
    expect(asked).toEqual(["app", "of GET", "module", "app", "module"]);
  });
});

describe("the path of a hook", () => {
  it.each([
    ["/data", "/data/get/note", true],
    ["/data", "/database", false],
    ["/data/get", "/data/get", true],
    ["/data/get", "/data/getall/note", false],
    ["/", "/anything/at/all", true],
    [/^\/data\/(get|select)\//, "/data/select/note", true],
    [/^\/data\/(get|select)\//g, "/data/put/note", false],
  ] as const)("%s fits %s: %s", async (path, asked, fits) => {
    await using on = await start([{ on: "accessCheck", path, run: () => ({ status: 418 }) }]);
    // Twice: what is remembered is the same.
    for (let i = 0; i < 2; i++) expect((await on.call("bob", asked)).status === 418).toBe(fits);
  });

  it("fits escaped forms of it, as the router does", async () => {
    await using on = await start([{ on: "accessCheck", path: "/data/select/city", run: () => ({ status: 418 }) }]);
    expect((await on.call("bob", "/data/select/c%69ty")).status).toBe(418);
  });

  it("never fits /ping", async () => {
    await using on = await start([{ on: "accessCheck", path: "/", run: () => ({ status: 418 }) }]);
    for (const method of ["GET", "POST"]) expect((await on.call("", "/ping", { ...unsigned, method })).status).toBe(200);
  });
});

describe("a hook after credentials", () => {
  it("is told what was found, and may put something in its place", async () => {
    const told: unknown[] = [];
    const hooks: Hook[] = [
      {
        on: "preProcess",
        path: "/shop",
        run(request, verdict) {
          told.push(verdict.ok ? [verdict.caller.login, verdict.source] : [verdict.status, verdict.code]);
          if (request.headers.get("x-lazy") !== null) return { status: 302, location: "/login.html" };
          return verdict.ok && verdict.caller.login === "eve" ? { status: 402, message: "pay first", code: "UNPAID" } : undefined;
        },
      },
      { on: "preProcess", path: "/data/select/city", run: () => ({ status: 200 }) },
    ];
    await using on = await start(hooks, { modules: [shop()] });
    expect((await on.call("bob", "/shop/things")).status).toBe(200);
    expect(await on.call("eve", "/shop/things")).toMatchObject({ status: 402, body: { code: "UNPAID", message: "pay first" } });
    expect((await on.call("bob", "/shop/things", unsigned)).status).toBe(401);
    expect((await on.call("bob", "/shop/things", { secret: "wrong" })).status).toBe(401);
    expect((await on.call("bob", "/shop/things", { ...unsigned, headers: { "x-lazy": "1" } })).status).toBe(302);
    expect(told).toEqual([
      ["bob", "header"],
      ["eve", "header"],
      [401, "NOLOGIN"],
      [401, "NOAUTH"],
      [401, "NOLOGIN"],
    ]);
    // Success in place of a failure is nobody; who was let in stays.
    expect((await on.call("bob", "/data/select/city", unsigned)).status).toBe(401);
    expect((await on.call("bob", "/data/select/city")).status).toBe(200);
  });

  it("that refuses leaves the signature for another attempt", async () => {
    let closed = true;
    const hooks: Hook[] = [
      {
        on: "preProcess",
        path: "/data/add",
        run() {
          if (closed) throw new BkError("unavailable", "not now");
          return undefined;
        },
      },
      { on: "preProcess", path: "/data/add", method: "POST", run: () => (closed ? { status: 503 } : undefined) },
    ];
    for (const own of [hooks.slice(0, 1), hooks.slice(1)]) {
      closed = true;
      await using on = await start(own);
      const body = JSON.stringify({ id: "n1", text: "a" });
      const url = `${origin}/data/add/note`;
      const headers = { host: "bk.test", ...(await signRequest({ method: "POST", url, body, login: "bob", secret: "secret of bob" })) };
      const send = (): Promise<Response> | Response => on.server.app.fetch(new Request(url, { method: "POST", headers, body }));
      expect((await send()).status).toBe(503);
      closed = false;
      expect((await send()).status).toBe(200);
      // Now it is used.
      expect((await send()).status).toBe(401);
    }
  });
});

describe("a hook for rows", () => {
  const age: Hook = {
    on: "postProcess",
    path: "/data",
    run(_request, rows, { login }) {
      for (const row of rows) Object.assign(row, { seen_by: login, text: `${String(row["text"])}!` });
    },
  };

  it("changes the rows of every read, in every form, and those that writes give back", async () => {
    await using on = await start([age]);
    const put = await on.call("bob", "/data/put/note", { json: { id: "n1", text: "a", _returning: "new" } });
    expect(put.body["row"]).toMatchObject({ id: "n1", text: "a!", seen_by: "bob" });
    const more = { text: "a!", seen_by: "bob" };
    expect((await on.call("bob", "/data/get/note?id=n1")).body).toMatchObject(more);
    for (const path of ["/data/select/note", '/data/list/note?_keys=[{"id":"n1"}]'])
      expect((await on.call("bob", path)).body["data"]).toMatchObject([more]);
    expect((await on.call("bob", "/data/select/note?_format=ndjson")).text).toContain('"seen_by":"bob"');
    expect((await on.call("bob", "/data/select/note?_format=csv&_select=text")).text).toContain("a!");
    // What is stored is as it was, and what is no row is left alone.
    expect((await on.call("bob", "/data/count/note?text=a")).body).toEqual({ count: 1 });
    expect((await on.call("bob", "/data/aggregate/note?_by=text")).body["data"]).toEqual([{ by: { text: "a" }, count: 1 }]);
  });

  it("has the items of a batch by their own paths, behind the commit, and not in references between them", async () => {
    const paths: string[] = [];
    const hooks: Hook[] = [
      age,
      { on: "postProcess", path: "/data/put/note", run: ({ path }, rows) => void paths.push(`${path} ${rows.length}`) },
    ];
    await using on = await start(hooks);
    const items = [
      { op: "put", table: "note", row: { id: "a", text: "x" }, _returning: "new" },
      { op: "put", table: "note", row: { id: "b", text: { $ref: "0.text" } }, _returning: "new" },
    ];
    const { body } = await on.call("bob", "/data/batch", { json: { items, atomic: true } });
    expect(body["data"]).toMatchObject([{ row: { text: "x!" } }, { row: { id: "b", text: "x!", seen_by: "bob" } }]);
    expect((await on.call("bob", "/data/count/note?text=x")).body).toEqual({ count: 2 });
    expect(paths).toEqual(["/data/put/note 2"]);
  });

  it("brings nothing back that the caller may not see", async () => {
    const hooks: Hook[] = [
      {
        on: "postProcess",
        path: "/data/get/note",
        run(_request, rows) {
          for (const row of rows)
            Object.assign(row, {
              secret_word: "s1",
              token_secret: "s2",
              rank: 7,
              private_text: "p",
              mine: 1,
              more: [{ deep: { secret_word: "s3" } }],
            });
        },
      },
    ];
    await using on = await start(hooks);
    await on.call("bob", "/data/put/note", { json: { id: "n1", text: "a", private_text: "own" } });
    const seen = { text: "a", mine: 1, more: [{ deep: {} }] };
    // Of the own row the private text is seen, and so may be changed; of another one's it is not.
    const own = (await on.call("bob", "/data/get/note?id=n1")).body;
    expect(own).toMatchObject({ ...seen, private_text: "p" });
    const others = (await on.call("eve", "/data/get/note?id=n1")).body;
    expect(others).toMatchObject(seen);
    const admins = (await on.call("root", "/data/get/note?id=n1")).body;
    expect(admins).toMatchObject({ ...seen, rank: 7, private_text: "p" });
    for (const body of [own, others, admins]) expect(JSON.stringify(body)).not.toMatch(/s1|s2|s3|secret/);
    expect(own).not.toHaveProperty("rank");
    expect(others).not.toHaveProperty("private_text");
    expect(on.logged.some((line) => line.includes("may not see") && line.includes("secret_word"))).toBe(true);
  });

  it("that fails leaves the work done, and its signature used", async () => {
    const hook: Hook = {
      on: "postProcess",
      path: "/data/incr",
      run() {
        throw new BkError("denied", "not shown");
      },
    };
    await using on = await start([hook]);
    const body = JSON.stringify({ day: 1, mood: 1, _returning: "new" });
    const url = `${origin}/data/incr/diary`;
    const headers = { host: "bk.test", ...(await signRequest({ method: "POST", url, body, login: "bob", secret: "secret of bob" })) };
    const statuses: number[] = [];
    for (let i = 0; i < 2; i++) statuses.push((await on.server.app.fetch(new Request(url, { method: "POST", headers, body }))).status);
    expect(statuses).toEqual([403, 401]);
    expect((await on.call("bob", "/data/get/diary?day=1")).body).toMatchObject({ mood: 1 });
  });

  it("changes the rows of endpoints, which stay as they were for the module", async () => {
    const hook: Hook = {
      on: "postProcess",
      path: "/shop",
      run(_request, rows) {
        for (const row of rows) Object.assign(row, { price: (row["price"] as number) + 1, code: "c", cost: 2, note: "new" });
      },
    };
    await using on = await start([hook], { modules: [shop(), pico()] });
    const expected = { count: 1, data: [{ id: "t1", price: 4, note: "new" }], next_token: "" };
    for (let i = 0; i < 2; i++) expect((await on.call("bob", "/shop/things")).body).toEqual(expected);
    expect((await on.call("root", "/shop/things")).body["data"]).toEqual([{ id: "t1", price: 4, note: "new", cost: 2 }]);
    // An order of pico is as a request.
    expect((await on.call("bob", "/pull", { json: [{ api: "/shop/things", reqId: 1 }] })).text).toContain('"price":4,"note":"new"');
  });
});

describe("requests within requests", () => {
  it("are asked about as if they came by themselves", async () => {
    const paths: string[] = [];
    const refuse = (on: "accessCheck" | "preProcess", path: string): Hook => ({
      on,
      path,
      run(request: { readonly path: string }) {
        paths.push(request.path);
        return { status: 423, message: "locked", code: "LOCKED" };
      },
    });
    await using on = await start([refuse("accessCheck", "/data/del/note"), refuse("preProcess", "/shop")], {
      modules: [shop(), pico({ refusalMs: 0 })],
    });
    await on.call("bob", "/data/put/note", { json: { id: "n1" } });
    const items = [
      { op: "put", table: "note", row: { id: "n2" } },
      { op: "del", table: "note", key: { id: "n1" } },
    ];
    expect(await on.call("bob", "/data/batch", { json: items })).toMatchObject({ status: 423, body: { code: "LOCKED" } });
    expect((await on.call("bob", "/data/count/note")).body).toEqual({ count: 1 });
    expect((await on.call("bob", "/pull", { json: [{ api: "/shop/things", reqId: 1 }] })).text).toContain("locked");
    expect(paths).toEqual(["/data/del/note", "/shop/things"]);
  });
});

describe("a hook for errors", () => {
  it("may say it otherwise and add to it, and changes nothing that programs rely on", async () => {
    const told: unknown[] = [];
    const hooks: Hook[] = [
      {
        on: "sendStatus",
        path: "/",
        run(_request, error) {
          told.push({ ...error });
          Object.assign(error, { status: 200, code: "fine" });
          return {
            message: `Sorry: ${error.message}`,
            fields: { help: "https://example.com/help", status: 200, code: "fine", field: "none" },
          };
        },
      },
      {
        on: "sendStatus",
        path: "/shop",
        run() {
          throw new Error("secret of the hook");
        },
      },
    ];
    await using on = await start(hooks, { modules: [shop()] });
    const sold = await on.call("bob", "/shop/things?fail=1");
    const code = "condition-failed";
    expect(sold.body).toEqual({ status: 409, code, message: "Sorry: sold out", field: "fail", help: "https://example.com/help" });
    expect([sold.status, told[0]]).toEqual([409, { status: 409, code, message: "sold out", field: "fail" }]);
    expect(sold.headers.get("cache-control")).toBe("no-store");
    expect((await on.call("bob", "/nothing")).body).toMatchObject({ status: 404, help: "https://example.com/help" });
    expect((await on.call("bob", "/auth", unsigned)).body).toMatchObject({
      status: 401,
      code: "NOLOGIN",
      help: "https://example.com/help",
    });
    expect(on.logged.some((line) => line.includes("hook sendStatus of /shop/things failed"))).toBe(true);
    expect(on.logged.join("\n")).not.toContain("secret of the hook");
  });
});

describe("a hook behind the reply", () => {
  it("runs when the reply has left, delays nothing and breaks nothing, and the server waits for it at its end", async () => {
    const told: unknown[] = [];
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const hooks: Hook[] = [
      {
        on: "cleanup",
        path: "/",
        run() {
          throw new Error("broken");
        },
      },
      {
        on: "cleanup",
        path: "/data",
        async run({ id, path }, { status, ms, caller }) {
          await held;
          told.push({ id, path, status, ms, login: caller?.login });
        },
      },
    ];
    const on = await start(hooks);
    const { url } = await on.server.listen({ port: 0 });
    const reply = await on.call("bob", "/data/select/city");
    const refused = await fetch(`${url}/data/select/city`);
    expect([reply.status, refused.status, told]).toEqual([200, 401, []]);
    const closed = on.server.close();
    release();
    await closed;
    expect(told).toEqual(
      expect.arrayContaining([
        { id: reply.headers.get("x-request-id"), path: "/data/select/city", status: 200, ms: expect.any(Number), login: "bob" },
        { id: refused.headers.get("x-request-id"), path: "/data/select/city", status: 401, ms: expect.any(Number), login: undefined },
      ]),
    );
    expect(on.logged.filter((line) => line.includes("hook cleanup of /data/select/city failed")).length).toBe(2);
  });
});

describe("a hook that fails", () => {
  const failing = async (
    run: () => never | Promise<never>,
    options: Partial<ServerOptions> = {},
  ): Promise<{ reply: Reply; logged: string }> => {
    await using on = await start([{ on: "accessCheck", path: "/data", run }], options);
    return { reply: await on.call("bob", "/data/select/city"), logged: on.logged.join("\n") };
  };

  it("is a clear 500, with nothing of it in the reply", async () => {
    const { reply, logged } = await failing(() => {
      throw new Error("secret of the hook");
    });
    expect(reply).toMatchObject({ status: 500, body: { code: "internal" } });
    expect(logged).toContain("hook accessCheck of /data/select/city failed");
    expect(reply.text + logged).not.toContain("secret of the hook");
  });

  it("has the status of its BkError", async () => {
    const { reply, logged } = await failing(() =>
      Promise.reject(new BkError("limited", "too much of it", { detail: { retryAfterMs: 2000 } })),
    );
    expect(reply).toMatchObject({ status: 429, body: { code: "limited", message: "too much of it" } });
    expect(reply.headers.get("retry-after")).toBe("2");
    expect(logged).toContain("hook accessCheck of /data/select/city failed");
  });

  it("is given up when it does not settle", async () => {
    const { reply, logged } = await failing(() => new Promise<never>(() => undefined), { limits: { hookTimeoutMs: 20 } });
    expect(reply).toMatchObject({ status: 504, body: { code: "timeout" } });
    expect(logged).toContain("hook accessCheck of /data/select/city failed");
  });

  it.each([{ status: 302 }, { status: 99 }, { status: 200, location: "/" }, {}, "no"])("gives no verdict with %j", async (verdict) => {
    const { reply, logged } = await failing((() => verdict) as never);
    expect(reply.status).toBe(500);
    expect(logged).toContain("gave a verdict that is none");
  });
});

describe("at the start", () => {
  const run = (): undefined => undefined;
  it.each([
    ["an unknown kind", { on: "postprocess", path: "/", run }, "is none of"],
    ["a path without a slash in front", { on: "accessCheck", path: "data", run }, "needs a path"],
    ["a path with a slash behind", { on: "accessCheck", path: "/data/", run }, "needs a path"],
    ["an unknown method", { on: "accessCheck", path: "/", method: "get", run }, "there are GET"],
    ["nothing to run", { on: "accessCheck", path: "/" }, "no function"],
  ])("%s is refused", async (_what, hook, message) => {
    await expect(start([hook as unknown as Hook])).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining(message) });
  });

  it("two hooks of one kind, method and path are refused", async () => {
    const hook: Hook = { on: "accessCheck", path: "/data", run };
    await expect(start([hook, { ...hook }])).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining("given twice") });
  });
});

it("modules are told when accounts are added and changed, and cannot undo it", async () => {
  const told: AccountChange[] = [];
  const listening = shop({
    accountChanged(change) {
      told.push(change);
      throw new Error("a fault");
    },
  });
  await using on = await startServer({ modules: [accounts({ signUp: "open" }), listening] });
  const added = await on.call("", "/account/add", {
    ...unsigned,
    headers: { "content-type": "application/json" },
    json: { login: "ann", secret: "s3cret", name: "Ann" },
  });
  expect(added.status).toBe(200);
  const updated = await on.call("ann", "/account/update", { secret: "s3cret", json: { name: "Anna" } });
  expect(updated).toMatchObject({ status: 200, body: { name: "Anna" } });
  const account = { id: added.body["id"], login: "ann" };
  expect(told).toMatchObject([
    { kind: "added", account: { ...account, name: "Ann" } },
    { kind: "updated", account: { ...account, name: "Anna" } },
  ]);
  expect(JSON.stringify(told)).not.toContain("secret");
  expect(on.logged.filter((line) => line.includes("module shop failed when an account was")).length).toBe(2);
});
