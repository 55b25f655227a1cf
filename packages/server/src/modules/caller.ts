// Who calls, as endpoints and hooks are told.

import { accountTypes, type Allowed } from "@bk/auth";
import type { RuledAccount } from "@bk/auth/row-rules";
import type { Caller } from "@bk/modules";

type Account = NonNullable<Allowed["account"]>;

const nobody: Caller = { id: "", login: "", name: undefined, isAdmin: false, types: [] };
/** The account that a caller is, with the fields that rules may name and modules are not told. */
const accounts = new WeakMap<Caller, Account>();

/** @param account  undefined: nobody */
export function moduleCaller(account: Account | undefined): Caller {
  if (account === undefined) return nobody;
  const types = accountTypes(account);
  const caller = { id: account.id, login: account.login, name: account.name ?? undefined, isAdmin: types.includes("admin"), types };
  accounts.set(caller, account);
  return caller;
}

/** The account of a caller, as rules see it; of one that an app has made itself what it says. */
export function accountOf(caller: Caller): RuledAccount | undefined {
  const { id, login, name, types } = caller;
  return id === "" ? undefined : (accounts.get(caller) ?? { id, login, type: types, ...(name === undefined ? {} : { name }) });
}
