// @bk/modules/counters: numbers of accounts, such as likes and pings.

import type { BackendModule } from "../contract/module.js";
import { counterRoutes } from "./routes.js";
import { counterService } from "./service.js";
import { type CounterColumns, counterTables } from "./tables.js";

export { type CounterColumns, counterTables } from "./tables.js";
export { type Counts, counterService, type CounterService, type CounterServiceOptions } from "./service.js";

export interface CountersOptions {
  /** Further counters of the app. */
  readonly columns?: CounterColumns;
  /** How often an account may add to counters of others, in a minute. Default 60. */
  readonly pingsPerMinute?: number;
}

/** The module `counters`: `/counter/get`, `put`, `update`, `incr`. */
export function counters({ columns, pingsPerMinute }: CountersOptions = {}): BackendModule {
  const tables = counterTables(columns);
  return {
    name: "counters",
    tables,
    ruled: { bk_counter: { verbs: ["read", "add", "update"], needs: ["id"] } },
    start(host) {
      const service = counterService({ ...host, columns: tables.bk_counter, ...(pingsPerMinute === undefined ? {} : { pingsPerMinute }) });
      return { name: "counters", endpoints: counterRoutes(service), forget: (id) => service.forget(id) };
    },
  };
}
