// `bk-server key add|list|revoke`: keys that sign by RFC 9421, in the database, also while a server runs on it.

import { createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import { type DbKeys, dbKeys, type KeyDb } from "@bk/auth";
import { BkError } from "@bk/core";

import { masterKeyOf } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { checkMasterKey, noAccount, withAccounts } from "./account.js";
import { printJson } from "./output.js";

export interface KeyOptions {
  readonly login: string;
  readonly keyid?: string;
  /** A file with an ed25519 key as PEM text; of a private one only the public part is kept. */
  readonly publicKey?: string;
  /** Scopes between semicolons. */
  readonly scopes?: string;
  /** A date, or a date and time. */
  readonly ends?: string;
}

interface Opened {
  readonly keys: DbKeys;
  /** The id of the account with this login. @throws BkError `not-found` */
  idOf(login: string): Promise<string>;
}

function withKeys<T>(configuration: Configuration, work: (opened: Opened) => Promise<T>): Promise<T> {
  const masterKey = masterKeyOf(configuration);
  return withAccounts(configuration, async (db) => {
    await checkMasterKey(db, masterKey);
    return work({
      keys: dbKeys(db as unknown as KeyDb, { masterKey }),
      async idOf(login) {
        const account = (await db.get("bk_auth", { login })) as { readonly id: string } | undefined;
        if (account === undefined) throw noAccount({ login });
        return account.id;
      },
    });
  });
}

/** Adds a key and prints its id; the secret too, which is made here where no public key is given. */
export async function addKeyCommand(configuration: Configuration, options: KeyOptions): Promise<void> {
  const { login, keyid = `key_${randomBytes(9).toString("base64url")}`, scopes } = options;
  const ends = options.ends === undefined ? undefined : Date.parse(options.ends);
  if (Number.isNaN(ends)) throw invalid("ends", "is no date, such as 2030-01-31");
  const secret = options.publicKey === undefined ? randomBytes(32).toString("base64url") : undefined;
  const key =
    secret === undefined
      ? ({ algorithm: "ed25519", publicKey: publicKeyIn(options.publicKey!) } as const)
      : ({ algorithm: "hmac-sha256", secret } as const);
  try {
    await withKeys(configuration, async ({ keys, idOf }) => {
      await keys.add({
        keyid,
        login,
        account: await idOf(login),
        key,
        ...(ends === undefined ? {} : { ends }),
        ...(scopes === undefined ? {} : { scopes: scopes.split(";").map((scope) => scope.trim()) }),
      });
    });
  } catch (error) {
    if (!(error instanceof BkError) || error.code !== "already-exists") throw error;
    throw new BkError("already-exists", `there is a key ${JSON.stringify(keyid)} already`, { cause: error });
  }
  printJson({ keyid, login, ...(secret === undefined ? {} : { secret }) });
}

/** Prints the keys of a login as lines of JSON, without what signs. */
export async function listKeysCommand(configuration: Configuration, { login }: Pick<KeyOptions, "login">): Promise<void> {
  const found = await withKeys(configuration, async ({ keys, idOf }) => {
    await idOf(login);
    return keys.list(login);
  });
  for (const key of found) printJson(key);
}

/** Ends a key now. Its row stays, so that the log of what it signed can be understood. */
export async function revokeKeyCommand(
  configuration: Configuration,
  { login, keyid }: { readonly login: string; readonly keyid: string },
): Promise<void> {
  const found = await withKeys(configuration, async ({ keys }) => {
    const isTheirs = (await keys.list(login)).some((key) => key.keyid === keyid);
    // A key counts through the millisecond in which it ends.
    return isTheirs && keys.end(keyid, Date.now() - 1);
  });
  if (!found) throw new BkError("not-found", `${JSON.stringify(login)} has no key ${JSON.stringify(keyid)}`);
  printJson({ revoked: keyid });
}

/** The public key of a file, as PEM text. */
function publicKeyIn(file: string): string {
  let key: KeyObject;
  try {
    key = createPublicKey(readFileSync(file));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).syscall === undefined ? undefined : (cause as NodeJS.ErrnoException).code;
    throw invalid("public-key", code === undefined ? `${file} holds no key as PEM text` : `cannot read ${file} (${code})`, cause);
  }
  if (key.asymmetricKeyType !== "ed25519") throw invalid("public-key", `${file} holds a key that is not of ed25519`);
  return key.export({ type: "spki", format: "pem" }) as string;
}

function invalid(field: string, what: string, cause?: unknown): BkError {
  return new BkError("invalid", `--${field}: ${what}`, { detail: { field }, cause });
}
