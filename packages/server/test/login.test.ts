// People who log in over HTTP: what comes back, and what must not appear.
import { addAccount, type ResetMail } from "@bk/auth";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { codeOf } from "./one-time-code.js";
import { masterKey, origin, type Reply, replyOf, startServer, type TestServer } from "./start-server.js";

let on: TestServer;
beforeAll(async () => {
  on = await startServer();
  await addAccount(
    on.server.db,
    { login: "ann", secret: "signing key", password: "correct horse", name: "Ann", type: "user" },
    { masterKey },
  );
});
afterAll(() => on.server.close());

const typed = { login: "ann", secret: "correct horse" };

/** Sends a request that nobody signed. */
async function send(path: string, init: RequestInit & { json?: unknown } = {}): Promise<Reply> {
  const { json, headers, ...rest } = init;
  const body = json === undefined ? {} : { method: "POST", body: JSON.stringify(json) };
  const type: Record<string, string> = json === undefined ? {} : { "content-type": "application/json" };
  const request = new Request(origin + path, {
    ...body,
    ...rest,
    headers: { host: "bk.test", ...type, ...(headers as Record<string, string>) },
  });
  return replyOf(await on.server.app.fetch(request));
}

async function logIn(more: object = { _session: 1 }): Promise<{ cookie: string; reply: Reply }> {
  const reply = await send("/login", { json: { ...typed, ...more } });
  return { cookie: (reply.headers.get("set-cookie") ?? "").split(";")[0]!, reply };
}

const post = { method: "POST", headers: { "sec-fetch-site": "same-origin" } };
const withCookie = (cookie: string, headers: Record<string, string> = {}) => ({ headers: { cookie, ...headers } });

