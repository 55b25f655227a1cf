// One-time codes of an app on a phone (TOTP, RFC 6238) as a second step of logging in. Node only.
import { createHash } from "node:crypto";
import { type Clock, systemClock } from "@bk/core";
import { Secret, TOTP } from "otpauth";
import type { Account } from "./account.js";
import { type Attempts, memoryAttempts } from "./attempts.js";
import { equalTexts } from "./constant-time.js";
import { AuthError } from "./errors.js";
import { type Refusal, refusal } from "./refusal.js";
import { type MasterKey, openKeyring, seal, type SecretPlace, unseal } from "./secrets.js";

/** What one-time codes need of a database. */
export interface CodeDb {
  get(table: "bk_totp", key: { account: string }): Promise<object | undefined>;
  add(table: "bk_totp", row: CodeRow): Promise<unknown>;
  update(
    table: "bk_totp",
    row: { account: string; secret?: string; confirmed?: boolean; step?: number; codes?: string },
    options: { where: { confirmed?: boolean; step?: number; secret?: string; codes?: string } },
  ): Promise<{ affected: number }>;
  del(table: "bk_totp", key: { account: string }): Promise<{ affected: number }>;
}

/** A row of `bk_totp`. */
export interface CodeRow {
  /** The id of the account. */
  readonly account: string;
  /** What the app on the phone has, encrypted. */
  readonly secret: string;
  /** Whether a code of the app has been shown: until then nobody is asked for one. */
  readonly confirmed: boolean;
  /** The last half minute of which a code was taken. */
  readonly step: number;
  /** Hashes of the recovery codes that are left, as a JSON list. */
  readonly codes: string;
}

export interface OneTimeCodesOptions {
  readonly masterKey: MasterKey;
  /** The name of the service, as the app on the phone shows it. */
  readonly issuer: string;
  /** Counts attempts by account, wherever they come from: who guesses codes has the password already. Default 5 a minute, in this process. */
  readonly attempts?: Attempts | undefined;
  readonly clock?: Clock | undefined;
}

export interface Enrolled {
  /** What the app needs, for typing: base32. */
  readonly secret: string;
  /** The same as an `otpauth://` URI, for a QR code. */
  readonly uri: string;
}

type Person = Pick<Account, "id" | "login">;

export interface OneTimeCodes {
  /**
   * Begins: gives what the app on the phone needs. Nobody is asked for a code before `confirm`.
   *
   * @throws AuthError `already-exists` when the account has codes already; remove them first
   */
  enroll(person: Person): Promise<Enrolled>;
  /**
   * Ends the beginning, by a code of the app. Gives ten recovery codes, once: each stands for a code when the phone is lost. A refusal when
   * the code is wrong, or nothing was begun.
   */
  confirm(person: Person, code: string): Promise<{ readonly ok: true; readonly recoveryCodes: readonly string[] } | Refusal>;
  /** Whether logging in needs a code. */
  isOn(accountId: string): Promise<boolean>;
  /**
   * Checks a code of an account that is asked for one: undefined when it is right, or the account has none. Codes of the half minutes before
   * and after are taken, each code once.
   */
  check(person: Person, code: string | undefined): Promise<Refusal | undefined>;
  /** Ends it: no code is asked for any more. False when there was none. */
  remove(accountId: string): Promise<boolean>;
}

const periodSeconds = 30;
const recoveryCount = 10;
const secretBytes = 20;

