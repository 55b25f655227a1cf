// New secrets and passwords: what they must be like, and what they end.
import { openDb, type Db } from "@bk/db";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  accountsOf,
  addAccount,
  authTables,
  changeSecret,
  createSessions,
  createTokens,
  dbSessions,
  passwordPolicy,
  scrambleSecret,
  type SessionDb,
  verifyLogin,
} from "@bk/auth";

const masterKey = "a master key of at least 32 characters";
let db: Db<typeof authTables>;
beforeAll(async () => {
  db = await openDb({ url: "sqlite::memory:", tables: authTables });
  await db.sync();
});
afterAll(() => db.close());

let count = 0;
async function somebody(more: object = {}) {
  const login = `login${count++}`;
  const { id } = await addAccount(db, { login, secret: "the old secret", ...more }, { masterKey });
  const accounts = accountsOf(db, { masterKey });
  const store = dbSessions(db as unknown as SessionDb);
  const [sessions, tokens] = [createSessions({ store }), createTokens({ store })];
  const find = async () => (await accounts.findByLogin(login))!;
  const { secret } = await sessions.create(await find());
  const { token } = await tokens.create(await find());
  const counts = async () => ({
    session: (await sessions.open(secret))?.belongsTo(await find()) ?? false,
    token: (await tokens.open(token))?.belongsTo(await find()) ?? false,
    rows: (await store.listOf(id)).length,
  });
  const canLogIn = async (typed: string) => (await verifyLogin({ login, secret: typed }, { accounts })).ok;
  return { login, store, find, counts, canLogIn };
}

// Hashes are slow by design.
describe("changeSecret", { timeout: 120_000 }, () => {
  it("ends sessions and tokens with the secret, also where their rows are left", async () => {
    const one = await somebody();
    expect(await one.counts()).toEqual({ session: true, token: true, rows: 2 });
    await changeSecret(db, { login: one.login, secret: "a new secret" }, { masterKey });
    expect(await one.counts()).toEqual({ session: false, token: false, rows: 2 });
    expect(await one.canLogIn("the old secret")).toBe(false);
    expect((await one.find()).secret).toBe("a new secret");
    await changeSecret(db, { login: one.login, secret: "a newer secret" }, { masterKey, store: one.store });
    expect((await one.counts()).rows).toBe(0);
  });

  it("changes the password with the secret where there is one, and alone", async () => {
    const one = await somebody({ password: "the old password" });
    await changeSecret(db, { login: one.login, password: "the new password" }, { masterKey, store: one.store });
    expect((await one.find()).secret).toBe("the old secret");
    expect([await one.canLogIn("the old password"), await one.canLogIn("the new password")]).toEqual([false, true]);
    expect(await one.counts()).toEqual({ session: false, token: false, rows: 0 });
    await changeSecret(db, { login: one.login, secret: "a secret for both" }, { masterKey });
    expect(await one.canLogIn("a secret for both")).toBe(true);
  });

  it("ends tokens alone with a new token secret", async () => {
    const one = await somebody();
    await changeSecret(db, { login: one.login, tokenSecret: true }, { masterKey, store: one.store });
    expect(await one.counts()).toEqual({ session: true, token: false, rows: 1 });
    expect((await one.find()).secret).toBe("the old secret");
  });

  it("scrambles for clients that do, and gives the key", async () => {
    const one = await somebody();
    const scrambled = await scrambleSecret(one.login, "typed");
    expect(await changeSecret(db, { login: one.login, secret: "typed", scramble: true }, { masterKey })).toMatchObject({
      secret: scrambled,
    });
    expect((await one.find()).secret).toBe(scrambled);
    expect(await changeSecret(db, { login: one.login, secret: scrambled }, { masterKey })).not.toHaveProperty("secret");
  });

  it("changes nothing with a wrong old secret, and of two at once with the right one only one counts", async () => {
    for (const password of [undefined, "the old password"]) {
      const one = await somebody(password === undefined ? {} : { password });
      const oldSecret = password ?? "the old secret";
      await expect(changeSecret(db, { login: one.login, secret: "x", oldSecret: "wrong" }, { masterKey })).rejects.toMatchObject({
        code: "denied",
        detail: { field: "old_secret" },
      });
      expect(await one.counts()).toMatchObject({ session: true, token: true });
      const results = await Promise.allSettled(
        ["first new", "second new"].map((secret) => changeSecret(db, { login: one.login, secret, oldSecret }, { masterKey })),
      );
      expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    }
  });

  it("refuses what it cannot do", async () => {
    const { login } = await somebody();
    for (const [change, code] of [
      [{ login }, "invalid"],
      [{ login, secret: "" }, "invalid"],
      [{ login: "nobody", secret: "x" }, "not-found"],
      [{ login: "", secret: "x" }, "not-found"],
    ] as const)
      await expect(changeSecret(db, change, { masterKey })).rejects.toMatchObject({ code });
  });

  it("leaves the rest of the account as it is", async () => {
    const one = await somebody({ type: "user", name: "One" });
    const before = (await db.get("bk_auth", { login: one.login }))!;
    const more = { type: "admin", id: "u_x" };
    await changeSecret(db, { login: one.login, secret: "a new secret", ...more }, { masterKey });
    const after = (await db.get("bk_auth", { login: one.login }))!;
    const changed = Object.keys(after).filter((name) => JSON.stringify(after[name as "id"]) !== JSON.stringify(before[name as "id"]));
    expect(changed.filter((name) => name !== "mtime").sort()).toEqual(["secret", "session_key", "token_secret"]);
  });
});

