// @bk/modules/status: what accounts are doing, and whether they are there.

import { BkError } from "@bk/core";

import type { Hook } from "../contract/hooks.js";
import type { BackendModule } from "../contract/module.js";
import { statusRoutes } from "./routes.js";
import { statusService } from "./service.js";
import { type StatusColumns, statusTables } from "./tables.js";

export { type StatusColumns, statusTables } from "./tables.js";
export { type PutOptions, type StatusService, statusService, type StatusServiceOptions } from "./service.js";

export interface StatusOptions {
  /** Columns of the app for each status; others see `pub` ones. */
  readonly columns?: StatusColumns;
  /** How long an account is online after it was last there, in milliseconds: a minute to a day. Default 15 minutes. */
  readonly intervalMs?: number;
  /** Whether every request of an account says that it is there, noted once in a fifteenth of the interval. Default false. */
  readonly touch?: boolean;
}

/** The module `status`: `/status/put`, `get`, `del`. */
export function status({ columns, intervalMs, touch = false }: StatusOptions = {}): BackendModule {
  if (intervalMs !== undefined && !(intervalMs >= 60_000 && intervalMs <= 86_400_000))
    throw new BkError("invalid", "status: intervalMs is from a minute to a day", { detail: { field: "intervalMs" } });
  const own = statusTables(columns);
  return {
    name: "status",
    tables: { ...own },
    ruled: {
      bk_status: {
        verbs: ["read", "add", "update", "del"],
        needs: ["id", "status", "atime", "mtime"],
        writes: ["status"],
        sets: ["name", "atime", "mtime"],
      },
    },
    start(host) {
      const service = statusService({ ...host, columns: own.bk_status, ...(intervalMs === undefined ? {} : { intervalMs }) });
      const note: Hook = {
        on: "cleanup",
        path: "/",
        run: async (_request, { caller }) => (caller === undefined || caller.id === "" ? undefined : service.touch(caller.id)),
      };
      return {
        name: "status",
        endpoints: statusRoutes(service, own.bk_status),
        ...(touch ? { hooks: [note] } : {}),
        forget: (id) => service.forget(id),
      };
    },
  };
}
