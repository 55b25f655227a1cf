// A stand-in between the driver and DynamoDB Local that counts requests and, where told, answers in its place.

import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What becomes of a request: passed on (undefined), answered here, lost after it was passed on, or its answer changed. */
export type Interference = Answer | "lose" | ((body: Record<string, unknown>) => unknown) | undefined;

export interface Proxy {
  readonly url: string;
  /** Names of the requests since the last call of `take`, in order. */
  take(): string[];
  /** Decides about each request from now on. */
  interfere(decide: (name: string, body: Record<string, unknown>) => Interference): void;
  close(): Promise<void>;
}

export async function openProxy(target: string): Promise<Proxy> {
  const parsed = new URL(target.replace(/^dynamodb:/, "http:"));
  let seen: string[] = [];
  let decide: (name: string, body: Record<string, unknown>) => Interference = () => undefined;
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks);
      const name = String(incoming.headers["x-amz-target"]).split(".")[1] ?? "";
      const parsedBody = JSON.parse(body.toString()) as Record<string, unknown>;
      // What a process reads of a table's definition from time to time belongs to no call.
      if (name !== "GetItem" || !String(parsedBody["TableName"]).endsWith("bk-system.")) seen.push(name);
      const interference = decide(name, parsedBody);
      if (typeof interference === "object") {
        outgoing.writeHead(interference.status, { "content-type": "application/x-amz-json-1.0" });
        return void outgoing.end(JSON.stringify(interference.body));
      }
      const options = { host: parsed.hostname, port: parsed.port, method: "POST", path: incoming.url, headers: incoming.headers };
      const forwarded = request(options, (reply) => {
        const parts: Buffer[] = [];
        reply.on("data", (part: Buffer) => parts.push(part));
        reply.on("end", () => {
          if (interference === "lose") return void incoming.socket.destroy();
          const text = Buffer.concat(parts).toString();
          outgoing.writeHead(reply.statusCode ?? 500, { "content-type": "application/x-amz-json-1.0" });
          outgoing.end(
            typeof interference === "function" ? JSON.stringify(interference(JSON.parse(text) as Record<string, unknown>)) : text,
          );
        });
      });
      forwarded.end(body);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: target.replace(parsed.host, `127.0.0.1:${port}`),
    take: () => seen.splice(0),
    interfere: (next) => {
      decide = next;
    },
    close: () =>
      new Promise((resolve) => {
        seen = [];
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
