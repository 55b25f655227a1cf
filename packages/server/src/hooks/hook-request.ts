import type { HookRequest } from "@bk/modules";

import { rawTarget } from "../request/check-frame.js";
import type { ServerContext, ServerRequest } from "../routes/server-context.js";

/** A request as hooks see it. */
export function hookRequest(context: ServerRequest, { addressOf }: Pick<ServerContext, "addressOf">): HookRequest {
  const { method, path, raw } = context.req;
  return {
    id: context.get("requestId"),
    method,
    path,
    url: rawTarget(context),
    headers: raw.headers,
    address: addressOf(context),
    get signal() {
      return raw.signal;
    },
  };
}
