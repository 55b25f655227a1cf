// The address that a request comes from: the socket's, or what a proxy that is trusted says.

import { isIP } from "node:net";

import { networkTest, type NetworkTest } from "@bk/auth";
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
  const isProxy = trustTest(trusted);
  return (context) => {
    const address = socketAddress(context);
    return address === undefined ? undefined : forwardedAddress(address, context.env?.incoming?.headers["x-forwarded-for"], isProxy);
  };
}

/**
 * Whose word on others counts.
 *
 * @throws BkError `invalid` for a text that is no address or network
 */
export function trustTest(trusted: readonly string[]): NetworkTest {
  const test = networkTest(trusted);
  if (typeof test === "function") return test;
  throw new BkError("invalid", `trusted proxies: ${JSON.stringify(test.wrong.slice(0, 60))} is no address or network such as 10.0.0.0/8`, {
    detail: { field: "trustedProxies" },
  });
}

/** The client behind a peer, by the header that proxies among them write. */
export function forwardedAddress(peer: string, hops: string | readonly string[] | undefined, isProxy: NetworkTest): string {
  if (hops === undefined) return peer;
  let address = peer;
  const before = (typeof hops === "string" ? hops : hops.join(",")).split(",");
  while (isProxy(address) && before.length > 0) {
    const next = before.pop()!.trim();
    // What is no address is nobody's; the proxy that passed it on stands for it.
    if (isIP(next) === 0) break;
    address = next;
  }
  return address;
}

/**
 * Where all connections come from a proxy of this server's own, as over a socket that has no address: the last hop is the client as that proxy
 * has seen it.
 *
 * @throws BkError `invalid` for a text that is no address or network
 */
export function addressByOwnProxy(trusted: readonly string[]): AddressOf {
  const isProxy = trustTest(trusted);
  return ({ env }) => {
    const hops = String(env?.incoming?.headers["x-forwarded-for"] ?? "").split(",");
    const last = hops.pop()!.trim();
    return isIP(last) === 0 ? undefined : forwardedAddress(last, hops.join(","), isProxy);
  };
}
