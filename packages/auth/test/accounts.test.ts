import { describe, expect, it } from "vitest";
import {
  accountsOf,
  addAccount,
  AuthError,
  authTables,
  createAuth,
  decryptSecret,
  deleteAccount,
  encryptSecret,
  hashPassword,
  listAccounts,
  scrambleSecret,
  signRequest,
  verifyLogin,
  verifyPassword,
} from "../src/index.js";
import { type AccountDb, encryptedColumns } from "../src/account-db.js";

const masterKey = "a master key of at least 32 characters";
const otherKey = new Uint8Array(32).fill(7);

type Row = Record<string, unknown> & { login: string };

/** The calls that accounts need, over a Map. */
function mapDb(): AccountDb & { rows: Map<string, Row>; updates: number } {
  const rows = new Map<string, Row>();
  const db = {
    rows,
    updates: 0,
    get: (_table: string, { login }: { login: string }) => Promise.resolve(structuredClone(rows.get(login))),
    select: (_table: string, _filter: object, { count = 50, start = "0" }: { count?: number; start?: string } = {}) => {
      const from = Number(start);
      const page = [...rows.values()].slice(from, from + count);
      return Promise.resolve({ rows: page, ...(from + count < rows.size ? { next: String(from + count) } : {}) });
    },
    add: (_table: string, row: { login: string }) => {
      if (rows.has(row.login)) return Promise.reject(new AuthError("already-exists", "exists"));
      for (const column of Object.keys(row))
        if (!(column in authTables.bk_auth)) return Promise.reject(new Error(`unknown column ${column}`));
      rows.set(row.login, { ...row });
      return Promise.resolve({ affected: 1 });
    },
    update: (_table: string, row: { login: string }, { where = {} }: { where?: object } = {}) => {
      const stored = rows.get(row.login);
      if (stored === undefined || Object.entries(where).some(([column, value]) => stored[column] !== value))
        return Promise.resolve({ affected: 0 });
      rows.set(row.login, { ...stored, ...row });
      db.updates++;
      return Promise.resolve({ affected: 1 });
    },
    del: (_table: string, { login }: { login: string }) => Promise.resolve({ affected: rows.delete(login) ? 1 : 0 }),
  };
  return db;
}

describe("secrets at rest", () => {
  const place = { masterKey, login: "bob" };

  it("come back, and are stored otherwise every time", () => {
    const stored = encryptSecret("s3cret é😀", place);
    expect(stored).toMatch(/^bks1\.[0-9a-f]{8}\.[\w-]+$/);
    expect(stored).not.toContain("s3cret");
    expect(encryptSecret("s3cret é😀", place)).not.toBe(stored);
    expect(decryptSecret(stored, place)).toEqual({ secret: "s3cret é😀", current: true });
    expect(decryptSecret(encryptSecret("", place), place)).toEqual({ secret: "", current: true });
  });

  it("are of no use for another login, column or key, nor when changed", () => {
    const stored = encryptSecret("s3cret", place);
    expect(() => decryptSecret(stored, { ...place, login: "eve" })).toThrow(AuthError);
    expect(() => decryptSecret(stored, { ...place, column: "token_secret" })).toThrow(AuthError);
    expect(() => decryptSecret(stored, { ...place, masterKey: otherKey })).toThrow(/masterKey/);
    for (let at = 14; at < stored.length; at++) {
      const changed = stored.slice(0, at) + (stored[at] === "A" ? "B" : "A") + stored.slice(at + 1);
      // The last character of base64 may hold bits that count for nothing.
      if (Buffer.from(changed.slice(14), "base64url").equals(Buffer.from(stored.slice(14), "base64url"))) continue;
      expect(() => decryptSecret(changed, place)).toThrow(AuthError);
    }
  });

  it("survive a change of the master key", () => {
    const stored = encryptSecret("s3cret", place);
    expect(decryptSecret(stored, { ...place, masterKey: [otherKey, masterKey] })).toEqual({ secret: "s3cret", current: false });
  });

  it("need a long master key", () => {
    for (const short of ["short", new Uint8Array(31), []])
      expect(() => encryptSecret("x", { ...place, masterKey: short })).toThrow(/masterKey/);
  });
});

describe("passwords", () => {
  it("are hashed with a salt, and verified", async () => {
    const [one, two] = await Promise.all([hashPassword("correct horse"), hashPassword("correct horse")]);
    expect(one).not.toBe(two);
    expect(one.length).toBeLessThanOrEqual(140);
    expect(await verifyPassword("correct horse", one)).toBe(true);
    expect(await verifyPassword("correct horsf", one)).toBe(false);
    expect(await verifyPassword("", one)).toBe(false);
  });

  it("of equal letters in another Unicode form are equal", async () => {
    expect(await verifyPassword("caf\u0065\u0301", await hashPassword("caf\u00e9"))).toBe(true);
  });

  it("never fit a stored text that asks for too much or is no hash", async () => {
    const salt = "A".repeat(22);
    const hash = "A".repeat(43);
    for (const stored of ["", "x", "scrypt$16384$8$1$AAAA$AAAA", `scrypt$4194304$8$1$${salt}$${hash}`, `scrypt$1000$8$1$${salt}$${hash}`]) {
      expect(await verifyPassword("x", stored)).toBe(false);
    }
    await expect(hashPassword("")).rejects.toMatchObject({ code: "invalid", detail: { field: "password" } });
  });
});

