// `bk-server account add|list|del`: accounts in the database, also while a server runs on it.

import { text } from "node:stream/consumers";

import { type AccountDb, accountsOf, addAccount, listAccounts, type NewAccount, removeAccount, type RemoveDb } from "@bk/auth";
import { BkError } from "@bk/core";

import { masterKeyOf } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { openDatabase } from "./open-database.js";

export interface AccountOptions {
  readonly login: string;
  readonly secret?: string;
  readonly name?: string;
  readonly email?: string;
  readonly type?: string;
  readonly scramble?: boolean;
}

/** Opens the database of a configuration for what is done with its accounts. */
export async function withAccounts<T>(configuration: Configuration, work: (db: AccountDb) => Promise<T>): Promise<T> {
  const { db } = await openDatabase({ ...configuration, tables: undefined });
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

/** Adds an account and prints its id and login; the secret too where it was made here. */
export async function addCommand(configuration: Configuration, { secret, ...others }: AccountOptions): Promise<void> {
  const given = secret === "-" ? (await text(process.stdin)).replace(/\r?\n$/, "") : secret;
  if (given === "") throw new BkError("invalid", "--secret is empty", { detail: { field: "secret" } });
  const account: NewAccount = { ...others, ...(given === undefined ? {} : { secret: given }) };
  const masterKey = masterKeyOf(configuration);
  try {
    print(
      await withAccounts(configuration, async (db) => {
        await checkMasterKey(db, masterKey);
        return addAccount(db, account, { masterKey });
      }),
    );
  } catch (error) {
    if (!(error instanceof BkError) || error.code !== "already-exists") throw error;
    throw new BkError("already-exists", `there is an account with the login ${JSON.stringify(account.login)} already`, { cause: error });
  }
}

/** An account made with another key than the others would leave a server that can read one kind or the other. */
export async function checkMasterKey(db: AccountDb, masterKey: string): Promise<void> {
  const stored = accountsOf(db, { masterKey });
  for await (const { login } of listAccounts(db)) {
    await stored.findByLogin(login);
    return;
  }
}

/** Prints every account as a line of JSON, without anything secret. */
export async function listCommand(configuration: Configuration): Promise<void> {
  await withAccounts(configuration, async (db) => {
    for await (const account of listAccounts(db)) print(account);
  });
}

export async function deleteCommand(configuration: Configuration, login: string): Promise<void> {
  const found = await withAccounts(configuration, async (db) => {
    const account = (await db.get("bk_auth", { login })) as { readonly id: string } | undefined;
    return account !== undefined && removeAccount(db as unknown as RemoveDb, { id: account.id, login });
  });
  if (!found) throw noAccount(login);
  print({ deleted: login });
}

export function noAccount(login: string): BkError {
  return new BkError("not-found", `there is no account with the login ${JSON.stringify(login)}`);
}

/** Prints a line of JSON. */
export function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