describe("a password policy", { timeout: 120_000 }, () => {
  it("asks for eight characters and nothing else by default", async () => {
    const policy = await passwordPolicy();
    expect(policy.problems("correct horse")).toEqual([]);
    expect(policy.problems("1234567")).toEqual(["the password needs at least 8 characters"]);
    expect(policy.problems("🐎🐎🐎🐎")).toHaveLength(1);
  });

  it("tells all that is wrong, and never the password", async () => {
    const policy = await passwordPolicy({ lower: true, upper: true, digit: true, symbol: true });
    expect(policy.problems("     ")).toHaveLength(5);
    expect(policy.problems("Aa1!Aa1!")).toEqual([]);
    expect(policy.problems("ÄÖÜäöü12")).toEqual(["the password needs a character that is no letter, digit or space"]);
  });

  it("knows common passwords, of a list of one's own or of a library, in any case", async () => {
    const policy = await passwordPolicy({ common: true });
    for (const password of ["password1", "PassWord1", "ｐassword1"])
      expect(policy.problems(password)).toEqual(["the password is one of the most common ones"]);
    expect((await passwordPolicy({ common: ["hunter2hunter2"] })).problems("Hunter2hunter2")).toHaveLength(1);
  });

  it("refuses passwords that name their person", async () => {
    const policy = await passwordPolicy();
    const owner = { login: "annabel", name: "Ann", email: "ab@example.com" };
    for (const password of ["xxAnnabel1", "ab@example.com!!"]) expect(policy.problems(password, owner)).toHaveLength(1);
    expect(policy.problems("annihilate it", owner)).toEqual([]);
  });

  it("holds for new accounts and changes, with every message", async () => {
    const policy = await passwordPolicy({ digit: true });
    const error = {
      code: "invalid",
      detail: { field: "secret", policy: "the password needs at least 8 characters, the password needs a digit" },
    };
    await expect(addAccount(db, { login: "new", secret: "short" }, { masterKey, policy })).rejects.toMatchObject(error);
    expect(await db.get("bk_auth", { login: "new" })).toBeUndefined();
    const one = await somebody();
    await expect(changeSecret(db, { login: one.login, secret: "short" }, { masterKey, policy })).rejects.toMatchObject(error);
    await expect(changeSecret(db, { login: one.login, secret: "any", password: "short" }, { masterKey, policy })).rejects.toMatchObject({
      detail: { field: "password" },
    });
    expect((await one.find()).secret).toBe("the old secret");
    await addAccount(db, { login: "machine" }, { masterKey, policy });
    await changeSecret(db, { login: one.login, secret: "long enough 1" }, { masterKey, policy });
  });
});