describe("accounts in a database", () => {
  it("sign after they were added, and keep nothing secret in clear", async () => {
    const db = mapDb();
    const added = await addAccount(db, { login: "bob", secret: "s3cret", name: "Bob", type: "admin" }, { masterKey });
    expect(added).toEqual({ id: expect.stringMatching(/^u_[0-9a-f]{32}$/), login: "bob" });
    expect(JSON.stringify([...db.rows.values()])).not.toContain("s3cret");
    for (const column of encryptedColumns) if (column !== "auth_secret") expect(db.rows.get("bob")![column]).toMatch(/^bks1\./);

    const auth = createAuth({ accounts: accountsOf(db, { masterKey }) });
    const url = "http://h/data";
    const verdict = await auth.check(new Request(url, { headers: await signRequest({ url, login: "bob", secret: "s3cret" }) }));
    expect(verdict).toMatchObject({ ok: true, account: { id: added.id, name: "Bob", type: "admin" } });
    expect(JSON.stringify(verdict)).not.toMatch(/secret|session_key|bks1/);
    expect(db.updates).toBe(0);
  });

  it("show a secret that was made or scrambled here, once", async () => {
    const db = mapDb();
    const made = await addAccount(db, { login: "made" }, { masterKey });
    expect(made.secret).toMatch(/^[\w-]{43}$/);
    const scrambled = await addAccount(db, { login: "bob", secret: "s3cret", scramble: true }, { masterKey });
    expect(scrambled.secret).toBe(await scrambleSecret("bob", "s3cret"));
    const found = await accountsOf(db, { masterKey }).findByLogin("bob");
    expect(found?.secret).toBe(scrambled.secret);
  });

  it("stored in clear are encrypted when first read, once", async () => {
    const db = mapDb();
    db.rows.set("old", { login: "old", id: "u1", secret: "plain", token_secret: "tok" });
    const accounts = accountsOf(db, { masterKey });
    expect(await accounts.findByLogin("old")).toMatchObject({ secret: "plain", token_secret: "tok" });
    expect(db.rows.get("old")).toMatchObject({ secret: expect.stringMatching(/^bks1\./), token_secret: expect.stringMatching(/^bks1\./) });
    expect(db.updates).toBe(2);
    expect(await accounts.findByLogin("old")).toMatchObject({ secret: "plain" });
    expect(db.updates).toBe(2);
  });

  it("are encrypted anew under a new master key", async () => {
    const db = mapDb();
    await addAccount(db, { login: "bob", secret: "s3cret" }, { masterKey });
    expect(await accountsOf(db, { masterKey: [otherKey, masterKey] }).findByLogin("bob")).toMatchObject({ secret: "s3cret" });
    expect(await accountsOf(db, { masterKey: otherKey }).findByLogin("bob")).toMatchObject({ secret: "s3cret" });
    await expect(accountsOf(db, { masterKey }).findByLogin("bob")).rejects.toThrow(/masterKey/);
  });

  it("are listed without secrets, over all pages, and deleted", async () => {
    const db = mapDb();
    for (let index = 0; index < 250; index++) db.rows.set(`a${index}`, { login: `a${index}`, id: `u${index}`, secret: "plain" });
    const listed = [];
    for await (const account of listAccounts(db)) listed.push(account);
    expect(listed.map(({ login }) => login)).toEqual([...db.rows.keys()]);
    expect(listed[0]).toEqual({ id: "u0", login: "a0", name: null, email: null, type: null, expires: null, ctime: null });
    expect(await deleteAccount(db, "a0")).toBe(true);
    expect(await deleteAccount(db, "a0")).toBe(false);
  });

  it.each([
    ["login", { login: "" }],
    ["login", { login: "a|b" }],
    ["login", { login: "a\nb" }],
    ["login", { login: " a" }],
    ["login", { login: "\ud800" }],
    ["login", { login: "a".repeat(141) }],
    ["secret", { login: "a", secret: "" }],
    ["expires", { login: "a", expires: new Date("x") }],
    ["password", { login: "a", password: "" }],
  ])("are refused with a wrong %s, and nothing is written", async (field, account) => {
    const db = mapDb();
    await expect(addAccount(db, account, { masterKey })).rejects.toMatchObject({ code: "invalid", detail: { field } });
    expect(db.rows.size).toBe(0);
  });

  it("are not added twice", async () => {
    const db = mapDb();
    await addAccount(db, { login: "bob", secret: "one" }, { masterKey });
    await expect(addAccount(db, { login: "bob", secret: "two" }, { masterKey })).rejects.toMatchObject({ code: "already-exists" });
    expect(await accountsOf(db, { masterKey }).findByLogin("bob")).toMatchObject({ secret: "one" });
  });
});

describe("verifyLogin", () => {
  it("takes the password where there is one, else the signing key", async () => {
    const db = mapDb();
    await addAccount(db, { login: "bob", secret: "s3cret", password: "hunter2" }, { masterKey });
    await addAccount(db, { login: "eve", secret: "k3y" }, { masterKey });
    const accounts = accountsOf(db, { masterKey });
    expect(await verifyLogin({ login: "bob", secret: "hunter2" }, { accounts })).toMatchObject({ ok: true, account: { login: "bob" } });
    expect(await verifyLogin({ login: "bob", secret: "s3cret" }, { accounts })).toMatchObject({ ok: false, status: 401 });
    expect(await verifyLogin({ login: "eve", secret: "k3y" }, { accounts })).toMatchObject({ ok: true });
    const wrong = await verifyLogin({ login: "eve", secret: "no" }, { accounts });
    expect(wrong).toMatchObject({ ok: false, status: 401, code: "NOAUTH" });
    expect(await verifyLogin({ login: "nobody", secret: "no" }, { accounts })).toEqual(wrong);
    expect(await verifyLogin({ login: "eve" }, { accounts })).toMatchObject({ ok: false, code: "NOLOGIN" });
  });
});
