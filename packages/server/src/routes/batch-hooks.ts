// Hooks for the items of a batch: each is as a request of its own would be.

import type { ChangeRows } from "../data/reply-rows.js";
import { writeCalls } from "../data/writes.js";
import { hookRequest } from "../hooks/hook-request.js";
import { privateNames } from "../hooks/private-names.js";
import { moduleCaller } from "../modules/caller.js";
import type { ServerContext, ServerRequest } from "./server-context.js";

/**
 * Lets hooks decide of each kind of item.
 *
 * @returns  what becomes of the rows of the results, in the order of the items; undefined where nothing does
 * @throws HttpError what they refuse an item with, before anything is done
 */
export async function batchHooks(context: ServerRequest, server: ServerContext, items: unknown): Promise<ChangeRows | undefined> {
  const { hooks, secrets, tables } = server;
  if (!Array.isArray(items) || !(["accessCheck", "preProcess", "postProcess"] as const).some((on) => hooks.has(on))) return undefined;
  const { account, source } = context.get("allowed");
  const caller = moduleCaller(account);
  const request = hookRequest(context, server);
  /** Which items a path has, by their places. */
  const byPath = new Map<string, number[]>();
  for (const [i, item] of (items as unknown[]).entries()) {
    const { op, table } = (typeof item === "object" && item !== null ? item : {}) as { readonly op?: unknown; readonly table?: unknown };
    // Others are refused for what they are.
    if (typeof table !== "string" || !tables.has(table) || !(writeCalls as readonly unknown[]).includes(op)) continue;
    const path = `/data/${op as string}/${table}`;
    byPath.set(path, [...(byPath.get(path) ?? []), i]);
  }
  for (const path of byPath.keys()) await hooks.checkWithin({ ...request, path }, caller, source);
  return async (results) => {
    for (const [path, places] of byPath) {
      const table = tables.get(path.split("/")[3]!);
      const change = hooks.changeRows({ ...request, path }, caller, () => privateNames(secrets, table, caller.isAdmin));
      if (change !== undefined) await change(places.flatMap((i) => (results[i] as { readonly row?: object } | undefined)?.row ?? []));
    }
  };
}
