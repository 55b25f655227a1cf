import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { testClock } from "@bk/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type AuthOptions,
  createAuth,
  isAdmin,
  memoryAttempts,
  type RefusalNote,
  signRequest,
  signUrl,
  type SignOptions,
} from "../src/index.js";
import { hmac, toBase64Url } from "../src/digest.js";
import { storeOf } from "./vectors.js";

const now = Date.UTC(2024, 0, 1);
const clock = testClock({ now });
const accounts = storeOf([
  { id: "u1", login: "bob", type: "user, editor", secret: "s3cret" },
  { id: "u2", login: "root", type: ["admin"], secret: "t0p" },
]);
const base = "http://api.example.com:8000";

type Given = Partial<SignOptions> & { path?: string };

async function request({ path = "/data", ...given }: Given = {}): Promise<Request> {
  const url = `${base}${path}`;
  const options = { method: "GET", url, login: "bob", secret: "s3cret", clock, ...given };
  const { method = "GET", body } = options;
  return new Request(url, { method, headers: await signRequest(options), ...(body === undefined ? {} : { body: body as string }) });
}

const gate = (options: Partial<AuthOptions> = {}) => createAuth({ accounts, clock, ...options });

describe("auth.check", () => {
  it("gives the account of a signed request", async () => {
    expect(await gate().check(await request())).toEqual({
      ok: true,
      account: { id: "u1", login: "bob", type: "user, editor" },
      source: "header",
      query: "",
    });
  });

  it("answers 401 with a code to who is not known, whatever the path", async () => {
    for (const path of ["/data", "/data/x.js", "/ping/../data", "/unknown.html"]) {
      expect(await gate().check(new Request(`${base}${path}`))).toMatchObject({ ok: false, status: 401, code: "NOLOGIN" });
    }
  });

  it("lets everybody use open paths, without looking at credentials", async () => {
    const wrong = { headers: { "bk-signature": "4||bob|AAAA|1|x|" } };
    expect(await gate().check(new Request(`${base}/ping`, wrong))).toMatchObject({ ok: true, account: undefined, source: "none" });
    expect(await gate().check(new Request(`${base}/ping/x`, wrong))).toMatchObject({ ok: false });
  });

  it("checks credentials on anonymous paths where there are any", async () => {
    const auth = gate({ rules: { allowAnonymous: ["/data"] } });
    expect(await auth.check(new Request(`${base}/data`))).toMatchObject({ ok: true, account: undefined });
    expect(await auth.check(await request())).toMatchObject({ ok: true, account: { login: "bob" } });
    expect(await auth.check(await request({ secret: "wrong" }))).toMatchObject({ ok: false, status: 401, code: "NOAUTH" });
  });

  it("keeps admin paths for admins: 403 with an account, 401 without", async () => {
    const auth = gate({ rules: { allowAdmin: ["/system/*"] } });
    const path = "/system/x";
    expect(await auth.check(await request({ path, login: "root", secret: "t0p" }))).toMatchObject({ ok: true });
    expect(await auth.check(await request({ path }))).toMatchObject({ ok: false, status: 403, code: "ADMIN" });
    expect(await auth.check(new Request(`${base}${path}`))).toMatchObject({ ok: false, status: 401, code: "NOLOGIN" });
  });

  it("closes paths to everybody, admins too", async () => {
    const auth = gate({ rules: { denyPaths: ["/secret/*"], allowPaths: ["/secret/open"] } });
    const path = "/secret/open";
    expect(await auth.check(await request({ path, login: "root", secret: "t0p" }))).toMatchObject({ ok: false, status: 403, code: "DENY" });
  });

  it("refuses a replay of what changes something, and only then", async () => {
    const auth = gate();
    const post = await request({ method: "POST", body: "{}" });
    expect(await auth.check(post.clone())).toMatchObject({ ok: true });
    expect(await auth.check(post.clone())).toMatchObject({ ok: false, status: 401, code: "REPLAYED" });
    const get = await request();
    for (const _again of [1, 2]) expect(await auth.check(get)).toMatchObject({ ok: true });
    const byRule = gate({ rules: { changes: (_method, path) => path.endsWith("/del") } });
    const del = await request({ path: "/data/del" });
    expect(await byRule.check(del)).toMatchObject({ ok: true });
    expect(await byRule.check(del)).toMatchObject({ ok: false, code: "REPLAYED" });
    expect(await byRule.check(del, { changes: false })).toMatchObject({ ok: true });
  });

  it("does not use up the signature of a request that was refused by a rule", async () => {
    const auth = gate({ rules: { allowAdmin: ["/data"] } });
    const post = await request({ method: "POST", body: "{}" });
    for (const _again of [1, 2]) expect(await auth.check(post.clone())).toMatchObject({ code: "ADMIN" });
  });

  it("a signature that was given back counts as unused", async () => {
    const auth = gate();
    const post = await request({ method: "POST", body: "{}" });
    const first = await auth.check(post.clone());
    expect(await auth.check(post.clone())).toMatchObject({ code: "REPLAYED" });
    if (first.ok) await first.giveBack?.();
    expect(await auth.check(post.clone())).toMatchObject({ ok: true });
    const get = await auth.check(await request());
    expect(get.ok && get.giveBack).toBe(undefined);
  });

  it("a signature that changes something holds 15 minutes at most, in a URL too; a link that reads 7 days", async () => {
    const url = await signUrl({ url: `${base}/data`, login: "bob", secret: "s3cret", clock, ttlMs: 16 * 60_000 });
    const auth = gate();
    expect(await auth.check(new Request(url))).toMatchObject({ ok: true });
    expect(await auth.check(new Request(url), { changes: true })).toMatchObject({ ok: false, code: "EXPIRED" });
    const longer = gate({ maxLifetimeMs: { changes: 3_600_000 } });
    expect(await longer.check(new Request(url), { changes: true })).toMatchObject({ ok: true });
  });

  it("after too many wrong secrets answers 429 to that login from that address alone, even for the right secret", async () => {
    const auth = gate({ attempts: memoryAttempts({ maxPerMinute: 3, clock }) });
    const right = await request();
    for (const _attempt of [1, 2, 3])
      expect(await auth.check(await request({ secret: "wrong" }), { address: "10.0.0.1" })).toMatchObject({ status: 401, code: "NOAUTH" });
    expect(await auth.check(right, { address: "10.0.0.1" })).toMatchObject({ status: 429, code: "LIMITED", retryAfterMs: 20_000 });
    expect(await auth.check(right, { address: "10.0.0.2" })).toMatchObject({ ok: true });
    expect(await auth.check(await request({ login: "root", secret: "t0p" }), { address: "10.0.0.1" })).toMatchObject({ ok: true });
  });

  it.each([
    ["no account, whose login may be a password", { login: "nobody" }, undefined, "no account with this login"],
    ["no account, and a signature that has ended", { login: "nobody", expires: new Date(now - 1) }, undefined, "Expired"],
    ["another secret", { secret: "wrong" }, "bob", "another secret, or the request is not the one that was signed"],
    ["a signature that has ended", { expires: new Date(now - 1) }, "bob", "Expired"],
  ] as const)("tells a log, and not the client, which login was refused and why: %s", async (_name, given, login, why) => {
    const notes: RefusalNote[] = [];
    const verdict = await gate().check(await request(given), { onRefused: (note) => notes.push(note) });
    expect(notes).toEqual([{ login, why: expect.stringContaining(why) }]);
    expect(Object.keys(verdict).sort()).toEqual(["code", "message", "ok", "status"]);
  });

  it("lets replays through where nonces are off", async () => {
    const auth = gate({ nonces: false });
    const post = await request({ method: "POST", body: "{}" });
    for (const _again of [1, 2]) expect(await auth.check(post.clone())).toMatchObject({ ok: true });
  });

  it("reads the body itself and leaves it to the handler", async () => {
    const post = await request({ method: "POST", body: '{"a":1}' });
    expect(await gate().check(post)).toMatchObject({ ok: true });
    expect(await post.json()).toEqual({ a: 1 });
    await expect(gate().check(post)).rejects.toMatchObject({ code: "invalid", detail: { field: "body" } });
    const again = await request({ method: "POST", body: '{"a":1}' });
    expect(await gate().check(again, { body: new TextEncoder().encode('{"a":2}') })).toMatchObject({ ok: false, code: "CHECKSUM" });
  });

  it("reads no more of a body than it should", async () => {
    const post = await request({ method: "POST", body: "x".repeat(2000) });
    expect(await gate({ maxBodyBytes: 1000 }).check(post)).toMatchObject({ ok: false, status: 413, code: "TOOLARGE" });
    expect(await gate({ maxBodyBytes: 2000 }).check(post)).toMatchObject({ ok: true });
  });

  it("verifies the raw target that a Request does not keep", async () => {
    const target = "/a/../b?q='x'";
    const headers = await signRequest({ url: target, host: "api.example.com", login: "bob", secret: "s3cret", clock });
    const sent = new Request(`${base}${target}`, { headers });
    expect(await gate().check(sent)).toMatchObject({ ok: false, code: "NOAUTH" });
    expect(await gate().check(sent, { target })).toMatchObject({ ok: true, query: "q='x'" });
  });

  it("answers with the original's status numbers when asked to", async () => {
    expect(await gate({ statuses: "reference" }).check(new Request(`${base}/x`))).toMatchObject({ status: 417, code: "NOLOGIN" });
  });

  it("does not start with options that cannot work", () => {
    expect(() => createAuth({} as AuthOptions)).toThrow(/accounts/);
    expect(() => gate({ legacySessions: { keys: [], hosts: [] } })).toThrow(/legacySessions\.keys/);
  });
});

