// The requests of the HTTP cells, made beforehand.

import { createHmac } from "node:crypto";
import { signRequest } from "@bk/auth/client";
import { spread, userId } from "./users.js";

export const httpRows = 10_000;
export const httpLogin = "bench";
export const httpSecret = "the secret of the benchmark, which signs";

export const httpServers = ["node", "hono", "bk"] as const;
export type HttpServerName = (typeof httpServers)[number];

const variety = 500;
const host = "127.0.0.1";

export type HttpCell = "ping" | "get" | "signed get";

const targetOf: Readonly<Record<HttpCell, (id: string) => string>> = {
  ping: () => "/ping",
  get: (id) => `/data/get/users?id=${id}`,
  "signed get": (id) => `/data/get/signed?id=${id}`,
};

export const httpCells = Object.keys(targetOf) as HttpCell[];

/** What servers without `@bk/auth` sign. */
export function simpleText(method: string, name: string, target: string, expires: string): string {
  return [method, name, target, expires].join("\n");
}

/** @param isOurs  the signatures are those of `@bk/auth` */
export async function httpRequests(cell: HttpCell, isOurs: boolean): Promise<string[]> {
  return Promise.all(
    spread(variety, httpRows).map(async (i) => {
      const target = targetOf[cell](userId(i));
      const headers = cell === "signed get" ? await signed(target, isOurs) : "";
      return `GET ${target} HTTP/1.1\r\nhost: ${host}\r\n${headers}\r\n`;
    }),
  );
}

async function signed(target: string, isOurs: boolean): Promise<string> {
  const expires = new Date(Date.now() + 14 * 60_000);
  if (isOurs) {
    const headers = await signRequest({ url: target, host, login: httpLogin, secret: httpSecret, expires });
    return Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
  }
  const time = String(expires.getTime());
  const digest = createHmac("sha256", httpSecret)
    .update(simpleText("GET", host, target, time))
    .digest("base64");
  return `bk-signature: ${httpLogin}|${time}|${digest}\r\n`;
}
