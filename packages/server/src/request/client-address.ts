// The address that a request comes from: the socket's, or what a proxy that is trusted says.

import { BlockList, isIP } from "node:net";

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
  const proxies = new BlockList();
  for (const entry of trusted) addTo(proxies, entry);
  return (context) => {
    let address = socketAddress(context);
    const hops = context.env?.incoming?.headers["x-forwarded-for"];
    if (address === undefined || hops === undefined) return address;
    const before = (typeof hops === "string" ? hops : (hops as readonly string[]).join(",")).split(",");
    while (isIn(proxies, address) && before.length > 0) {
      const next = before.pop()!.trim();
      // What is no address is nobody's; the proxy that passed it on stands for it.
      if (isIP(next) === 0) break;
      address = next;
    }
    return address;
  };
}

function addTo(proxies: BlockList, entry: string): void {
  const [address = "", bits] = entry.split("/", 2);
  const family = isIP(address);
  const most = family === 6 ? 128 : 32;
  const isPrefix = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
  if (family === 0 || !isPrefix)
    throw new BkError("invalid", `trusted proxies: ${JSON.stringify(entry.slice(0, 60))} is no address or network such as 10.0.0.0/8`, {
      detail: { field: "trustedProxies" },
    });
  proxies.addSubnet(address, bits === undefined ? most : Number(bits), family === 6 ? "ipv6" : "ipv4");
}

function isIn(proxies: BlockList, address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  const family = isIP(plain);
  return family !== 0 && proxies.check(plain, family === 6 ? "ipv6" : "ipv4");
}
