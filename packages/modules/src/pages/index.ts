// @bk/modules/pages: a wiki in Markdown.

import type { BackendModule } from "../contract/module.js";
import { pageRoutes } from "./routes.js";
import { pageService, type PageServiceOptions } from "./service.js";
import { pageTables } from "./tables.js";

export { pageTables } from "./tables.js";
export { pageService, type PageService, type PageServiceOptions } from "./service.js";

export interface PagesOptions extends Pick<PageServiceOptions, "main" | "folder" | "keepVersions" | "writesPerMinute"> {
  /** Who may read the files of `folder`: accounts (default), or everybody. */
  readonly filesFor?: "account" | "anybody";
}

/** The module `pages`: `/pages/get`, `select`, `search`, `put`, `del`, `history`, `revert`, `show`, `file`. */
export function pages({ filesFor = "account", ...options }: PagesOptions = {}): BackendModule {
  return {
    name: "pages",
    tables: pageTables,
    ruled: {
      bk_pages: {
        verbs: ["read", "add", "update", "del"],
        needs: ["id", "pub", "userid", "version", "mtime"],
        sets: ["version", "mtime", "userid"],
      },
    },
    start(host) {
      const service = pageService({ db: host.db, dbFor: host.dbFor, cache: host.cache, clock: host.clock, log: host.log, ...options });
      return {
        name: "pages",
        endpoints: pageRoutes(service, filesFor),
        forget: (id) => service.forget(id),
        close: () => service.close(),
      };
    },
  };
}
