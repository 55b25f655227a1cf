// What the server lends to its modules.

import {
  addAccount,
  authTables,
  changeSecret,
  type MasterKey,
  type PasswordPolicy,
  removeAccount,
  type RemoveDb,
  type SessionStore,
} from "@bk/auth";
import type { Cache } from "@bk/cache";
import { BkError, type Log, systemClock } from "@bk/core";
import type { Db } from "@bk/db";
import {
  accountDirectory,
  accountEvents,
  type BusLike,
  callsOf,
  type DbFor,
  type Directory,
  type Logins,
  type ModuleDb,
  type ModuleHost,
  unruled,
} from "@bk/modules";

import { type ModuleRules, ruledDbs } from "./ruled-db.js";

export interface Lent {
  readonly db: Db;
  readonly cache: Cache;
  readonly bus: BusLike;
  /** Absent where accounts are the app's own. */
  readonly masterKey: MasterKey | undefined;
  readonly folder: string;
  readonly log: Log;
  /** Where the sessions of accounts are. */
  readonly sessions: SessionStore;
  /** What passwords must be like. */
  readonly policy: PasswordPolicy | undefined;
  /** Whether the module of accounts runs. */
  readonly hasAccounts: boolean;
  /** What apps say of the modules' tables, if they do. */
  readonly rules: ModuleRules | undefined;
}

/** How long events are kept for listeners that come back. */
const keptEventsMs = 5 * 60_000;

/** What all modules are lent alike. */
export type SharedHost = Omit<ModuleHost, "modules" | "tables" | "dispatch" | "config" | "jobs">;

export function moduleHost(lent: Lent): SharedHost {
  const { db: opened, cache, bus, masterKey, folder, log, hasAccounts, rules } = lent;
  const db = callsOf(opened);
  const dbFor = rules === undefined ? unruled(db) : ruledDbs(db, rules);
  const logins = masterKey === undefined ? undefined : loginsOf(db, masterKey, lent);
  return {
    db,
    dbFor,
    cache,
    events: accountEvents({ bus, log, ...(hasAccounts ? { keep: { db, ms: keptEventsMs } } : {}) }),
    bus,
    directory: directoryOf(db, dbFor, hasAccounts, logins !== undefined),
    logins,
    clock: systemClock,
    folder,
    log,
  };
}

/** Names of the module of accounts where it runs, and of logins: somebody may have been added by the command line. */
function directoryOf(db: ModuleDb, dbFor: DbFor, hasAccounts: boolean, hasLogins: boolean): Directory {
  const named = hasAccounts ? accountDirectory(db, dbFor) : undefined;
  return {
    async find(ids, caller) {
      const found = new Map(await named?.find(ids, caller));
      const missing = [...new Set(ids)].filter((id) => !found.has(id));
      // Whose row has rules is not told of by another table.
      const isRuled = caller !== undefined && hasAccounts && dbFor(caller).isRuled("bk_account");
      if (!hasLogins || isRuled || missing.length === 0) return found;
      const { rows } = await db.select("bk_auth", { id: missing }, { select: ["id", "name"], count: missing.length });
      for (const { id, name } of rows) found.set(id as string, { id: id as string, name: (name as string | null) ?? undefined });
      return found;
    },
  };
}

/** Columns of logins with a flag. */
const flagged = (flag: "secure" | "admin"): ReadonlySet<string> =>
  new Set(
    Object.entries(authTables.bk_auth)
      .filter(([, column]) => flag in column)
      .map(([name]) => name),
  );
const [secure, admin] = [flagged("secure"), flagged("admin")];
const fixed: ReadonlySet<string> = new Set([...secure, "login", "id", "ctime"]);

function loginsOf(db: ModuleDb, masterKey: MasterKey, { db: opened, sessions: store, policy }: Lent): Logins {
  return {
    add: (login) => addAccount(opened, login, { masterKey, policy }),
    async loginOf(id) {
      const { rows } = await db.select("bk_auth", { id }, { select: ["login"], count: 1 });
      return rows[0]?.["login"] as string | undefined;
    },
    async get(login) {
      const row = await db.get("bk_auth", { login });
      return row === undefined
        ? undefined
        : Object.fromEntries(Object.entries(row).filter(([name]) => !secure.has(name) && !admin.has(name)));
    },
    async update(login, changes, { asAdmin }) {
      for (const name of Object.keys(changes))
        if (fixed.has(name) || (admin.has(name) && !asAdmin))
          throw new BkError("denied", `${name} is not changed here`, { detail: { field: name } });
      const { affected } = await db.update("bk_auth", { login, ...changes });
      if (affected === 0) throw new BkError("not-found", "account not found");
    },
    async changeSecret(login, { secret, oldSecret, tokens }) {
      await changeSecret(opened, { login, secret, oldSecret, tokenSecret: tokens }, { masterKey, store, policy });
    },
    async del(login, id) {
      await removeAccount(db as unknown as RemoveDb, { id, login }, store);
    },
  };
}
