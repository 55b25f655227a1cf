// @bk/modules/accounts: signing up, and what accounts say of themselves.

import { BkError } from "@bk/core";

import type { BackendModule } from "../contract/module.js";
import { subscribing, type SubscribeOptions } from "../events/routes.js";
import { eventTables } from "../events/tables.js";
import { accountRoutes } from "./routes.js";
import { accountService } from "./service.js";
import { type AccountColumns, accountTables } from "./tables.js";

export { type AccountColumns, accountTables } from "./tables.js";
export type { SubscribeOptions } from "../events/routes.js";
export { accountService, type AccountService, type AccountServiceOptions, type NewAccount } from "./service.js";

export interface AccountsOptions {
  /** Further columns of accounts. */
  readonly columns?: AccountColumns;
  /** Who may add accounts: `open`, everybody; `admin`, admins alone (and the command line). Default `admin`. */
  readonly signUp?: "open" | "admin";
  /** How many accounts may be added from one address in a minute. Default 10. */
  readonly addsPerMinute?: number;
  /** How `/account/subscribe` waits. */
  readonly subscribe?: SubscribeOptions;
}

/** The module `accounts`: `/account/get`, `add`, `select`, `update`, `put/secret`, `del`, `subscribe`. */
export function accounts({ columns, signUp = "admin", addsPerMinute, subscribe }: AccountsOptions = {}): BackendModule {
  const tables = accountTables(columns);
  return {
    name: "accounts",
    tables: { ...tables, ...eventTables },
    ruled: { bk_account: { verbs: ["read", "add", "update", "del"], needs: ["id"], sets: ["login"] } },
    start(host) {
      const { logins } = host;
      if (logins === undefined)
        throw new BkError("unsupported", "the module accounts keeps logins in bk_auth; a server with accounts of its own cannot have it");
      const service = accountService({ ...host, logins, tables, ...(addsPerMinute === undefined ? {} : { addsPerMinute }) });
      const { endpoint, end } = subscribing(host, subscribe);
      return {
        name: "accounts",
        endpoints: [...accountRoutes(service, signUp, tables.bk_account), endpoint],
        forget: (id) => host.events.forget(id),
        begin: () => service.begin(),
        drain: end,
        close: () => service.close(),
      };
    },
  };
}
