// The address that a request comes from: the socket's, or what a proxy that is trusted says.

import { isIP } from "node:net";

import { networkTest } from "@bk/auth";
import { BkError } from "@bk/core";

import type { ServerRequest } from "../routes/server-context.js";

export type AddressOf = (context: ServerRequest) => string | undefined;

/** Where there is no proxy: the address of the socket; undefined where there is no socket. */
export const socketAddress: AddressOf = ({ env }) => env?.incoming?.socket?.remoteAddress;

/**
 * Reads `X-Forwarded-For` from the right, as long as who wrote it is trusted: what stands before that anybody could have sent.
 *
 * @param trusted  addresses, and networks such as `10.0.0.0/8`; without any the header is not looked at
 * @throws BkError `invalid` for a text that is neither
 */
export function clientAddress(trusted: readonly string[]): AddressOf {
  if (trusted.length === 0) return socketAddress;
  const isProxy = networkTest(trusted);
  if (typeof isProxy !== "function")
    throw new BkError(
      "invalid",
      `trusted proxies: ${JSON.stringify(isProxy.wrong.slice(0, 60))} is no address or network such as 10.0.0.0/8`,
      {
        detail: { field: "trustedProxies" },
      },
    );
  return (context) => {
    let address = socketAddress(context);
    const hops = context.env?.incoming?.headers["x-forwarded-for"];
    if (address === undefined || hops === undefined) return address;
    const before = (typeof hops === "string" ? hops : (hops as readonly string[]).join(",")).split(",");
    while (isProxy(address) && before.length > 0) {
      const next = before.pop()!.trim();
      // What is no address is nobody's; the proxy that passed it on stands for it.
      if (isIP(next) === 0) break;
      address = next;
    }
    return address;
  };
}
