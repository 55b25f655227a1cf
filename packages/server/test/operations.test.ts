// What operates a server: used signatures, its log, other origins, its key, the page at its door.
import { addAccount, signRequest } from "@bk/auth";
import { consoleLog, type Log } from "@bk/core";
import { openDb } from "@bk/db";
import { system } from "@bk/modules/system";
import { describe, expect, it } from "vitest";

import { createServer } from "../src/index.js";
import { temporaryFolder } from "./run-cli.js";
import { masterKey, origin, replyOf, startServer, tables } from "./start-server.js";

async function signedPost(path: string, body: string, login = "root"): Promise<Request> {
  const url = origin + path;
  const headers = await signRequest({ method: "POST", url, body, login, secret: `secret of ${login}` });
  return new Request(url, { method: "POST", headers: { host: "bk.test", ...headers }, body });
}

const city = (people: unknown): string => JSON.stringify({ country: "IT", name: "Rome", people });

describe("used signatures", () => {
  it.each([
    ["an unknown table", "/data/put/nowhere", city(1), 404],
    ["an unknown call", "/data/putt/city", city(1), 404],
    ["a path that is not served", "/data/put/city/more", city(1), 404],
    ["a value of another type", "/data/put/city", city("many"), 400],
    ["a table of others", "/data/put/city", city(1), 403],
    ["a row that exists", "/data/add/city", city(1), 409],
  ])("are not used up by a call that was refused: %s", async (_name, path, body, status) => {
    await using on = await startServer();
    expect((await on.call("root", "/data/put/city", { json: { country: "IT", name: "Rome" } })).status).toBe(200);
    const request = await signedPost(path, body, status === 403 ? "eve" : "root");
    for (const _again of [1, 2]) expect((await on.server.app.fetch(request.clone())).status).toBe(status);
  });

  it("are used up by a call that did something, and by one that found nothing to do", async () => {
    await using on = await startServer();
    for (const path of ["/data/put/city", "/data/update/city"]) {
      const request = await signedPost(path, JSON.stringify({ country: "IT", name: "Rome", people: 2 }));
      const statuses = [await on.server.app.fetch(request.clone()), await on.server.app.fetch(request.clone())].map(
        (reply) => reply.status,
      );
      expect(statuses).toEqual([200, 401]);
    }
  });

  it("are remembered when the server starts again, and by others on its database", async () => {
    using folder = temporaryFolder();
    const db = `sqlite:${folder.file("app.db")}`;
    const request = await signedPost("/data/incr/city", JSON.stringify({ country: "IT", name: "Rome", people: 1 }));
    {
      await using on = await startServer({ db });
      expect((await on.server.app.fetch(request.clone())).status).toBe(200);
    }
    const again = await createServer({ db, tables, masterKey });
    const other = await createServer({ db, tables, masterKey });
    try {
      for (const server of [again, other])
        expect(await replyOf(await server.app.fetch(request.clone()))).toMatchObject({ status: 401, body: { code: "REPLAYED" } });
      expect(await again.db.get("city" as never, { country: "IT", name: "Rome" } as never)).toMatchObject({ people: 1 });
    } finally {
      await again.close();
      await other.close();
    }
  });

  it("are kept by the process, which says so, where a database was given that has no table for them", async () => {
    const { log, logged } = listening();
    await using db = await openDb({ url: "memory:", tables });
    const accounts = { findByLogin: async () => ({ id: "u1", login: "root", secret: "secret of root", type: "admin" }) };
    const server = await createServer({ db: db as never, tables, accounts, log });
    expect(logged.join("\n")).toContain("remembered by this process alone");
    const request = await signedPost("/data/put/city", city(1));
    expect((await server.app.fetch(request.clone())).status).toBe(200);
    expect((await server.app.fetch(request.clone())).status).toBe(401);
  });
});

function listening(): { log: Log; logged: string[] } {
  const logged: string[] = [];
  return { log: consoleLog({ write: (line) => logged.push(line) }), logged };
}