describe("a session cookie", () => {
  const legacySessions = { keys: ["new-key", "cookie-key"], hosts: ["api.example.com"] };

  async function cookieRequest(init: { method?: string; headers?: Record<string, string> } = {}, path = "/data"): Promise<Request> {
    const { "bk-signature": inner } = await signRequest({
      url: "/",
      host: "api.example.com",
      login: "bob",
      secret: "s3cret",
      version: 2,
      ttlMs: 86_400_000,
      clock,
    });
    const value = btoa(JSON.stringify({ "bk-signature": inner }));
    const signature = toBase64Url(await hmac("SHA-1", "cookie-key", `bk-signature=${value}`));
    const cookie = `other=1; bk-signature=${value}; bk-signature.sig=${signature}`;
    return new Request(`${base}${path}`, { ...init, headers: { ...init.headers, cookie } });
  }

  it("counts where sessions are set up, signed with any of the keys", async () => {
    expect(await gate({ legacySessions }).check(await cookieRequest())).toMatchObject({
      ok: true,
      source: "session",
      account: { login: "bob" },
    });
    expect(await gate().check(await cookieRequest())).toMatchObject({ ok: false, status: 401, code: "NOLOGIN" });
    expect(await gate({ legacySessions: { ...legacySessions, keys: ["new-key"] } }).check(await cookieRequest())).toMatchObject({
      ok: false,
      code: "NOLOGIN",
    });
    expect(await gate({ legacySessions: { ...legacySessions, hosts: ["www.example.com"] } }).check(await cookieRequest())).toMatchObject({
      ok: false,
      code: "NOAUTH",
    });
  });

  it("changes nothing by GET, nor from another site", async () => {
    const auth = gate({ legacySessions });
    const origin = (value: string) => ({ method: "DELETE", headers: { origin: value } });
    expect(await auth.check(await cookieRequest(), { changes: true })).toMatchObject({ ok: false, status: 403, code: "CSRF" });
    expect(await auth.check(await cookieRequest({ method: "DELETE" }))).toMatchObject({ ok: false, code: "CSRF" });
    expect(await auth.check(await cookieRequest(origin("http://evil.example.com")))).toMatchObject({ ok: false, code: "CSRF" });
    expect(await auth.check(await cookieRequest(origin("http://api.example.com:8000")))).toMatchObject({ ok: true });
  });
});

