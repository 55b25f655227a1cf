// Who calls, as endpoints and hooks are told.

import { accountTypes, type Allowed } from "@bk/auth";
import type { Caller } from "@bk/modules";

type Account = NonNullable<Allowed["account"]>;

const nobody: Caller = { id: "", login: "", name: undefined, isAdmin: false, types: [] };

/** @param account  undefined: nobody */
export function moduleCaller(account: Account | undefined): Caller {
  if (account === undefined) return nobody;
  const types = accountTypes(account);
  return { id: account.id, login: account.login, name: account.name ?? undefined, isAdmin: types.includes("admin"), types };
}