describe("/login", () => {
  it("gives the account without secrets, and a session in a cookie when it is asked for", async () => {
    const without = await send("/login", { json: typed });
    expect(without).toMatchObject({ status: 200, body: { login: "ann", name: "Ann", type: "user" } });
    expect(without.headers.get("set-cookie")).toBeNull();
    const { reply, cookie } = await logIn();
    expect(reply.headers.get("set-cookie")).toMatch(
      /^__Host-bk-sid=[A-Za-z0-9_-]{43}; Max-Age=1209600; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
    for (const word of ["correct horse", "signing key", "scrypt", "bks1", "secret", "password", "session_key", cookie.split("=")[1]!])
      expect(reply.text).not.toContain(word);
    expect(await send("/data/select/city", withCookie(cookie))).toMatchObject({ status: 200 });
    expect(reply.headers.get("cache-control")).toBe("no-store");
  });

  it("takes a form too", async () => {
    const body = new URLSearchParams({ ...typed, _session: "1" });
    const reply = await replyOf(
      await on.server.app.fetch(new Request(`${origin}/login`, { method: "POST", body, headers: { host: "bk.test" } })),
    );
    expect(reply).toMatchObject({ status: 200, body: { login: "ann" } });
    expect(reply.headers.get("set-cookie")).toContain("__Host-bk-sid=");
  });

  it("gives an access token with its age", async () => {
    const { reply } = await logIn({ _accesstoken: 1 });
    expect(reply.body).toMatchObject({ "bk-access-token": expect.stringMatching(/^bkt_/), "bk-access-token-age": expect.any(Number) });
    const token = reply.body["bk-access-token"] as string;
    const put = {
      method: "POST",
      body: '{"text":"hi"}',
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    };
    expect(await send("/data/add/note", put)).toMatchObject({ status: 200 });
    expect((await send("/auth", { headers: { "bk-access-token": token } })).body).toMatchObject({ login: "ann" });
  });

  it.each([
    ["GET", `/login?login=ann&secret=correct+horse`, {}, 405, "method-not-allowed"],
    ["a secret in the URL", `/login?secret=x`, { json: { login: "ann" } }, 400, "invalid"],
    ["no secret", "/login", { json: { login: "ann" } }, 401, "NOLOGIN"],
    ["a wrong one", "/login", { json: { login: "ann", secret: "x" } }, 401, "NOAUTH"],
    ["an unknown login", "/login", { json: { login: "nobody", secret: "x" } }, 401, "NOAUTH"],
    ["the signing key of who has a password", "/login", { json: { login: "ann", secret: "signing key" } }, 401, "NOAUTH"],
    ["texts that are none", "/login", { json: { login: { $ne: "" }, secret: ["x"] } }, 400, "invalid"],
    ["columns of the account", "/login", { json: { ...typed, type: "admin" } }, 400, "invalid"],
    ["a flag that is none", "/login", { json: { ...typed, _session: "yes" } }, 400, "invalid"],
    ["a large body", "/login", { json: { ...typed, pad: "x".repeat(5000) } }, 413, "too-large"],
    ["a page of another site", "/login", { json: typed, headers: { "sec-fetch-site": "cross-site" } }, 403, "CSRF"],
    ["an older browser's page of another site", "/login", { json: typed, headers: { origin: "https://evil.org" } }, 403, "CSRF"],
  ])("refuses %s", async (_what, path, init, status, code) => {
    const reply = await send(path, init as RequestInit);
    expect(reply.status).toBe(status);
    expect(reply.body["code"]).toBe(code);
    expect(reply.headers.get("set-cookie")).toBeNull();
    expect(reply.text).not.toContain("correct horse");
  });

  it("answers unknown logins and wrong secrets alike, word for word", async () => {
    const [one, two] = [
      await send("/login", { json: { login: "ann", secret: "x" } }),
      await send("/login", { json: { login: "no", secret: "x" } }),
    ];
    expect(one.text).toBe(two.text);
  });

  it("writes no secret, token or cookie into the log", async () => {
    const { cookie, reply } = await logIn({ _session: 1, _accesstoken: 1 });
    await send("/login", { json: { login: "ann", secret: "a wrong secret" } });
    await send(`/auth?bk-access-token=${String(reply.body["bk-access-token"])}`);
    const log = on.logged.join("\n");
    for (const word of ["correct horse", "a wrong secret", cookie.split("=")[1]!, reply.body["bk-access-token"] as string])
      expect(log).not.toContain(word);
    expect(log).toContain("/login");
  });

  it("is limited: beyond so many wrong secrets it says when to come back", async () => {
    await using few = await startServer({ limits: { maxAttempts: 3 } });
    const guess = async (secret: string): Promise<Reply> =>
      replyOf(
        await few.server.app.fetch(
          new Request(`${origin}/login`, {
            method: "POST",
            headers: { host: "bk.test", "content-type": "application/json" },
            body: JSON.stringify({ login: "bob", secret }),
          }),
        ),
      );
    for (let i = 0; i < 3; i++) expect((await guess(`wrong ${i}`)).status).toBe(401);
    const limited = await guess("secret of bob");
    expect(limited).toMatchObject({ status: 429, body: { code: "LIMITED" } });
    expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("is not there where it is turned off, nor do cookies count", async () => {
    await using off = await startServer({ login: false });
    const reply = await replyOf(
      await off.server.app.fetch(new Request(`${origin}/login`, { method: "POST", headers: { host: "bk.test" } })),
    );
    expect(reply.status).toBe(404);
    expect(await off.call("bob", "/auth")).toMatchObject({ status: 200, body: { login: "bob" } });
  });
});

describe("a session over HTTP", () => {
  it("changes nothing by GET, nor for pages of other sites", async () => {
    const { cookie } = await logIn();
    expect(await send("/data/add/note?text=x", withCookie(cookie, { "sec-fetch-site": "same-origin" }))).toMatchObject({
      status: 403,
      body: { code: "CSRF" },
    });
    const init = { method: "POST", body: '{"text":"hi"}' };
    const type = { cookie, "content-type": "application/json" };
    for (const site of ["cross-site", "same-site", "none"])
      expect(await send("/data/add/note", { ...init, headers: { ...type, "sec-fetch-site": site } })).toMatchObject({ status: 403 });
    expect(await send("/data/add/note", { ...init, headers: { ...type, "sec-fetch-site": "same-origin" } })).toMatchObject({ status: 200 });
  });

  it("ends by /logout, at the server too", async () => {
    const { cookie } = await logIn();
    const page = { method: "POST", headers: { cookie, "sec-fetch-site": "cross-site" } };
    expect((await send("/logout", page)).status).toBe(403);
    expect((await send("/logout", withCookie(cookie))).status).toBe(405);
    const out = await send("/logout", { ...post, headers: { ...post.headers, cookie } });
    expect(out).toMatchObject({ status: 200, body: {} });
    expect(out.headers.get("set-cookie")).toMatch(/^__Host-bk-sid=; Max-Age=0;/);
    const after = await send("/auth", withCookie(cookie));
    expect(after).toMatchObject({ status: 401, body: { code: "NOLOGIN" } });
    expect(after.headers.get("set-cookie")).toContain("Max-Age=0");
    expect((await send("/logout", { method: "POST" })).status).toBe(200);
  });

  it("is listed with the tokens, and revoked one by one or all at once", async () => {
    const signed = (path: string, json: object) => on.call("eve", path, { json });
    const cookieOf = (reply: Reply): string => reply.headers.get("set-cookie")!.split(";")[0]!;
    const [one, two] = [cookieOf(await signed("/auth", { _session: 1 })), cookieOf(await signed("/auth", { _session: 1 }))];
    await signed("/auth", { _accesstoken: 1 });
    const list = await send("/auth/sessions", withCookie(one));
    expect(list.body).toMatchObject({ count: 3, next_token: "" });
    const rows = list.body["data"] as { id: string; kind: string; current: boolean }[];
    expect(rows.map(({ kind }) => kind)).toEqual(["session", "session", "token"]);
    expect(rows.filter(({ current }) => current)).toHaveLength(1);
    for (const word of ["proof", one.split("=")[1]!, "secret"]) expect(list.text).not.toContain(word);

    const own = rows.find(({ current }) => current)!;
    const mine = (await send("/auth/sessions", withCookie((await logIn()).cookie))).body["data"] as { id: string }[];
    expect(await signed("/auth/sessions/revoke", { id: mine[0]!.id })).toMatchObject({ status: 404 });
    expect(await signed("/auth/sessions/revoke", { id: own.id })).toMatchObject({ status: 200, body: { revoked: 1 } });
    expect((await send("/auth", withCookie(one))).status).toBe(401);
    expect((await send("/auth", withCookie(two))).status).toBe(200);
    const all = {
      method: "POST",
      body: '{"all":1}',
      headers: { cookie: two, "content-type": "application/json", "sec-fetch-site": "same-origin" },
    };
    expect((await send("/auth/sessions/revoke", all)).body).toEqual({ revoked: 1 });
    expect((await send("/auth", withCookie(two))).status).toBe(200);
  });
});

describe("/auth", () => {
  it("gives sessions and tokens for signatures, each once, and none for tokens", async () => {
    const reply = await on.call("bob", "/auth?_session=1&_accesstoken=1");
    expect(reply.headers.get("set-cookie")).toContain("__Host-bk-sid=");
    const token = reply.body["bk-access-token"] as string;
    const forbidden = await send("/auth?_accesstoken=1", { headers: { authorization: `Bearer ${token}` } });
    expect(forbidden).toMatchObject({ status: 403, body: { code: "denied" } });
    expect(await send("/auth?_session=1", { headers: { authorization: `Bearer ${token}` } })).toMatchObject({ status: 403 });

    const { signRequest } = await import("@bk/auth");
    const url = `${origin}/auth?%5fsession=1`;
    const headers = { host: "bk.test", ...(await signRequest({ url, login: "bob", secret: "secret of bob" })) };
    const statuses = [];
    for (let i = 0; i < 2; i++) statuses.push((await on.server.app.fetch(new Request(url, { headers }))).status);
    expect(statuses).toEqual([200, 401]);
  });

  it("ends the session with _session=0", async () => {
    const { cookie } = await logIn();
    const init = {
      method: "POST",
      body: '{"_session":0}',
      headers: { cookie, "content-type": "application/json", "sec-fetch-site": "same-origin" },
    };
    expect(await send("/auth", init)).toMatchObject({ status: 200, body: { login: "ann" } });
    expect((await send("/auth", withCookie(cookie))).status).toBe(401);
  });
});

describe("/auth/tokens/add", () => {
  const bearer = (token: unknown): { headers: Record<string, string> } => ({ headers: { authorization: `Bearer ${String(token)}` } });

  it("gives a token that may do what its scopes say, for as long as it says, until it is revoked", async () => {
    const made = await on.call("bob", "/auth/tokens/add", {
      json: { name: "reports", scopes: ["GET /data/*", "GET,HEAD /auth"], age: 60_000 },
    });
    expect(made.body).toEqual({
      id: expect.any(String),
      name: "reports",
      scopes: ["GET /data/*", "GET,HEAD /auth"],
      expires: expect.any(Number),
      "bk-access-token": expect.stringMatching(/^bkt_/),
      "bk-access-token-age": 60_000,
    });
    const token = made.body["bk-access-token"];
    const within = Number(made.body["expires"]) - Date.now();
    expect([within > 0, within <= 60_000]).toEqual([true, true]);
    expect((await send("/auth", bearer(token))).body).toMatchObject({ login: "bob" });
    expect((await send("/data/select/city", bearer(token))).status).toBe(200);
    for (const [path, init] of [
      ["/auth/sessions", {}],
      ["/data/add/note", { method: "POST", body: "text=hi" }],
      ["/auth/tokens/add?name=more", {}],
    ] as const)
      expect(await send(path, { ...init, ...bearer(token) })).toMatchObject({ status: 403, body: { code: "SCOPE" } });
    const { body } = await on.call("bob", "/auth/sessions");
    const listed = (body["data"] as Record<string, unknown>[]).find(({ id }) => id === made.body["id"]);
    expect(listed).toMatchObject({ kind: "token", name: "reports", scopes: ["GET /data/*", "GET,HEAD /auth"], current: false });
    expect(JSON.stringify(body)).not.toContain(String(token).slice(4));
    const revoke = { json: { id: made.body["id"] } };
    expect((await on.call("eve", "/auth/sessions/revoke", revoke)).status).toBe(404);
    expect((await on.call("bob", "/auth/sessions/revoke", revoke)).body).toEqual({ revoked: 1 });
    expect((await send("/auth", bearer(token))).status).toBe(401);
  });

  it("takes a form, lets a token without scopes do what its account may, and one with none nothing", async () => {
    const form = await on.call("bob", "/auth/tokens/add?name=a&scopes=GET%20/auth;%20/ping&age=1000");
    expect(form.body).toMatchObject({ scopes: ["GET /auth", "/ping"], "bk-access-token-age": 1000 });
    const all = await on.call("bob", "/auth/tokens/add", { json: { name: "b" } });
    expect(all.body).toMatchObject({ scopes: null, "bk-access-token-age": 7 * 86_400_000 });
    expect((await send("/auth/sessions", bearer(all.body["bk-access-token"]))).status).toBe(200);
    // Not even with all scopes does a token give itself another one.
    expect(await send("/auth/tokens/add?name=c", bearer(all.body["bk-access-token"]))).toMatchObject({
      status: 403,
      body: { code: "denied" },
    });
    const none = await on.call("bob", "/auth/tokens/add", { json: { name: "c", scopes: [] } });
    expect((await send("/auth", bearer(none.body["bk-access-token"]))).status).toBe(403);
  });

  it("refuses what it cannot be, and who may not ask, and makes nothing then", async () => {
    const count = async (): Promise<unknown> => (await on.call("eve", "/auth/sessions")).body["count"];
    const before = await count();
    for (const [json, field] of [
      [{}, "name"],
      [{ name: "" }, "name"],
      [{ name: "x".repeat(141) }, "name"],
      [{ name: 1 }, "name"],
      [{ name: "x", scopes: "data" }, "scopes"],
      [{ name: "x", scopes: [1] }, "scopes"],
      [{ name: "x", scopes: {} }, "scopes"],
      [{ name: "x", scopes: Array.from({ length: 51 }, () => "/a") }, "scopes"],
      [{ name: "x", scopes: [`/${"a".repeat(200)}`] }, "scopes"],
      ...[999, 1e12, 1.5, -1, "soon", null, true].map((age) => [{ name: "x", age }, "age"] as const),
      [{ name: "x", account: "u_1" }, "account"],
    ] as const)
      expect([json, await on.call("eve", "/auth/tokens/add", { json })]).toMatchObject([json, { status: 400, body: { field } }]);
    expect((await send("/auth/tokens/add?name=x")).status).toBe(401);
    // A session asks by a method that a link has not, from a page of the same site.
    const { cookie } = await logIn();
    const fromPage = (site: string) => ({
      method: "POST",
      body: "name=x",
      headers: { cookie, "sec-fetch-site": site, "content-type": "application/x-www-form-urlencoded" },
    });
    expect((await send("/auth/tokens/add?name=x", withCookie(cookie))).status).toBe(403);
    expect((await send("/auth/tokens/add", fromPage("cross-site"))).status).toBe(403);
    expect((await send("/auth/tokens/add", fromPage("same-origin"))).body).toMatchObject({ name: "x", scopes: null });
    expect(await count()).toBe(before);
    await expect(startServer({ login: { tokenMs: 2000, longestTokenMs: 1000 } })).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("a second step over HTTP", () => {
  const signed = (path: string, json: object = {}) => on.call("eve", path, { json });
  const tryLogin = (more: object) => send("/login", { json: { login: "eve", secret: "secret of eve", ...more } });

  it("is set up by its account, is asked for after the secret, and is ended by a code", async () => {
    const token = (await signed("/auth", { _accesstoken: 1 })).body["bk-access-token"] as string;
    expect(await send("/auth/totp/add", { headers: { authorization: `Bearer ${token}` } })).toMatchObject({ status: 403 });
    expect((await send("/auth/totp/add")).status).toBe(401);
    const added = await signed("/auth/totp/add");
    expect(added.body).toMatchObject({ secret: expect.any(String), uri: expect.stringMatching(/^otpauth:/) });
    expect((await tryLogin({})).status).toBe(200);
    expect(await signed("/auth/totp/confirm", { code: "000000" })).toMatchObject({ status: 403, body: { code: "NOCODE" } });
    const code = codeOf(added.body["secret"] as string);
    const confirmed = await signed("/auth/totp/confirm", { code });
    const recovery = confirmed.body["recovery_codes"] as string[];
    expect(recovery).toHaveLength(10);

    const needed = await tryLogin({ _session: 1 });
    expect(needed).toMatchObject({ status: 401, body: { code: "NOCODE" } });
    expect(needed.headers.get("set-cookie")).toBeNull();
    expect((await tryLogin({ code })).text).toBe(needed.text);
    expect(await send("/login", { json: { login: "eve", secret: "wrong", code: recovery[0] } })).toMatchObject({
      body: { code: "NOAUTH" },
    });
    expect(await tryLogin({ code: recovery[0], _session: 1 })).toMatchObject({ status: 200 });
    expect(on.logged.join("\n")).not.toContain(recovery[0]);
    expect(await signed("/auth/totp/del", { code: recovery[1] })).toMatchObject({ status: 200 });
    expect((await tryLogin({})).status).toBe(200);
  });
});

describe("a secret that was forgotten", () => {
  it("is not reset where no mails are sent", async () => {
    expect((await send("/login/reset", { json: { login: "ann" } })).status).toBe(401);
  });

  it("is reset by what a mail carries, and answers alike to unknown logins", async () => {
    const sent: ResetMail[] = [];
    await using mailing = await startServer({ login: { mail: (message) => void sent.push(message), password: {} } });
    const ask = async (path: string, json: object) =>
      replyOf(
        await mailing.server.app.fetch(
          new Request(origin + path, {
            method: "POST",
            headers: { host: "bk.test", "content-type": "application/json" },
            body: JSON.stringify(json),
          }),
        ),
      );
    const [known, unknown] = [await ask("/login/reset", { login: "bob" }), await ask("/login/reset", { login: "nobody" })];
    expect([known.status, known.text]).toEqual([unknown.status, unknown.text]);
    await expect.poll(() => sent.length).toBe(1);
    const { token } = sent[0]!;
    expect(await ask("/login/reset/confirm", { token, secret: "short" })).toMatchObject({
      status: 400,
      body: { field: "secret", policy: "the password needs at least 8 characters" },
    });
    expect(await ask("/login/reset/confirm", { token, secret: "a much better one" })).toMatchObject({ status: 200, body: {} });
    expect(await ask("/login/reset/confirm", { token, secret: "a much better one" })).toMatchObject({
      status: 400,
      body: { field: "token" },
    });
    expect((await mailing.call("bob", "/auth")).status).toBe(401);
    expect((await mailing.call("bob", "/auth", { secret: "a much better one" })).status).toBe(200);
    expect(mailing.logged.join("\n")).not.toContain(token);
  });
});