describe("account types", () => {
  it("are exact members of the list", () => {
    expect(isAdmin({ type: "user, admin" })).toBe(true);
    expect(isAdmin({ type: "user|admin" })).toBe(true);
    expect(isAdmin({ type: ["admin"] })).toBe(true);
    for (const type of ["administrator", "notadmin", "", null, undefined]) expect(isAdmin({ type })).toBe(false);
  });
});

describe("over real HTTP", () => {
  let server: Server;
  let origin: string;
  const people = storeOf([
    { id: "u1", login: "bob", secret: "s3cret" },
    { id: "u3", login: "josé", secret: "clave" },
    { id: "u4", login: "пётр 😀", secret: "пароль" },
    { id: "u5", login: "Ã©", secret: "x" },
  ]);

  beforeAll(async () => {
    const auth = createAuth({ accounts: people });
    server = createServer((message, reply) => {
      const chunks: Buffer[] = [];
      message.on("data", (chunk: Buffer) => chunks.push(chunk));
      message.on("end", () => {
        const body = Buffer.concat(chunks);
        const headers = new Headers(Object.entries(message.headers).map(([key, value]) => [key, String(value)] as [string, string]));
        const method = message.method!;
        const made = new Request(`http://${message.headers.host}${message.url}`, { method, headers });
        auth.check(made, { body, target: message.url! }).then(
          (verdict) => reply.end(JSON.stringify(verdict)),
          (error: unknown) => reply.writeHead(500).end(String(error)),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it.each([
    ["bob", "s3cret"],
    ["josé", "clave"],
    ["пётр 😀", "пароль"],
    ["Ã©", "x"],
  ])("fetch sends what was signed, for %s", async (login, secret) => {
    const url = `${origin}/a b/../c/日本?q='ü'&z=a+b#top`;
    const body = JSON.stringify({ text: "é日😀" });
    const headers = await signRequest({ method: "PUT", url, body, login, secret });
    const verdict: unknown = await (await fetch(url, { method: "PUT", body, headers })).json();
    expect(verdict).toMatchObject({ ok: true, account: { login }, source: "header" });
    const link = await signUrl({ url, login, secret });
    expect(await (await fetch(link)).json()).toMatchObject({ ok: true, account: { login }, source: "url" });
  });

  it("takes a form as fetch sends it", async () => {
    const body = new URLSearchParams({ q: "a b?&=é", z: "1" });
    const headers = await signRequest({ method: "POST", url: `${origin}/x`, body, login: "bob", secret: "s3cret" });
    const reply = await fetch(`${origin}/x`, { method: "POST", body, headers });
    expect(await reply.json()).toMatchObject({ ok: true, source: "header", query: "" });
  });
});
