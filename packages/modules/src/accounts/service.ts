// Accounts: what they say of themselves, over the logins of @bk/auth.

import { columnsIn } from "@bk/auth/row-rules";
import type { Clock, Log } from "@bk/core";

import { codeOf, denied, hasCode, invalid, notFound } from "../common/failures.js";
import { listOptions, type ListValues } from "../common/lists.js";
import { keepPace } from "../common/pace.js";
import { type PageReply, pageReply } from "../common/pages.js";
import { visible } from "../common/visible.js";
import type { CacheLike } from "../contract/cache.js";
import { type DbFor, unruled } from "../contract/caller-db.js";
import type { ModuleDb, Row } from "../contract/database.js";
import type { Caller } from "../contract/endpoint.js";
import type { AccountChange, Logins, Running, SecretChange } from "../contract/module.js";
import { type Removals, removals } from "./removals.js";
import type { accountTables } from "./tables.js";

export interface AccountServiceOptions {
  readonly db: ModuleDb;
  /** What callers may do with `bk_account`. Default: what the service says. */
  readonly dbFor?: DbFor;
  readonly cache: CacheLike;
  readonly logins: Logins;
  readonly clock: Clock;
  readonly log: Log;
  /** As `accountTables` gives it. */
  readonly tables: ReturnType<typeof accountTables>;
  /** The modules that keep something of accounts. */
  modules(): readonly Running[];
  /** How many accounts may be added from one address in a minute. Default 10. */
  readonly addsPerMinute?: number;
}

/** A new account: what it logs in with, and what it says of itself. */
export interface NewAccount {
  readonly login: string;
  readonly secret: string;
  readonly scramble?: boolean | undefined;
  /** Types such as `admin`; for admins. */
  readonly type?: string | undefined;
  readonly columns: Row;
}

export interface AccountService extends Pick<Removals, "begin" | "close"> {
  /** The caller's own account. */
  own(caller: Caller): Promise<Row>;
  /** Other accounts as the caller may see them, in the order asked; those that do not exist are left out. */
  others(caller: Caller, ids: readonly string[]): Promise<Row[]>;
  /**
   * Adds an account.
   *
   * @param address  where the request comes from; undefined where nothing is limited
   * @returns  its row, with the key where the caller does not have it
   * @throws BkError `invalid`; `already-exists`; `denied` for what admins set; `limited`
   */
  add(caller: Caller, account: NewAccount, address: string | undefined): Promise<Row>;
  /**
   * A page of the accounts whose columns are as given, or their number where `_total` asks for it.
   *
   * @throws BkError `denied` for a column that is not public, unless the caller is an admin; `invalid`
   */
  select(caller: Caller, filter: Row, list: ListValues): Promise<PageReply | { readonly count: number }>;
  /** Changes the caller's account; an admin may change another one's. */
  update(caller: Caller, id: string, columns: Row, type: string | undefined): Promise<Row>;
  /** A new secret, or new access tokens. */
  changeSecret(caller: Caller, change: SecretChange): Promise<void>;
  /** Removes an account and everything that modules keep of it; what takes long goes on after this resolves. */
  del(caller: Caller, id: string): Promise<void>;
}

const table = "bk_account";
/** What is kept with the login too. */
const shared = ["name", "email"] as const;

