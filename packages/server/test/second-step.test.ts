// One-time codes and secrets that were forgotten, on a database.
import {
  addAccount,
  accountsOf,
  authTables,
  type CodeDb,
  createResets,
  dbSessions,
  oneTimeCodes,
  type ResetMail,
  type SessionDb,
} from "@bk/auth";
import { passwordPolicy, createSessions } from "@bk/auth";
import { testClock } from "@bk/core";
import { openDb } from "@bk/db";
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const masterKey = "a master key of at least 32 characters";
const clock = testClock({ now: 1_700_000_000_000 });
const open = () => openDb({ url: "sqlite::memory:", tables: authTables, clock });
let db: Awaited<ReturnType<typeof open>>;
beforeAll(async () => {
  db = await open();
  await db.sync();
});
afterAll(() => db.close());

const codes = () => oneTimeCodes(db as unknown as CodeDb, { masterKey, issuer: "My App", clock });
let count = 0;
const nobodyYet = () => ({ id: `u_${count}`, login: `login${count++}` });

function fromBase32(text: string): Buffer {
  const bits = [...text].map((character) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(character).toString(2).padStart(5, "0")).join("");
  return Buffer.from(bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
}

/** RFC 6238 and 4226 by hand, to compare with. */
function totp(key: Buffer, step: number, digits: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const hash = createHmac("sha1", key).update(counter).digest();
  const number = hash.readUInt32BE(hash.at(-1)! & 0xf) & 0x7fffffff;
  return String(number % 10 ** digits).padStart(digits, "0");
}

/** What the app on the phone shows, so many half minutes from now. */
const shown = (secret: string, later = 0) => totp(fromBase32(secret), Math.floor(clock.now() / 30_000) + later, 6);

async function enrolled() {
  const person = nobodyYet();
  const on = codes();
  const { secret } = await on.enroll(person);
  const confirmed = await on.confirm(person, shown(secret));
  clock.advance(120_000);
  return { on, person, secret, recoveryCodes: confirmed.ok ? confirmed.recoveryCodes : [] };
}

describe("one-time codes", () => {
  it("are compared with codes as in RFC 6238", () => {
    // Appendix B, with SHA-1 and eight digits.
    for (const [seconds, code] of [
      [59, "94287082"],
      [1_111_111_109, "07081804"],
      [20_000_000_000, "65353130"],
    ] as const)
      expect(totp(Buffer.from("12345678901234567890"), Math.floor(seconds / 30), 8)).toBe(code);
  });

  it("give what an app needs, and are asked for once a code was shown", async () => {
    const person = nobodyYet();
    const on = codes();
    const { secret, uri } = await on.enroll(person);
    expect(uri).toMatch(
      new RegExp(`^otpauth://totp/My%20App:${person.login}\\?issuer=My%20App&secret=${secret}&algorithm=SHA1&digits=6&period=30$`),
    );
    expect([await on.isOn(person.id), await on.check(person, undefined)]).toEqual([false, undefined]);
    expect(await on.confirm(person, "000000")).toMatchObject({ ok: false, code: "NOCODE" });
    const confirmed = await on.confirm(person, shown(secret));
    expect(confirmed).toMatchObject({
      ok: true,
      recoveryCodes: expect.arrayContaining([expect.stringMatching(/^([a-z2-7]{4}-){3}[a-z2-7]{4}$/)]),
    });
    expect(await on.check(person, undefined)).toMatchObject({ status: 401, code: "NOCODE" });
    await expect(on.enroll(person)).rejects.toMatchObject({ code: "already-exists" });
  });

  it("store nothing that opens", async () => {
    const { person, secret, recoveryCodes } = await enrolled();
    const row = JSON.stringify(await db.get("bk_totp", { account: person.id }));
    for (const text of [secret, ...recoveryCodes]) expect(row).not.toContain(text);
    expect(recoveryCodes).toHaveLength(10);
  });

  it("are taken once, of the half minutes around now, also when two come at once", async () => {
    const { on, person, secret } = await enrolled();
    for (const later of [-2, 2]) expect(await on.check(person, shown(secret, later))).toMatchObject({ code: "NOCODE" });
    const code = shown(secret, -1);
    const both = await Promise.all([on.check(person, code), on.check(person, code)]);
    expect(both.filter((answer) => answer === undefined)).toHaveLength(1);
    clock.advance(60_000);
    const later = shown(secret, 1);
    expect(await on.check(person, later)).toBeUndefined();
    expect(await on.check(person, later)).toMatchObject({ code: "NOCODE" });
    expect(await on.check(person, shown(secret))).toMatchObject({ code: "NOCODE" });
  });

  it("have recovery codes, each for once", async () => {
    const { on, person, recoveryCodes } = await enrolled();
    expect(await on.check(person, recoveryCodes[0]!.toUpperCase().replaceAll("-", " "))).toBeUndefined();
    expect(await on.check(person, recoveryCodes[0]!)).toMatchObject({ code: "NOCODE" });
    expect(await on.check(person, recoveryCodes[1]!)).toBeUndefined();
  });

  it("are limited by account: each attempt counts, also those at once", async () => {
    const { on, person, secret } = await enrolled();
    const answers = await Promise.all(Array.from({ length: 20 }, () => on.check(person, "000000")));
    expect(answers.filter((answer) => answer?.status === 401)).toHaveLength(1);
    for (let i = 0; i < 4; i++) expect(await on.check(person, "000000")).toMatchObject({ status: 401 });
    expect(await on.check(person, shown(secret))).toMatchObject({ status: 429, retryAfterMs: expect.any(Number) });
    clock.advance(60_000);
    expect(await on.check(person, shown(secret))).toBeUndefined();
  });

  it("belong to their account: a row that was copied opens nothing", async () => {
    const [one, other] = [await enrolled(), await enrolled()];
    const row = (await db.get("bk_totp", { account: one.person.id }))!;
    await db.update("bk_totp", { account: other.person.id, secret: row.secret });
    await expect(other.on.check(other.person, shown(one.secret))).rejects.toMatchObject({ code: "internal" });
  });

  it("end by remove", async () => {
    const { on, person } = await enrolled();
    expect([await on.remove(person.id), await on.remove(person.id), await on.check(person, undefined)]).toEqual([true, false, undefined]);
  });
});

describe("secrets that were forgotten", { timeout: 120_000 }, () => {
  const store = () => dbSessions(db as unknown as SessionDb, { clock });
  const accounts = () => accountsOf(db, { masterKey });

  async function forgetful(more: object = {}) {
    const login = `forgot${count++}`;
    const { id } = await addAccount(db, { login, secret: "the old secret", email: "a@example.com", ...more }, { masterKey });
    return { login, id };
  }

  async function resets(more: object = {}) {
    const sent: ResetMail[] = [];
    const faults: unknown[] = [];
    const policy = await passwordPolicy();
    const onFault = (error: unknown) => void faults.push(error);
    const made = createResets({
      db,
      masterKey,
      store: store(),
      policy,
      clock,
      mail: (message) => void sent.push(message),
      onFault,
      ...more,
    });
    return { ...made, sent, faults };
  }

  it("are replaced by a token that is mailed, which counts once and ends sessions", async () => {
    const { login, id } = await forgetful();
    const { requestReset, resetSecret, idle, sent } = await resets();
    const sessions = createSessions({ store: store(), clock });
    const { secret: session } = await sessions.create((await accounts().findByLogin(login))!);
    requestReset(login);
    await idle();
    expect(sent).toEqual([
      { account: expect.objectContaining({ login, email: "a@example.com" }), token: expect.any(String), expires: clock.now() + 1_800_000 },
    ]);
    expect(JSON.stringify(sent[0]!.account)).not.toContain("the old secret");
    const { token } = sent[0]!;
    expect(JSON.stringify(await store().listOf(id))).not.toContain(token);
    await expect(resetSecret(token, "short")).rejects.toMatchObject({ code: "invalid", detail: { policy: expect.any(String) } });
    const both = await Promise.allSettled([resetSecret(token, "the first new one"), resetSecret(token, "the other new one")]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect((await accounts().findByLogin(login))!.secret).toMatch(/new one$/);
    await expect(resetSecret(token, "once more please")).rejects.toMatchObject({ code: "invalid", detail: { field: "token" } });
    expect(await sessions.open(session)).toBeUndefined();
  });

  it("answer alike to unknown logins, and mail nobody", async () => {
    const { requestReset, idle, sent, faults } = await resets();
    for (const login of ["nobody", "a|b", "x".repeat(5000)]) expect(requestReset(login)).toBeUndefined();
    await idle();
    expect([sent, faults]).toEqual([[], []]);
  });

  it("send few mails to one account, asked for at once or one after another", async () => {
    const { login } = await forgetful();
    const { requestReset, idle, sent } = await resets();
    for (let i = 0; i < 10; i++) requestReset(login);
    await idle();
    expect(sent).toHaveLength(1);
    for (let i = 0; i < 5; i++) {
      requestReset(login);
      await idle();
    }
    expect(sent).toHaveLength(3);
    clock.advance(1_800_001);
    requestReset(login);
    await idle();
    expect(sent).toHaveLength(4);
  });

  it("are not replaced by tokens that have ended, or were made before another change", async () => {
    const { login } = await forgetful();
    const { requestReset, resetSecret, idle, sent } = await resets();
    requestReset(login);
    await idle();
    clock.advance(1_800_001);
    await expect(resetSecret(sent[0]!.token, "a new secret")).rejects.toMatchObject({ detail: { field: "token" } });
    requestReset(login);
    await idle();
    requestReset(login);
    await idle();
    await resetSecret(sent[1]!.token, "a new secret");
    await expect(resetSecret(sent[2]!.token, "a new secret 2")).rejects.toMatchObject({ detail: { field: "token" } });
    for (const token of ["", "bkr_x", "bkt_x", sent[2]!.token.replace("bkr_", "")])
      await expect(resetSecret(token, "a new secret 3")).rejects.toMatchObject({ detail: { field: "token" } });
  });

  it("are the password where there is one, and the key stays", async () => {
    const { login } = await forgetful({ password: "the old password" });
    const { requestReset, resetSecret, idle, sent } = await resets();
    requestReset(login);
    await idle();
    const before = (await db.get("bk_auth", { login }))!;
    await resetSecret(sent[0]!.token, "the new password");
    const after = (await db.get("bk_auth", { login }))!;
    expect([after.secret === before.secret, after.password === before.password]).toEqual([true, false]);
  });

  it("say of a mail that could not be sent", async () => {
    const { login } = await forgetful();
    const { requestReset, idle, faults } = await resets({ mail: () => Promise.reject(new Error("no mail")) });
    requestReset(login);
    await idle();
    expect(faults).toHaveLength(1);
  });
});
