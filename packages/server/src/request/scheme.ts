// Whether a request came over TLS.

import type { IncomingMessage } from "node:http";

import { trustTest } from "./client-address.js";

/** Whether TLS ends here. */
export const isEncrypted = (socket: object | undefined): boolean => (socket as { encrypted?: boolean } | undefined)?.encrypted === true;

export type IsSecure = (request: Pick<IncomingMessage, "socket" | "headers">) => boolean;

/**
 * Whether a request came over TLS: to this server, or to a proxy whose `X-Forwarded-Proto` is believed. Of several words there the first one counts, as that is
 * about the client.
 *
 * @param trusted  addresses, and networks such as `10.0.0.0/8`; of others the header is not looked at
 * @param behindOwnProxy  all connections come from a proxy of this server's own
 * @throws BkError `invalid` for a text that is no address or network
 */
export function secureTest(trusted: readonly string[], behindOwnProxy = false): IsSecure {
  const isTrusted = trusted.length === 0 ? undefined : trustTest(trusted);
  const isProxy = (address: string | undefined): boolean => behindOwnProxy || (address !== undefined && isTrusted?.(address) === true);
  return ({ socket, headers }) => {
    const said = headers["x-forwarded-proto"];
    if (said === undefined || !isProxy(socket.remoteAddress)) return isEncrypted(socket);
    return String(said).split(",")[0]!.trim().toLowerCase() === "https";
  };
}
