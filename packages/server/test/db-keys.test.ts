// Keys of message signatures in a database.
import { generateKeyPairSync } from "node:crypto";

import { addAccount, authTables, createAuth, dbKeys, type ForgetKeysDb, forgetKeys, type KeyDb } from "@bk/auth";
import { messageSignatures, signFetch } from "@bk/auth/message-signatures";
import { testClock } from "@bk/core";
import { openDb } from "@bk/db";
import type { ModuleDb } from "@bk/modules";
import { describe, expect, it } from "vitest";

import { breaking } from "./modules/breaking.js";

const masterKey = "a master key of at least 32 characters";
const key = { algorithm: "hmac-sha256", secret: "a long random secret" } as const;

async function open() {
  const clock = testClock({ now: 1_000_000 });
  const db = await openDb({ url: "sqlite::memory:", tables: authTables, clock });
  await db.sync();
  return { db, clock, keys: dbKeys(db as unknown as KeyDb, { masterKey, clock }), [Symbol.asyncDispose]: () => db.close() };
}

describe("dbKeys", () => {
  it("gives keys back as they were, with their secrets encrypted where they lie", async () => {
    await using on = await open();
    const pair = generateKeyPairSync("ed25519");
    const publicKey = pair.publicKey.export({ format: "jwk" }) as { kty: string; crv: string; x: string };
    const privateKey = pair.privateKey.export({ format: "jwk" }) as { kty: string; crv: string; x: string; d: string };
    await on.keys.add({ keyid: "h", login: "bob", key, scopes: ["GET /data/*"], begins: 1, ends: 2_000_000 });
    await on.keys.add({ keyid: "e", login: "bob", key: { algorithm: "ed25519", publicKey: privateKey }, scopes: [] });
    expect(await on.keys.findKey("h")).toEqual({ keyid: "h", login: "bob", key, scopes: ["GET /data/*"], begins: 1, ends: 2_000_000 });
    expect((await on.keys.findKey("e"))?.key).toEqual({
      algorithm: "ed25519",
      publicKey: { kty: publicKey.kty, crv: publicKey.crv, x: publicKey.x },
    });
    expect((await on.keys.findKey("e"))?.scopes).toEqual([]);
    expect(await on.keys.findKey("none")).toBeUndefined();
    const stored = JSON.stringify([await on.db.get("bk_key", { keyid: "h" }), await on.db.get("bk_key", { keyid: "e" })]);
    for (const text of [key.secret, privateKey.d]) expect(stored).not.toContain(text);
    expect(JSON.stringify(await on.keys.list("bob"))).not.toMatch(/bks1|"key"/);
    await expect(on.keys.add({ keyid: "h", login: "eve", key })).rejects.toMatchObject({ code: "already-exists" });
  });

  it("gives the same object while a row stays, so that a key is imported once, and another one after a change", async () => {
    await using on = await open();
    await on.keys.add({ keyid: "h", login: "bob", key });
    const first = await on.keys.findKey("h");
    for (const atMs of [1000, 2000, 400_000]) on.keys.used("h", atMs);
    await on.keys.idle();
    expect(await on.keys.findKey("h")).toBe(first);
    expect(await on.keys.list("bob")).toEqual([expect.objectContaining({ keyid: "h", used: 400_000 })]);
    expect(await on.keys.end("h")).toBe(true);
    expect(await on.keys.findKey("h")).toMatchObject({ ends: 1_000_000 });
    expect(await on.keys.end("none")).toBe(false);
    expect(await on.db.get("bk_key", { keyid: "none" })).toBeUndefined();
  });

  it("opens a secret in its own row alone", async () => {
    await using on = await open();
    for (const keyid of ["a", "b"]) await on.keys.add({ keyid, login: "bob", key });
    const other = await on.db.get("bk_key", { keyid: "b" });
    await on.db.update("bk_key", { keyid: "a", key: other!.key });
    await expect(on.keys.findKey("a")).rejects.toMatchObject({ code: "internal" });
  });

  it("removes the keys of an account, again where it was interrupted, and leaves those of whoever has the login later", async () => {
    await using on = await open();
    const add = (keyid: string, account?: string): Promise<void> =>
      on.keys.add({ keyid, login: "bob", key, ...(account === undefined ? {} : { account }) });
    const { id } = await addAccount(on.db, { login: "bob" }, { masterKey });
    for (const keyid of ["a", "b", "c"]) await add(keyid, id);
    await add("d");
    await on.keys.add({ keyid: "of eve", login: "eve", key });
    const { db, breakAfter } = breaking(on.db as unknown as ModuleDb, false);
    breakAfter(2);
    const forget = (): Promise<void> => forgetKeys(db as unknown as ForgetKeysDb, { id, login: "bob" });
    await expect(forget()).rejects.toThrow("killed");
    expect(await on.keys.list("bob")).toHaveLength(2);
    breakAfter(Infinity);
    await forget();
    expect([await on.keys.list("bob"), (await on.keys.list("eve")).length]).toEqual([[], 1]);
    await on.db.del("bk_auth", { login: "bob" });
    const later = await addAccount(on.db, { login: "bob" }, { masterKey });
    await add("late", id);
    await add("e", later.id);
    await add("f");
    await forget();
    expect((await on.keys.list("bob")).map(({ keyid }) => keyid).sort()).toEqual(["e", "f"]);
  });

  it("serves a gate", async () => {
    await using on = await open();
    await on.keys.add({ keyid: "k", login: "bob", key });
    const accounts = { findByLogin: async (login: string) => (login === "bob" ? { id: "u1", login, secret: "s" } : undefined) };
    const auth = createAuth({ accounts, messages: messageSignatures({ keys: on.keys }) });
    const ask = async () => auth.check(await signFetch(new Request("https://bk.test/auth"), { key, keyid: "k" }));
    expect(await ask()).toMatchObject({ ok: true, source: "message" });
    await on.keys.end("k", 1);
    expect(await ask()).toMatchObject({ ok: false, code: "KEYENDED" });
    await on.keys.idle();
  });
});
