// Who may call what, of the server as a whole.

import { type AccessRules, defaultAllowPaths } from "@bk/auth";
import type { RowRules } from "@bk/auth/row-rules";
import type { Who } from "@bk/modules";

import type { EndpointMap } from "./modules/endpoint-map.js";

/** The rules of the app, and what the server and its modules open or close. */
export function rulesWith(rules: AccessRules, { all }: EndpointMap, { anonymous }: RowRules, open: readonly string[]): AccessRules {
  const paths = (who: Who): string[] => all.filter(({ endpoint }) => endpoint.who === who).map(({ endpoint: { path } }) => path);
  return {
    ...rules,
    allowPaths: [...(rules.allowPaths ?? defaultAllowPaths), ...open, ...paths("anybody")],
    // Tables say themselves what somebody without an account may do.
    allowAnonymous: [...(rules.allowAnonymous ?? []), ...paths("anonymous"), ...(anonymous.length === 0 ? [] : ["/data/*"])],
    allowAdmin: [...(rules.allowAdmin ?? []), ...paths("admin")],
  };
}
