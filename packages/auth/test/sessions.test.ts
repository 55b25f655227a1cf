// Sessions and access tokens: what begins, renews and ends them, and what tells of them.
import { testClock, type TestClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import {
  type Account,
  type AuthOptions,
  createAuth,
  createLogins,
  createSessions,
  createTokens,
  hashPassword,
  memoryAttempts,
  memorySessions,
  type SessionRow,
  type SessionStore,
} from "../src/index.js";

const dayMs = 86_400_000;
const base = "https://app.example.com";

/** Accounts that tests may change. */
function people(): Map<string, Account & { password?: string }> {
  const bob = { id: "u1", login: "bob", secret: "s3cret", session_key: "k1", token_secret: "t1", type: "user" };
  return new Map<string, Account & { password?: string }>([
    ["bob", bob],
    ["eve", { id: "u2", login: "eve", secret: "evil", session_key: "k2", token_secret: "t2" }],
  ]);
}

interface Setup {
  readonly clock: TestClock;
  readonly accounts: ReturnType<typeof people>;
  readonly rows: SessionStore;
  readonly sessions: ReturnType<typeof createSessions>;
  readonly tokens: ReturnType<typeof createTokens>;
  check(path: string, headers?: Record<string, string>, method?: string): ReturnType<ReturnType<typeof createAuth>["check"]>;
}

function setUp(options: Partial<AuthOptions> = {}, own: { maxPerAccount?: number } = {}): Setup {
  const clock = testClock();
  const accounts = people();
  const rows = memorySessions();
  const sessions = createSessions({ store: rows, clock, ...own });
  const tokens = createTokens({ store: rows, clock, ...own });
  const store = { findByLogin: async (login: string) => accounts.get(login) };
  const auth = createAuth({ accounts: store, clock, sessions, tokens, ...options });
  const check: Setup["check"] = (path, headers = {}, method = "GET") => auth.check(new Request(base + path, { method, headers }));
  return { clock, accounts, rows, sessions, tokens, check };
}

const cookie = (secret: string): Record<string, string> => ({ cookie: `a=1; __Host-bk-sid=${secret}; b=2` });

describe("a session", () => {
  it("lets its cookie read, and change by other methods than GET from pages of the same site", async () => {
    const { accounts, sessions, check } = setUp();
    const { secret, id } = await sessions.create(accounts.get("bob")!);
    expect(await check("/data", cookie(secret))).toMatchObject({
      ok: true,
      account: { login: "bob" },
      source: "session",
      credentialId: id,
    });
    const same = { ...cookie(secret), "sec-fetch-site": "same-origin" };
    expect(await check("/data", same, "POST")).toMatchObject({ ok: true });
    expect(await check("/data", { ...cookie(secret), origin: base }, "POST")).toMatchObject({ ok: true });
    for (const headers of [{}, { "sec-fetch-site": "same-site" }, { "sec-fetch-site": "cross-site", origin: base.replace("app", "x") }])
      expect(await check("/data", { ...cookie(secret), ...headers } as Record<string, string>, "POST")).toMatchObject({
        ok: false,
        status: 403,
        code: "CSRF",
      });
  });

  it("changes from pages of trusted origins too, and from no others", async () => {
    const trustedOrigins = ["https://www.example.com"];
    const { accounts, sessions, check } = setUp({ trustedOrigins });
    const { secret } = await sessions.create(accounts.get("bob")!);
    const from = (origin: string) => check("/data", { ...cookie(secret), origin, "sec-fetch-site": "same-site" }, "POST");
    expect(await from("https://www.example.com")).toMatchObject({ ok: true });
    expect(await from("https://www.example.com.evil.org")).toMatchObject({ code: "CSRF" });
    expect(await from("http://www.example.com")).toMatchObject({ code: "CSRF" });
  });

  it("is stored as a hash, and never shown again", async () => {
    const { accounts, sessions, rows } = setUp();
    const { secret, id } = await sessions.create(accounts.get("bob")!, { address: "::1", agent: "x".repeat(500) });
    const stored = JSON.stringify([await rows.listOf("u1"), await sessions.list("u1")]);
    expect(stored).toContain(id);
    expect(stored).not.toContain(secret);
    expect(await sessions.list("u1")).toEqual([expect.objectContaining({ id, kind: "session", address: "::1", agent: "x".repeat(200) })]);
    expect(JSON.stringify(await sessions.list("u1"))).not.toMatch(/proof|login/);
  });

  it("is renewed when half of its time is over, and ends after its longest time", async () => {
    const { accounts, sessions, clock, check } = setUp();
    const { secret } = await sessions.create(accounts.get("bob")!);
    clock.advance(6 * dayMs);
    expect(await check("/data", cookie(secret))).not.toHaveProperty("setCookie");
    clock.advance(2 * dayMs);
    expect(await check("/data", cookie(secret))).toMatchObject({
      ok: true,
      setCookie: `__Host-bk-sid=${secret}; Max-Age=${14 * 86_400}; Path=/; HttpOnly; SameSite=Lax; Secure`,
    });
    for (let days = 8; days < 90; days += 8) {
      expect(await check("/data", cookie(secret))).toMatchObject({ ok: true });
      clock.advance(8 * dayMs);
    }
    expect(await check("/data", cookie(secret))).toMatchObject({ ok: false, code: "NOLOGIN" });
  });

  it("ends when it is not used, and its cookie is taken back", async () => {
    const { accounts, sessions, clock, check } = setUp();
    const { secret } = await sessions.create(accounts.get("bob")!);
    clock.advance(14 * dayMs + 1);
    expect(await check("/data", cookie(secret))).toMatchObject({
      ok: false,
      status: 401,
      code: "NOLOGIN",
      setCookie: "__Host-bk-sid=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure",
    });
    expect(await sessions.list("u1")).toEqual([]);
  });

  it("ends with the secret, with the session key, with the account, and when another account gets the login", async () => {
    for (const change of [{ secret: "other" }, { session_key: "other" }, { id: "u9" }, undefined]) {
      const { accounts, sessions, check } = setUp();
      const { secret } = await sessions.create(accounts.get("bob")!);
      const { accounts: _, ...bob } = { ...accounts.get("bob")!, accounts };
      if (change === undefined) accounts.delete("bob");
      else accounts.set("bob", { ...bob, ...change });
      expect(await check("/data", cookie(secret))).toMatchObject({ ok: false, code: "NOLOGIN" });
    }
  });

  it("stays when the hash of the same password is made anew", async () => {
    const { accounts, sessions, check } = setUp();
    const { secret } = await sessions.create(accounts.get("bob")!);
    accounts.set("bob", { ...accounts.get("bob")!, password: await hashPassword("same") });
    expect(await check("/data", cookie(secret))).toMatchObject({ ok: true });
  });

  it("does not begin with secrets that were changed while they were checked", async () => {
    const { accounts, sessions, check } = setUp();
    const checked = accounts.get("bob")!;
    accounts.set("bob", { ...checked, session_key: "another" });
    const { secret } = await sessions.create(checked);
    expect(await check("/data", cookie(secret))).toMatchObject({ ok: false });
  });

  it("is revoked by its own account alone, one or all of them", async () => {
    const { accounts, sessions, check } = setUp();
    const [one, two, three] = [
      await sessions.create(accounts.get("bob")!),
      await sessions.create(accounts.get("bob")!),
      await sessions.create(accounts.get("bob")!),
    ];
    expect(await sessions.revoke("u2", one.id)).toBe(false);
    expect(await sessions.revoke("u1", one.id)).toBe(true);
    expect(await sessions.revoke("u1", one.id)).toBe(false);
    expect(await check("/data", cookie(one.secret))).toMatchObject({ ok: false });
    expect(await sessions.revokeAll("u1", { except: two.id })).toBe(1);
    expect(await check("/data", cookie(two.secret))).toMatchObject({ ok: true });
    expect(await check("/data", cookie(three.secret))).toMatchObject({ ok: false });
  });

  it("of one account are at most so many: the one that was not used for longest ends", async () => {
    const { accounts, sessions, clock, check } = setUp({}, { maxPerAccount: 3 });
    const begun: string[] = [];
    for (let i = 0; i < 4; i++) {
      begun.push((await sessions.create(accounts.get("bob")!)).secret);
      clock.advance(10 * 60_000);
      await check("/data", cookie(begun[0]!));
    }
    await sessions.create(accounts.get("eve")!);
    expect(await Promise.all(begun.map(async (secret) => (await check("/data", cookie(secret))).ok))).toEqual([true, false, true, true]);
  });

  it("has a cookie without prefix on this machine alone, and none with the other name counts", async () => {
    const { sessions, accounts, check } = setUp();
    const { secret } = await sessions.create(accounts.get("bob")!);
    expect(sessions.cookie.set("localhost:8000", "x", 1000)).toBe("bk-sid=x; Max-Age=1; Path=/; HttpOnly; SameSite=Lax");
    expect(sessions.cookie.set("127.0.0.1", "x", 1000)).not.toContain("Secure");
    for (const host of ["localhost.evil.org", "127.0.0.1.evil.org", "example.com"])
      expect(sessions.cookie.set(host, "x", 1000)).toMatch(/^__Host-.*; Secure$/);
    expect(await check("/data", { cookie: `bk-sid=${secret}` })).toMatchObject({ ok: false, code: "NOLOGIN" });
  });

  it("is not taken where sessions are not, and where one is not needed a stale one keeps nobody out", async () => {
    const { accounts, sessions, check } = setUp({ rules: { denySessions: ["/system/*"], allowAnonymous: ["/news"] } });
    const { secret } = await sessions.create(accounts.get("bob")!);
    expect(await check("/system/x", cookie(secret))).toMatchObject({ ok: false, code: "DISABLED" });
    expect(await check("/system/x")).toMatchObject({ ok: false, code: "NOLOGIN" });
    expect(await check("/news", cookie(secret))).toMatchObject({ ok: true, account: { login: "bob" } });
    await sessions.revokeAll("u1");
    expect(await check("/news", cookie(secret))).toMatchObject({ ok: true, account: undefined });
  });

  it("serves while its use cannot be written down, and says so", async () => {
    const faults: unknown[] = [];
    const rows = memorySessions();
    const failing: SessionStore = { ...rows, update: () => Promise.reject(new Error("read-only")) };
    const clock = testClock();
    const sessions = createSessions({ store: failing, clock, onFault: (error) => faults.push(error) });
    const auth = createAuth({ accounts: { findByLogin: async (login) => people().get(login) }, clock, sessions });
    const { secret } = await sessions.create(people().get("bob")!);
    clock.advance(8 * dayMs);
    expect(await auth.check(new Request(`${base}/data`, { headers: cookie(secret) }))).toMatchObject({ ok: true });
    expect(faults).toHaveLength(1);
  });

  it("is not made for an account without its secrets", async () => {
    const { sessions } = setUp();
    await expect(sessions.create({ id: "u1", login: "bob", secret: "" })).rejects.toMatchObject({ code: "invalid" });
  });

  it("is no token, and a token is no session", async () => {
    const { accounts, sessions, tokens, check } = setUp();
    const { secret } = await sessions.create(accounts.get("bob")!);
    const { token } = await tokens.create(accounts.get("bob")!);
    expect(await check("/data", { authorization: `Bearer ${secret}` })).toMatchObject({ ok: false, code: "NOAUTH" });
    expect(await check("/data", cookie(token))).toMatchObject({ ok: false, code: "NOLOGIN" });
  });
});

describe("an access token", () => {
  it("counts in Authorization, in its header and in the query, and writes without a page", async () => {
    const { accounts, tokens, check } = setUp();
    const { token } = await tokens.create(accounts.get("bob")!);
    for (const headers of [{ authorization: `Bearer ${token}` }, { "bk-access-token": token }] as Record<string, string>[])
      expect(await check("/data", headers, "POST")).toMatchObject({ ok: true, source: "token", account: { id: "u1" } });
    expect(await check(`/data?a=1&bk-access-token=${token}`)).toMatchObject({ ok: true, query: "a=1" });
  });

  it("does what its scopes say, and nothing with an empty list", async () => {
    const { accounts, tokens, check } = setUp();
    const scopes = ["GET /data/*"];
    const { token } = await tokens.create(accounts.get("bob")!, { name: "report", scopes });
    scopes.push("/admin/*");
    const none = await tokens.create(accounts.get("bob")!, { scopes: [] });
    const bearer = { authorization: `Bearer ${token}` };
    expect(await check("/data/x", bearer)).toMatchObject({ ok: true });
    for (const [path, method] of [
      ["/data/x", "POST"],
      ["/admin/x", "GET"],
      ["/data/../admin/x", "GET"],
    ] as const)
      expect(await check(path, bearer, method)).toMatchObject({ ok: false, status: 403, code: "SCOPE" });
    expect(await check("/data/x", { authorization: `Bearer ${none.token}` })).toMatchObject({ code: "SCOPE" });
  });

  it("ends with its time, its secrets and by revoke, and says after its end that it ended", async () => {
    const { accounts, tokens, check, clock } = setUp();
    const bob = accounts.get("bob")!;
    const [one, two] = [await tokens.create(bob, { ttlMs: 60_000 }), await tokens.create(bob)];
    clock.advance(60_001);
    expect(await check("/data", { authorization: `Bearer ${one.token}` })).toMatchObject({ status: 401, code: "EXPIRED" });
    expect(await check("/data", { authorization: `Bearer ${two.token}` })).toMatchObject({ ok: true });
    accounts.set("bob", { ...bob, token_secret: "another" });
    expect(await check("/data", { authorization: `Bearer ${two.token}` })).toMatchObject({ status: 401, code: "NOAUTH" });
    const three = await tokens.create(accounts.get("bob")!);
    expect(await tokens.revokeSecret(three.token)).toBe(true);
    expect(await check("/data", { authorization: `Bearer ${three.token}` })).toMatchObject({ code: "NOAUTH" });
  });

  it("outlives a new session key, and sessions outlive a new token secret", async () => {
    const { accounts, sessions, tokens, check } = setUp();
    const bob = accounts.get("bob")!;
    const { token } = await tokens.create(bob);
    const { secret } = await sessions.create(bob);
    accounts.set("bob", { ...bob, session_key: "another" });
    expect(await check("/data", { authorization: `Bearer ${token}` })).toMatchObject({ ok: true });
    accounts.set("bob", { ...bob, token_secret: "another" });
    expect(await check("/data", cookie(secret))).toMatchObject({ ok: true });
  });

  it("of one account are at most so many: unnamed ones make room, named ones are refused", async () => {
    const { accounts, tokens } = setUp({}, { maxPerAccount: 3 });
    const bob = accounts.get("bob")!;
    for (const name of ["a", "b"]) await tokens.create(bob, { name });
    for (let i = 0; i < 5; i++) await tokens.create(bob);
    expect((await tokens.list("u1")).map(({ name }) => name).sort()).toEqual(["a", "b", null]);
    await tokens.create(bob, { name: "c" });
    await expect(tokens.create(bob, { name: "d" })).rejects.toMatchObject({ code: "limited" });
  });

  it("is refused where something about it cannot be used", async () => {
    const { accounts, tokens } = setUp();
    const bob = accounts.get("bob")!;
    for (const [field, options] of [
      ["name", { name: "" }],
      ["ttlMs", { ttlMs: 367 * dayMs }],
      ["ttlMs", { ttlMs: NaN }],
      ["scopes", { scopes: ["data"] }],
    ] as const)
      await expect(tokens.create(bob, options)).rejects.toMatchObject({ code: "invalid", detail: { field } });
  });
});

describe("logging in", () => {
  const clock = testClock();

  function logins(accounts = people()) {
    const rows = memorySessions();
    const replaced: string[][] = [];
    const findByLogin = async (login: string) => accounts.get(login);
    const replacePassword = async (...texts: string[]) => void replaced.push(texts);
    const sessions = createSessions({ store: rows, clock });
    const tokens = createTokens({ store: rows, clock });
    const attempts = memoryAttempts({ maxPerMinute: 5, clock });
    return { ...createLogins({ accounts: { findByLogin, replacePassword }, sessions, tokens, attempts, clock }), rows, replaced };
  }

  it("answers alike to unknown logins, wrong secrets, and logins that none can have", async () => {
    const { logIn } = logins();
    const answers = [];
    for (const login of ["bob", "nobody", "a|b", "x".repeat(5000), "constructor"]) answers.push(await logIn({ login, secret: "wrong" }));
    for (const answer of answers) expect(answer).toEqual({ ok: false, status: 401, code: "NOAUTH", message: "Not authenticated" });
  });

  it("begins what is asked for, and nothing else", async () => {
    const { logIn, rows } = logins();
    expect(await logIn({ login: "bob", secret: "s3cret" })).toEqual({ ok: true, account: { id: "u1", login: "bob", type: "user" } });
    expect(await rows.listOf("u1")).toEqual([]);
    const both = await logIn({ login: "bob", secret: "s3cret" }, { session: true, token: true });
    expect(both).toMatchObject({ session: { secret: expect.any(String) }, token: { token: expect.stringMatching(/^bkt_/) } });
    expect(await rows.listOf("u1")).toHaveLength(2);
  });

  it("is limited by login and address, also for guesses that are made at once", async () => {
    const { logIn } = logins();
    const guess = (address: string, login = "bob") => logIn({ login, secret: "wrong" }, { address });
    const answers = await Promise.all(Array.from({ length: 50 }, () => guess("10.0.0.1")));
    expect(answers.filter((answer) => !answer.ok && answer.status === 401).length).toBeLessThanOrEqual(4);
    await guess("10.0.0.1");
    expect(await guess("10.0.0.1")).toMatchObject({ status: 429, retryAfterMs: expect.any(Number) });
    expect(await logIn({ login: "bob", secret: "s3cret" }, { address: "10.0.0.1" })).toMatchObject({ status: 429 });
    expect(await logIn({ login: "bob", secret: "s3cret" }, { address: "10.0.0.2" })).toMatchObject({ ok: true });
    expect(await guess("10.0.0.1", "eve")).toMatchObject({ status: 401 });
  });

  it("makes weak hashes anew, and leaves strong ones", async () => {
    // By scrypt with N=2^14, r=8, p=1.
    const { scryptSync } = await import("node:crypto");
    const salt = Buffer.alloc(16, 7);
    const weak = `scrypt$16384$8$1$${salt.toString("base64url")}$${scryptSync("pass", salt, 32).toString("base64url")}`;
    const accounts = people();
    accounts.set("bob", { ...accounts.get("bob")!, password: weak });
    accounts.set("eve", { ...accounts.get("eve")!, password: await hashPassword("pass") });
    const { logIn, replaced } = logins(accounts);
    expect(await logIn({ login: "bob", secret: "wrong" })).toMatchObject({ ok: false });
    expect(replaced).toEqual([]);
    expect(await logIn({ login: "bob", secret: "pass" })).toMatchObject({ ok: true });
    expect(await logIn({ login: "eve", secret: "pass" })).toMatchObject({ ok: true });
    expect(replaced).toEqual([["bob", weak, expect.stringMatching(/^scrypt\$32768\$8\$3\$/)]]);
  });

  it("does not take the signing key of an account that has a password", async () => {
    const accounts = people();
    accounts.set("bob", { ...accounts.get("bob")!, password: await hashPassword("pass") });
    expect(await logins(accounts).logIn({ login: "bob", secret: "s3cret" })).toMatchObject({ ok: false });
  });
});

describe("memorySessions", () => {
  const row = (id: string): SessionRow => ({
    id,
    kind: "session",
    account: `a${id.length}`,
    login: "bob",
    proof: "p",
    created: 1,
    used: 1,
    expires: 10,
    address: null,
    agent: null,
    name: null,
    scopes: null,
  });

  it("is no larger than it may be", async () => {
    const rows = memorySessions({ maxEntries: 2 });
    for (const id of ["1", "2", "33"]) await rows.add(row(id));
    expect(await rows.get("1")).toBeUndefined();
    expect((await rows.listOf("a1")).map(({ id }) => id)).toEqual(["2"]);
  });

  it("changes a row only as it was read, and makes none", async () => {
    const rows = memorySessions();
    await rows.add(row("1"));
    expect(await rows.update("1", { used: 5, expires: 20 }, 9)).toBe(false);
    expect(await rows.update("1", { used: 5, expires: 20 }, 10)).toBe(true);
    expect(await rows.update("2", { used: 5, expires: 20 }, 10)).toBe(false);
    expect(await rows.get("2")).toBeUndefined();
  });
});
