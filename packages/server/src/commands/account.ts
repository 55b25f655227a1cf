// `bk-server account add|get|update|list|del`: accounts in the database, also while a server runs on it.

import {
  type AccountDb,
  accountsOf,
  addAccount,
  changeSecret,
  listAccounts,
  type NewAccount,
  removeAccount,
  type RemoveDb,
} from "@bk/auth";
import { BkError } from "@bk/core";

import type { ServedDb } from "../data/served-db.js";
import { masterKeyOf } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { allModules } from "./all-modules.js";
import { pairOf } from "./fields.js";
import { requireModule, withModules } from "./in-process.js";
import { openDatabase } from "./open-database.js";
import { printJson } from "./output.js";
import { confirm, secretOf } from "./secret.js";

/** What an account is named by: one of them. */
export interface WhichAccount {
  readonly login?: string | undefined;
  readonly id?: string | undefined;
}

export interface AddOptions {
  readonly login: string;
  readonly secret?: string;
  readonly name?: string;
  readonly email?: string;
  readonly type?: string;
  readonly scramble?: boolean;
}

export interface UpdateOptions extends WhichAccount, Omit<AddOptions, "login"> {}

interface AuthRow {
  readonly id: string;
  readonly login: string;
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
export async function addAccountCommand(
  configuration: Configuration,
  { secret, login, name, email, type, scramble }: AddOptions,
  words: readonly string[],
): Promise<void> {
  const columns = Object.fromEntries(words.map(pairOf));
  if (words.length > 0) requireAccounts(await isServed(configuration));
  const account: NewAccount = { login, name, email, type, scramble, ...(secret === undefined ? {} : { secret: await secretOf(secret) }) };
  const masterKey = masterKeyOf(configuration);
  const added = await withAccounts(configuration, async (db) => {
    await checkMasterKey(db, masterKey);
    return addAccount(db, account, { masterKey });
  }).catch((error: unknown) => {
    if (!(error instanceof BkError) || error.code !== "already-exists") throw error;
    throw new BkError("already-exists", `there is an account with the login ${JSON.stringify(login)} already`, { cause: error });
  });
  if (words.length > 0) await updateProfile(configuration, added, columns);
  printJson(added);
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
export async function listAccountsCommand(configuration: Configuration): Promise<void> {
  await withAccounts(configuration, async (db) => {
    for await (const account of listAccounts(db)) printJson(account);
  });
}

/** Prints accounts, by logins or ids, with what the module `accounts` has of them. */
export async function getAccountsCommand(configuration: Configuration, _options: object, names: readonly string[]): Promise<void> {
  const print = async (describe: (row: AuthRow) => Promise<object>): Promise<void> =>
    withAccounts(configuration, async (db) => {
      for (const name of names) printJson(await describe(await rowOf(db, { login: name }, { id: name })));
    });
  if (!(await isServed(configuration))) return print((row) => Promise.resolve(row));
  await withModules(configuration, ({ call }) => print((row) => call("/account/get", row, {}) as Promise<object>));
}

/** Changes what an account says of itself, its types, or its secret, and prints which account that is. */
export async function updateAccountCommand(
  configuration: Configuration,
  { login: givenLogin, id: givenId, secret, scramble, name, email, type }: UpdateOptions,
  words: readonly string[],
): Promise<void> {
  const given = Object.entries({ name, email, type }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const changes = Object.fromEntries([...given, ...words.map(pairOf)]);
  if (Object.keys(changes).length === 0 && secret === undefined)
    throw new BkError("invalid", "say what becomes of the account: --name, --email, --type, --secret, or column=value");
  const masterKey = masterKeyOf(configuration);
  const chosen = secret === undefined ? undefined : await secretOf(secret);
  const served = Object.keys(changes).length > 0 && (await isServed(configuration));
  if (words.length > 0) requireAccounts(served);
  const { account, changed } = await withAccounts(configuration, async (db) => {
    const found = await rowOf(db, { login: givenLogin, id: givenId });
    if (Object.keys(changes).length > 0 && !served) await (db as unknown as ServedDb).update("bk_auth", { login: found.login, ...changes });
    if (chosen === undefined) return { account: found, changed: {} };
    const { secret: made } = await changeSecret(db, { login: found.login, secret: chosen, scramble }, { masterKey });
    return { account: found, changed: made === undefined ? {} : { secret: made } };
  });
  if (served) await updateProfile(configuration, account, changes);
  printJson({ id: account.id, login: account.login, ...changed });
}

async function updateProfile(configuration: Configuration, account: AuthRow, changes: Readonly<Record<string, string>>): Promise<void> {
  await withModules(configuration, ({ call }) => call("/account/update", account, { id: account.id, ...changes }));
}

/** Deletes an account and what is kept of it, by the modules that are served. */
export async function deleteAccountCommand(
  configuration: Configuration,
  { yes, ...which }: WhichAccount & { readonly yes?: boolean },
): Promise<void> {
  const account = await accountNamed(configuration, which);
  await confirm(`the account ${JSON.stringify(account.login)} and all that is kept of it are deleted`, { yes });
  if (await isServed(configuration)) await withModules(configuration, ({ call }) => call("/account/del", account, { id: account.id }));
  else {
    const { id, login } = account;
    const isFound = await withAccounts(configuration, (db) => removeAccount(db as unknown as RemoveDb, { id, login }));
    if (!isFound) throw noAccount(which);
  }
  printJson({ deleted: account.login });
}

const isServed = async (configuration: Configuration): Promise<boolean> =>
  (await allModules(configuration)).some(({ name }) => name === "accounts");

const requireAccounts = (served: boolean): void => requireModule({ has: () => served }, "accounts");

/** @throws BkError `not-found`; `invalid` where neither login nor id is given */
export function accountNamed(configuration: Configuration, which: WhichAccount): Promise<AuthRow> {
  return withAccounts(configuration, (db) => rowOf(db, which));
}

/** The row of an account, without what is secret. @throws BkError `not-found` when none of them finds it; `invalid` for no name */
async function rowOf(db: AccountDb, ...ways: readonly WhichAccount[]): Promise<AuthRow> {
  for (const { login, id } of ways) {
    if ((login === undefined) === (id === undefined))
      throw new BkError("invalid", "give either --login or --id", { detail: { field: "login" } });
    const own = login ?? (await loginOf(db, id!).catch(onlyMissing));
    const row = own === undefined ? undefined : await db.get("bk_auth", { login: own });
    if (row !== undefined) {
      const { id: found, login: name, ...others } = row as AuthRow & Readonly<Record<string, unknown>>;
      const shown = Object.fromEntries(
        ["name", "email", "type", "status", "ctime", "mtime"].map((column) => [column, others[column] ?? null]),
      );
      return { id: found, login: name, ...shown };
    }
  }
  throw noAccount(ways[0]!);
}

function onlyMissing(error: unknown): undefined {
  if (!(error instanceof BkError) || error.code !== "not-found") throw error;
}

/** @throws BkError `not-found` */
export async function loginOf(db: AccountDb, id: string): Promise<string> {
  const { rows } = await (db as unknown as ServedDb).select("bk_auth", { id }, { count: 1, select: ["login"] });
  if (rows[0] === undefined) throw noAccount({ id });
  return rows[0]["login"] as string;
}

export function noAccount({ login, id }: WhichAccount): BkError {
  return new BkError("not-found", `there is no account with the ${login === undefined ? "id" : "login"} ${JSON.stringify(login ?? id)}`);
}
