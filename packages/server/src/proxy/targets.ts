// Which target a request is for.

import type { IncomingMessage } from "node:http";

import type { Balance } from "./balance.js";

/** Asked of this server itself, where no target names them by host or path: whoever watches it asks about it, not about others. */
export const ownPaths = /^\/(ping|health\/(live|ready))$/;

/** Those with a host come before those with a path alone, and these before those for everything; else the first that fits counts. */
export function chooserOf(balances: readonly Balance[]): (request: IncomingMessage) => Balance | undefined {
  const rank = ({ target: { host, path } }: Balance): number => (host !== undefined ? 0 : path !== undefined ? 1 : 2);
  const inOrder = balances.toSorted((a, b) => rank(a) - rank(b));
  return ({ url = "", headers }) => {
    const path = url.split("?", 1)[0]!;
    const host = (headers.host ?? "").toLowerCase().replace(/:\d+$/, "");
    return inOrder.find(({ target }) => {
      if (target.host === undefined && target.path === undefined) return !ownPaths.test(path);
      return target.host?.test(host) !== false && target.path?.test(path) !== false;
    });
  };
}