/** The lines of requests, without those of database calls. */
const requestLines = ({ logged }: { readonly logged: readonly string[] }): string[] => logged.filter((line) => /^(GET|POST) \//.test(line));

describe("the log", () => {
  it("has nothing of a caller's that is not printable, and no more than 300 characters of a path", async () => {
    await using on = await startServer();
    const hostile = "\u001b\u0007\u0085\u2028\u202e";
    await on.server.app.fetch(new Request(`${origin}/data/get/${hostile}${"x".repeat(12_000)}`, { headers: { host: "bk.test" } }));
    await on.server.app.fetch(
      new Request(`${origin}/data/get/city`, {
        headers: { host: "bk.test", "bk-signature": latin1(`4||bob${"\u202e"}|AAAA|9999999999999|x|`) },
      }),
    );
    const lines = requestLines(on);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain("characters)");
    for (const line of lines) {
      expect(line).toMatch(/^[\x20-\x7e…]+$/);
      expect(line.length).toBeLessThan(600);
    }
  });

  it("and the reply name a request by one id, which no other request has", async () => {
    await using on = await startServer();
    const replies = [
      await on.call("bob", "/auth"),
      await on.call("bob", "/data/get/nowhere"),
      await on.call("bob", "/auth", { signed: false }),
    ];
    const ids = replies.map(({ headers }) => headers.get("x-request-id"));
    expect(new Set(ids).size).toBe(3);
    ids.forEach((id, i) => expect(requestLines(on)[i]).toContain(`"id":"${id}"`));
  });

  it.each([
    ["a wrong secret", { login: "bob", secret: "guess" }, "bob", "another secret, or the request is not the one that was signed"],
    ["a signature that has ended", { login: "bob", secret: "secret of bob", expires: new Date(1) }, "bob", "Expired"],
  ])("says which login was refused and why, and the client learns no more than before: %s", async (_name, sign, login, why) => {
    await using on = await startServer();
    const reply = await on.call("bob", "/auth", sign);
    expect(reply.status).toBe(401);
    const [line] = requestLines(on);
    expect(line).toContain(`"claims":"${login}"`);
    expect(line).toContain(why);
    expect(Object.keys(reply.body).sort()).toEqual(["code", "message", "status"]);
    expect(reply.text).not.toContain("no account");
  });

  it("has no login that no account has, however it is sent: it may be a password", async () => {
    const typed = "my dear passw0rd";
    await using on = await startServer({
      cache: "local:",
      limits: { maxAttempts: 3 },
      rateLimits: [{ by: "login", rate: 100 }],
      modules: [system()],
    });
    const signed = (path: string, expires?: Date) =>
      on.call("bob", path, { login: typed, secret: "s", ...(expires === undefined ? {} : { expires }) });
    const logIn = () =>
      on.server.app.fetch(
        new Request(`${origin}/login`, {
          method: "POST",
          headers: { host: "bk.test", "content-type": "application/json" },
          body: JSON.stringify({ login: typed, secret: "s" }),
        }),
      );
    const statuses = [await signed("/auth"), await signed("/auth", new Date(1)), await signed("/data/get/city"), await logIn()].map(
      ({ status }) => status,
    );
    expect(statuses).toEqual([401, 401, 401, 401]);
    for (const _again of [1, 2]) await logIn();
    expect((await logIn()).status).toBe(429);
    expect(on.logged.join("\n")).not.toContain("passw0rd");
    expect(on.logged.join("\n")).toContain("there is no account with this login");
    expect((await on.call("root", "/system/stats/get")).text).not.toContain("passw0rd");
  });
});

function latin1(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

describe("another master key than the accounts'", () => {
  it("is said at start in one line, and is the server's fault to callers", async () => {
    using folder = temporaryFolder();
    const db = `sqlite:${folder.file("app.db")}`;
    await (await startServer({ db })).server.close();
    const { log, logged } = listening();
    const server = await createServer({ db, tables, masterKey: "quite another key, also long enough", log });
    try {
      expect(logged.filter((line) => line.includes("the master key is not the one that the accounts were made with"))).toHaveLength(1);
      const reply = await replyOf(await server.app.fetch(await signedPost("/data/put/city", city(1))));
      expect(reply).toMatchObject({ status: 500, body: { code: "internal" } });
      const added = { login: "new", secret: "secret of new" };
      await addAccount(server.db, added, { masterKey: "quite another key, also long enough" });
      expect((await server.app.fetch(await signedPost("/data/get/city?country=IT&name=Rome", "{}", "new"))).status).toBe(404);
    } finally {
      await server.close();
    }
  });

  it("is not said where the key fits", async () => {
    await using on = await startServer();
    expect(on.logged.join("\n")).not.toContain("master key");
  });
});

describe("pages of other origins", () => {
  const page = "https://app.example.com";
  const preflight = (path: string, from = page): Request =>
    new Request(origin + path, {
      method: "OPTIONS",
      headers: {
        host: "bk.test",
        origin: from,
        "access-control-request-method": "PUT",
        "access-control-request-headers": "bk-signature,x-app",
      },
    });

  it("may not call unless origins are set", async () => {
    await using on = await startServer();
    expect((await on.server.app.fetch(preflight("/data/put/city"))).status).toBe(405);
    const reply = await on.call("bob", "/auth", { headers: { origin: page } });
    expect([reply.status, reply.headers.get("access-control-allow-origin")]).toEqual([200, null]);
  });

  it("may call when theirs is set, see errors and the request's id too; others may not", async () => {
    await using on = await startServer({ cors: { origins: [page], credentials: true, headers: ["x-app"] } });
    const allowed = await on.server.app.fetch(preflight("/data/put/city"));
    expect([
      allowed.status,
      allowed.headers.get("access-control-allow-origin"),
      allowed.headers.get("access-control-allow-credentials"),
    ]).toEqual([204, page, "true"]);
    expect(allowed.headers.get("access-control-allow-headers")).toMatch(/bk-signature.*x-app/);
    expect(allowed.headers.get("access-control-allow-methods")).toContain("PUT");
    for (const [login, path, status] of [
      ["bob", "/auth", 200],
      ["bob", "/data/get/nowhere", 404],
      ["bob", "/ping", 200],
    ] as const) {
      const reply = await on.call(login, path, { headers: { origin: page } });
      expect([reply.status, reply.headers.get("access-control-allow-origin")]).toEqual([status, page]);
      expect(reply.headers.get("access-control-expose-headers")).toContain("x-request-id");
      const stranger = await on.call(login, path, { headers: { origin: "https://evil.example.com" } });
      expect(stranger.headers.get("access-control-allow-origin")).toBe(null);
    }
    const refused = await on.server.app.fetch(preflight("/data/put/city", "https://evil.example.com"));
    expect(refused.headers.get("access-control-allow-origin")).toBe(null);
  });

  it("may all call with *, without credentials", async () => {
    await using on = await startServer({ cors: { origins: "*" } });
    const reply = await on.call("bob", "/auth", { headers: { origin: page } });
    expect([reply.headers.get("access-control-allow-origin"), reply.headers.get("access-control-allow-credentials")]).toEqual(["*", null]);
  });

  it.each([
    [{ origins: "*", credentials: true }],
    [{ origins: ["app.example.com"] }],
    [{ origins: ["https://a.example/path"] }],
    [{ origins: [page], headers: ["a b"] }],
  ])("options that make no sense are refused: %j", async (cors) => {
    await expect(startServer({ cors: cors as never })).rejects.toMatchObject({ code: "invalid", detail: { field: "cors" } });
  });
});

describe("the page at /", () => {
  it("links what there is, names no table, and loads nothing", async () => {
    await using on = await startServer();
    const reply = await on.call("bob", "/", { signed: false });
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    for (const [, path] of reply.text.matchAll(/href="([^"]+)"/g))
      expect((await on.call("bob", path!, { signed: false })).status).toBe(200);
    expect(reply.text).toContain("/data/columns");
    expect(reply.text).not.toMatch(/<script|src=|city|diary/);
  });
});
