// The requests of the modules' cells, signed beforehand: each counts once.

import { signRequest } from "@bk/auth/client";

export const loginOf = (i: number): string => `bench${i}`;
export const secretOf = (i: number): string => `the secret of the benchmark ${i}`;

export const moduleCells = ["message", "connection"] as const;
export type ModuleCell = (typeof moduleCells)[number];

const host = "127.0.0.1";

interface Bodies {
  readonly path: string;
  body(peer: string): object;
}

const bodies: Readonly<Record<ModuleCell, Bodies>> = {
  message: { path: "/message/add", body: (id) => ({ id, msg: "a message of some words, as people write them" }) },
  connection: { path: "/connection/add", body: (peer) => ({ peer, type: "like" }) },
};

/** Who asks, and whom it concerns, of the request `n`: no pair comes twice. */
export function pairOf(n: number, accounts: number): readonly [from: number, to: number] {
  const from = n % accounts;
  const step = 1 + (Math.floor(n / accounts) % (accounts - 1));
  return [from, (from + step) % accounts];
}

/** Requests from the number `first` on, as they go over the wire. */
export async function moduleRequests(cell: ModuleCell, ids: readonly string[], first: number, count: number): Promise<string[]> {
  const { path, body } = bodies[cell];
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const [from, to] = pairOf(first + i, ids.length);
      const text = JSON.stringify(body(ids[to]!));
      return `POST ${path} HTTP/1.1\r\nhost: ${host}\r\n${await signed("POST", path, from, text)}content-length: ${text.length}\r\n\r\n${text}`;
    }),
  );
}

/** The headers of a signed request, a line each. */
export async function signed(method: string, url: string, account: number, body?: string): Promise<string> {
  const headers = await signRequest({ method, url, host, body, login: loginOf(account), secret: secretOf(account), ttlMs: 600_000 });
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}
