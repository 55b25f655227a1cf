// What a server keeps in its home folder: var/ with the embedded database and the master key.

import { hkdfSync, randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { BkError } from "@bk/core";
import type { OpenOptions } from "@bk/db";

import type { Configuration } from "./configuration.js";

/** The folder for what the server writes; made when it is missing, for this user alone. */
export function varFolder(home: string): string {
  const folder = join(home, "var");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new BkError("invalid", `home: cannot make the folder ${folder} (${(cause as NodeJS.ErrnoException).code})`, {
      detail: { field: "home" },
      cause,
    });
  }
  return folder;
}

/** The database of a configuration; where it names none, SQLite in the home folder. */
export function databaseOf({ home, db }: Configuration): string | { readonly pools: NonNullable<OpenOptions["pools"]> } {
  if (typeof db === "string") return db;
  if (db === undefined) return embeddedUrl(home);
  const entries = Object.entries(db.pools).map(
    ([name, pool]) => [name, pool.url === undefined ? { ...pool, url: embeddedUrl(home) } : pool] as const,
  );
  return { pools: Object.fromEntries(entries) };
}

function embeddedUrl(home: string): string {
  return `sqlite:${encodeURI(join(varFolder(home), "bk.db")).replace(/[?#]/g, encodeURIComponent)}`;
}

/** The key that encrypts secrets: the configured one, else that of var/master.key, which is made at first use. */
export function masterKeyOf({ home, masterKey }: Pick<Configuration, "home" | "masterKey">): string {
  if (masterKey !== undefined) return masterKey;
  const file = join(varFolder(home), "master.key");
  const key = readKey(file) ?? makeKey(file);
  if (key.length < 32)
    throw new BkError("invalid", `${file} holds no master key; put the old one back, or delete the file and all accounts`, {
      detail: { field: "master-key" },
    });
  return key;
}

function readKey(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new BkError("invalid", `master-key: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
}

/** Of several processes that start at the same time one makes the key; a link appears whole or not at all. */
function makeKey(file: string): string {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
    linkSync(draft, file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "EEXIST") throw new BkError("invalid", `master-key: cannot write ${file} (${code})`, { detail: { field: "home" }, cause });
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, "utf8").trim();
}

/** The key that signs commands to a fleet: the configured one, else one that follows from the master key. */
export function fleetKeyOf(configuration: Configuration): string {
  return configuration.config.get("bus-secret") ?? derived(masterKeyOf(configuration), "bk-server fleet");
}

/** The key of page tokens: the configured one, else one that follows from the master key, so that servers that share it agree. */
export function tokenKeyOf({ tokenKey }: Configuration, masterKey: string): string {
  return tokenKey ?? derived(masterKey, "bk-server page tokens");
}

function derived(masterKey: string, purpose: string): string {
  return Buffer.from(hkdfSync("sha256", masterKey, "", purpose, 32)).toString("base64url");
}
