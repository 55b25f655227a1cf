// What drivers that speak HTTP send for the fixed shapes: they are carried out, one after the other, on a server that writes down what it is sent.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

import type { Driver, Shape, Values } from "../../src/driver.js";
import { define, orderedSelects, shapes } from "./shapes.js";

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A request, its path as it was sent. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

const stored = {
  account: ["a1", "ann@x.y", "Ann", 3, 1000],
  photo: ["o|1", 5, ["b", "c"], { a: 1 }, "Röm", 4, 9000],
} as const satisfies Record<string, Values>;

/** What is carried out, with values for the slots of each shape. */
const carriedOut: readonly (readonly [name: string, shape: Shape, values: Values])[] = [
  ["define table with a unique group", define("account", { kind: "table" }), []],
  ...(["define table", "define column", "define index", "define unique group", "inspect"] as const).map(
    (name) => [name, shapes[name]!, []] as const,
  ),
  ["get", shapes["get"]!, ["a1"]],
  ["get, key of two", shapes["get, one column, key of two"]!, ["o|1", 5]],
  ["add", shapes["add"]!, stored.account],
  ["put", shapes["put"]!, stored.account],
  ["put, key of two, old row", shapes["put, key of two, old row"]!, stored.photo],
  ["update", shapes["update"]!, ["o|1", 5, 9]],
  ["upsert", shapes["upsert"]!, [...stored.account, 1, 10]],
  ["delete", shapes["delete"]!, ["o|1", 5]],
  ["whole table", orderedSelects["whole table"]!, []],
  ["one partition, newest first, next page", orderedSelects["one partition, newest first, next page"]!, ["o|1", 5, 2]],
  ["index, equality and range", orderedSelects["index, equality and range"]!, ["Röm", 3, 5, 2]],
  ["unique group", orderedSelects["unique group"]!, ["ann@x.y"]],
  ["count", orderedSelects["count"]!, ["o|1"]],
];

/**
 * The requests of each shape, a line for each; of one that fails what it failed with, too.
 *
 * @param answer  what the server says to a request
 * @param shown   headers that are a part of what is asked
 */
export async function requestsOf<Command>(
  open: (host: string) => Promise<Driver<Command>>,
  answer: (sent: Sent) => Answer,
  shown: readonly string[],
): Promise<Record<string, string[]>> {
  let sent: Sent[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const one: Sent = { method: request.method!, path: request.url!, headers: request.headers, body: Buffer.concat(chunks).toString() };
      sent.push(one);
      const { status = 200, headers = {}, body } = answer(one);
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const driver = await open(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  const all: Record<string, string[]> = {};
  try {
    for (const [name, shape, values] of carriedOut) {
      sent = [];
      const failed = await Promise.resolve(driver.execute(driver.compile(shape), values)).then(
        () => [],
        (error: unknown) => [`failed: ${(error as Error).message}`],
      );
      all[name] = [...sent.map((one) => lineOf(one, shown)), ...failed];
    }
  } finally {
    await driver.close();
    await new Promise((resolve) => server.close(resolve));
  }
  return all;
}

function lineOf({ method, path, headers, body }: Sent, shown: readonly string[]): string {
  const own = Object.entries(headers)
    .filter(([name]) => shown.some((prefix) => name.startsWith(prefix)))
    .map(([name, value]) => `${name}: ${String(value)}`)
    .sort();
  return [`${method} ${path}`, ...own, ...(body === "" ? [] : [body])].join(" | ");
}