export function accountService(options: AccountServiceOptions): AccountService {
  const { db, cache, logins, log, tables, addsPerMinute = 10, dbFor = unruled(db) } = options;
  const definition = tables.bk_account;
  const removing = removals(options);

  /** The rows with what other modules have of their accounts. */
  async function described(caller: Caller, rows: readonly Row[]): Promise<Row[]> {
    let all = [...rows];
    for (const module of options.modules()) {
      const more = await module.describe?.(
        caller,
        rows.map(({ id }) => id as string),
      );
      if (more !== undefined) all = all.map((row) => ({ ...more.get(row["id"] as string), ...row }));
    }
    return all;
  }

  /** The account's row; made of its login where the login was added by another way. */
  async function rowOf(id: string, login: string): Promise<Row> {
    const row = await db.get(table, { id });
    if (row !== undefined) return row;
    const { name, email } = (await logins.get(login)) ?? {};
    try {
      const made = { id, login, name: name ?? login, ...(typeof email === "string" ? { email } : {}) };
      return (await db.add(table, made, { returning: "new" })).row!;
    } catch (error) {
      if (!hasCode(error, "already-exists")) throw error;
      return (await db.get(table, { id }))!;
    }
  }

  /** Tells the modules. What they do with it is theirs: the change stands. */
  async function told(kind: AccountChange["kind"], row: Row): Promise<void> {
    for (const module of options.modules()) {
      try {
        await module.accountChanged?.({ kind, account: visible(definition, row, "owner") });
      } catch (error) {
        log.error(`module ${module.name} failed when an account was ${kind}`, { code: codeOf(error) });
      }
    }
  }

  async function fullRow(caller: Caller, id: string, login: string): Promise<Row> {
    await rowOf(id, login);
    const [row, own] = [await dbFor(caller).get(table, { id }), await logins.get(login)];
    if (row === undefined) throw notFound("account not found");
    // What rules hide of the account its login does not tell.
    const others = Object.fromEntries(Object.entries(own ?? {}).filter(([name]) => !Object.hasOwn(definition, name) || name in row));
    return { ...others, ...visible(definition, row, caller.isAdmin ? "admin" : "owner") };
  }

  return {
    async own(caller) {
      const row = await fullRow(caller, caller.id, caller.login);
      return (await described(caller, [row]))[0]!;
    },

    async others(caller, ids) {
      const rows = new Map((await dbFor(caller).list(table, [...new Set(ids)])).map((row) => [row["id"], row]));
      const seen = ids.flatMap((id) => {
        const row = rows.get(id);
        return row === undefined ? [] : [visible(definition, row, caller.isAdmin ? "admin" : id === caller.id ? "owner" : "other")];
      });
      return described(caller, seen);
    },

    async add(caller, { login, secret, scramble, type, columns }, address) {
      if (type !== undefined && !caller.isAdmin) throw denied("type is set by admins only");
      const { name, email } = columns;
      if (typeof name !== "string" || name === "") throw invalid("name is required", "name");
      if (!caller.isAdmin && address !== undefined) await keepPace(cache, `account/add:${address}`, addsPerMinute);
      const added = await logins.add({
        login,
        secret,
        name,
        ...(typeof email === "string" ? { email } : {}),
        ...(scramble === undefined ? {} : { scramble }),
        ...(type === undefined ? {} : { type }),
      });
      const { id } = added;
      try {
        const mine = dbFor(caller);
        const { row } = await mine.add(table, { ...columns, id, login }, { returning: "new", whole: true });
        await told("added", row!);
        return {
          id,
          ...visible(definition, mine.masked(table, row!), "owner"),
          ...(added.secret === undefined ? {} : { secret: added.secret }),
        };
      } catch (error) {
        // What the columns are refused for, nobody can log in to. After a crash here the first call of the account makes its row.
        await logins.del(login, id);
        throw error;
      }
    },

    async select(caller, filter, list) {
      const { isAdmin } = caller;
      if (!isAdmin) {
        if (Object.keys(filter).length === 0) throw invalid("name at least one column to search by", "name");
        const sort = list._sort === undefined || list._sort === "" ? [] : [list._sort];
        // An order tells of what it is by.
        for (const name of [...columnsIn(filter), ...sort])
          if (!isPublic(definition, name)) throw denied(`accounts are not found by ${name.slice(0, 50)}`);
      }
      const mine = dbFor(caller);
      if (list._total) return { count: await mine.count(table, filter) };
      const page = await mine.select(table, filter, listOptions(list, definition));
      return pageReply(page, (row) => visible(definition, row, isAdmin ? "admin" : "other"));
    },

    async update(caller, id, columns, type) {
      const { isAdmin } = caller;
      if (id !== caller.id && !isAdmin) throw denied("another account is changed by admins only");
      if (type !== undefined && !isAdmin) throw denied("type is set by admins only");
      if (columns["name"] === null || columns["name"] === "") throw invalid("name cannot be emptied", "name");
      const login = id === caller.id ? caller.login : await logins.loginOf(id);
      if (login === undefined) throw notFound("account not found");
      const row = await rowOf(id, login);
      const mine = dbFor(caller);
      if (!mine.fits("read", table, row)) throw notFound("account not found");
      if (Object.keys(columns).length > 0 && (await mine.update(table, { ...columns, id })).affected === 0)
        throw denied("this account is not changed by its caller");
      const own = Object.fromEntries(shared.filter((name) => Object.hasOwn(columns, name)).map((name) => [name, columns[name]]));
      const changes = { ...own, ...(type === undefined ? {} : { type }) };
      if (Object.keys(changes).length > 0) await logins.update(login, changes, { asAdmin: isAdmin });
      await told("updated", await rowOf(id, login));
      return fullRow(caller, id, login);
    },

    async changeSecret({ login }, change) {
      if (change.secret === undefined && change.tokens !== true) throw invalid("secret or token_secret is required", "secret");
      await logins.changeSecret(login, change);
    },

    async del(caller, id) {
      if (id !== caller.id && !caller.isAdmin) throw denied("another account is removed by admins only");
      const login = id === caller.id ? caller.login : await logins.loginOf(id);
      const row = await db.get(table, { id });
      if (login === undefined && row === undefined) throw notFound("account not found");
      if (!dbFor(caller).fits("del", table, row ?? { id, login: login ?? null })) throw denied("this account is not removed by its caller");
      await removing.remove(id, login);
    },

    begin: () => removing.begin(),
    close: () => removing.close(),
  };
}

function isPublic(columns: Readonly<Record<string, object>>, name: string): boolean {
  return Object.hasOwn(columns, name) && (columns[name] as { readonly pub?: boolean }).pub === true;
}
