// @bk/modules/connections: who is connected with whom.

import type { BackendModule } from "../contract/module.js";
import { connectionRoutes } from "./routes.js";
import { connectionService, type ConnectionVerb } from "./service.js";
import { type ConnectionColumns, connectionRuled, connectionTables } from "./tables.js";

export { type ConnectionColumns, type ConnectionTables, connectionTables } from "./tables.js";
export {
  type ConnectionService,
  connectionService,
  type ConnectionServiceOptions,
  type ConnectionVerb,
  type Side,
  type WriteOptions,
} from "./service.js";

export interface ConnectionsOptions {
  /** Columns of the app for each connection, which its maker sets and its peer sees. */
  readonly columns?: ConnectionColumns;
  /** What may be done with connections of a type: `{ friend: ["add", "del"] }`. Types that are not named here allow everything. */
  readonly allow?: Readonly<Record<string, readonly ConnectionVerb[]>>;
}

/**
 * The module `connections`: `/connection/add`, `put`, `update`, `incr`, `del`, `get`, `select` and `/reference/get`, `select`. Where
 * the module `counters` runs, connections of type `X` are counted in its columns `X0` and `X1`.
 */
export function connections({ columns, allow }: ConnectionsOptions = {}): BackendModule {
  const tables = connectionTables(columns);
  return {
    name: "connections",
    tables: { ...tables },
    ruled: connectionRuled,
    start(host) {
      const service = connectionService({ ...host, own: tables, ...(allow === undefined ? {} : { allow }) });
      const ending = new AbortController();
      const repairing = service.repairing(ending.signal);
      return {
        name: "connections",
        endpoints: connectionRoutes(service, tables.bk_connection),
        forget: (id) => service.forget(id),
        async close() {
          ending.abort();
          await repairing;
        },
      };
    },
  };
}
