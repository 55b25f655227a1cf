// @bk/modules/pushcart: messages from applications to clients, which read them by id or hear of them.

import type { BackendModule } from "../contract/module.js";
import { pushcartRoutes } from "./routes.js";
import { type PushcartOptions, pushcartService } from "./service.js";
import { pushcartTables } from "./tables.js";

export { pushcartTables } from "./tables.js";
export {
  pushcartChannel,
  type PushcartOptions,
  pushcartService,
  type PushcartService,
  type PushMessage,
  type Registered,
} from "./service.js";

export interface PushcartModuleOptions extends Pick<PushcartOptions, "keepDays" | "authToken"> {
  /** Before the paths, such as `/push`. Default none. */
  readonly prefix?: string;
}

/** The module `pushcart`: `/messages` and `/clients`. */
export function pushcart({ prefix = "", ...options }: PushcartModuleOptions = {}): BackendModule {
  return {
    name: "pushcart",
    tables: pushcartTables,
    start: (host) => ({ name: "pushcart", endpoints: pushcartRoutes(pushcartService({ ...host, ...options }), prefix) }),
  };
}