/** One-time codes in the table `bk_totp` of `authTables`. */
export function oneTimeCodes(db: CodeDb, options: OneTimeCodesOptions): OneTimeCodes {
  const { masterKey, issuer, clock = systemClock } = options;
  const keys = openKeyring(masterKey);
  const attempts = options.attempts ?? memoryAttempts({ maxPerMinute: 5, clock });
  const busy = new Set<string>();
  const place = (account: string): SecretPlace => ({ login: account, column: "totp" });
  const totpOf = (secret: string, label = ""): TOTP =>
    new TOTP({ issuer, label, algorithm: "SHA1", digits: 6, period: periodSeconds, secret: Secret.fromBase32(secret) });

  const rowOf = async (account: string): Promise<CodeRow | undefined> => (await db.get("bk_totp", { account })) as CodeRow | undefined;

  function opened({ account, secret }: CodeRow): string {
    try {
      return unseal(secret, keys, place(account)).secret;
    } catch (cause) {
      // It is no fault of whoever logs in.
      throw new AuthError("internal", "bk_totp: a stored secret cannot be read", { outcome: "none", cause });
    }
  }

  /** The half minute of a code, when it is right and later than the last one that was taken. */
  function stepOf(row: CodeRow, code: string): number | undefined {
    const now = clock.now();
    const delta = totpOf(opened(row)).validate({ token: code, timestamp: now, window: 1 });
    if (delta === null) return undefined;
    const step = Math.floor(now / 1000 / periodSeconds) + delta;
    return step > row.step ? step : undefined;
  }

  /** A recovery code is taken out of the list that was read: of two at once one counts. */
  async function takeRecovery(row: CodeRow, code: string): Promise<boolean> {
    const hash = hashOf(code);
    const left = JSON.parse(row.codes) as string[];
    const without = left.filter((known) => !equalTexts(known, hash));
    if (without.length === left.length) return false;
    const change = { account: row.account, codes: JSON.stringify(without) };
    return (await db.update("bk_totp", change, { where: { codes: row.codes } })).affected > 0;
  }

  async function take(row: CodeRow, code: string): Promise<boolean> {
    if (!/^\d{6}$/.test(code)) return takeRecovery(row, code);
    const step = stepOf(row, code);
    if (step === undefined) return false;
    return (await db.update("bk_totp", { account: row.account, step }, { where: { step: row.step, secret: row.secret } })).affected > 0;
  }

  /** Counts an attempt and looks at it, one at a time of an account: those that are made at once would all begin before the first one counts. */
  async function inTurn<T>(account: string, look: () => Promise<T>): Promise<T | Refusal> {
    if (busy.has(account)) return { ...refusal("tooMany"), retryAfterMs: 1000 };
    busy.add(account);
    try {
      const key = `code|${account}`;
      const waitMs = await attempts.waitMs(key, "");
      if (waitMs > 0) return { ...refusal("tooMany"), retryAfterMs: waitMs };
      await attempts.failed(key, "");
      return await look();
    } finally {
      busy.delete(account);
    }
  }

  return {
    async enroll({ id, login }) {
      const secret = new Secret({ buffer: clock.randomBytes(secretBytes).buffer as ArrayBuffer }).base32;
      const row: CodeRow = { account: id, secret: seal(secret, keys, place(id)), confirmed: false, step: 0, codes: "[]" };
      if (!(await addOrReplace(db, row))) throw new AuthError("already-exists", "the account has one-time codes already");
      return { secret, uri: totpOf(secret, login).toString() };
    },
    confirm: ({ id }, code) =>
      inTurn(id, async () => {
        const row = await rowOf(id);
        const step = row === undefined || row.confirmed || !/^\d{6}$/.test(code) ? undefined : stepOf(row, code);
        if (row === undefined || step === undefined) return refusal("codeNeeded");
        const recoveryCodes = Array.from({ length: recoveryCount }, () => recoveryCode(clock));
        const change = { account: id, confirmed: true, step, codes: JSON.stringify(recoveryCodes.map(hashOf)) };
        const { affected } = await db.update("bk_totp", change, { where: { confirmed: false, secret: row.secret } });
        return affected === 0 ? refusal("codeNeeded") : { ok: true, recoveryCodes };
      }),
    async isOn(accountId) {
      return (await rowOf(accountId))?.confirmed === true;
    },
    async check({ id }, code) {
      const row = await rowOf(id);
      if (row === undefined || !row.confirmed) return undefined;
      if (code === undefined || code === "") return refusal("codeNeeded");
      return inTurn(id, async () => ((await take(row, code.trim())) ? undefined : refusal("codeNeeded")));
    },
    async remove(accountId) {
      return (await db.del("bk_totp", { account: accountId })).affected > 0;
    },
  };
}

/** Only what was not confirmed is replaced. */
async function addOrReplace(db: CodeDb, row: CodeRow): Promise<boolean> {
  try {
    await db.add("bk_totp", row);
    return true;
  } catch (error) {
    if ((error as { code?: unknown } | undefined)?.code !== "already-exists") throw error;
    const { account, secret, step, codes } = row;
    return (await db.update("bk_totp", { account, secret, step, codes }, { where: { confirmed: false } })).affected > 0;
  }
}

/** 80 random bits, in groups that people can copy. */
function recoveryCode(clock: Clock): string {
  const text = new Secret({ buffer: clock.randomBytes(10).buffer as ArrayBuffer }).base32.toLowerCase();
  return text.match(/.{4}/g)!.join("-");
}

/** They are random, so that a fast hash serves. */
function hashOf(code: string): string {
  return createHash("sha256")
    .update(code.toLowerCase().replaceAll(/[^a-z2-7]/g, ""))
    .digest("base64url");
}
