// @bk/modules/system: what admins see of a running server, and do to it.

import type { BackendModule } from "../contract/module.js";
import { systemRoutes } from "./routes.js";
import { systemService, type SystemOptions } from "./service.js";

export type { HistogramState } from "./histogram.js";
export type { ProcessesOfServer, StatPart } from "./stat-part.js";
export {
  systemService,
  type ServerStats,
  type SystemOptions,
  type SystemQueue,
  type SystemService,
  type SystemServiceOptions,
} from "./service.js";

/** The module `system`: `/system/stats`, `cache`, `params`, `log`, `jobs`, `queue`, `restart`, for admins. */
export function system(options: SystemOptions = {}): BackendModule {
  return {
    name: "system",
    tables: {},
    start({ db, cache, clock, log }) {
      const service = systemService({ db, cache, clock, log, ...options });
      return { name: "system", endpoints: systemRoutes(service), hooks: service.hooks, close: () => service.close() };
    },
  };
}
