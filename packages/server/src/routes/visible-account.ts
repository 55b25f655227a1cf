// An account as a reply may have it.

import { authTables } from "@bk/auth";

const secureColumns: ReadonlySet<string> = new Set(
  Object.entries(authTables.bk_auth)
    .filter(([, column]) => "secure" in column)
    .map(([name]) => name),
);

/** An account without what nobody may see. */
export function visibleAccount(account: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(account).filter(([name]) => !secureColumns.has(name)));
}
