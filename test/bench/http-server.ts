// One HTTP server in a process of its own: Node's own over raw SQLite, Hono over the same, or the server of @bk/server.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer as createNodeServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { addAccount } from "@bk/auth";
import { table } from "@bk/db";
import { createServer as createBkServer } from "@bk/server";
import { Hono } from "hono";
import { answerOrders } from "./answer.js";
import { users } from "./contestants/bk.js";
import { entry, openSqlite } from "./contestants/raw-sqlite.js";
import { httpLogin, httpRows, httpSecret, type HttpServerName, simpleText } from "./http-requests.js";
import { userOf } from "./users.js";

export interface HttpServerOptions {
  readonly server: HttpServerName;
  /** A path for its database. */
  readonly file: string;
}

type Order = { readonly kind: "start" | "cpu" | "end" };

const { server, file } = JSON.parse(process.argv[2]!) as HttpServerOptions;
let close: () => Promise<void> = async () => undefined;

answerOrders(async (order: Order) => {
  if (order.kind === "start") return { port: await start() };
  if (order.kind === "end") return close();
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, rssMb: process.memoryUsage.rss() / 2 ** 20 };
});

function start(): Promise<number> {
  if (server === "bk") return startBk();
  return server === "hono" ? startHono() : startNode();
}

const masterKey = "a key of the benchmark that hides nothing";

async function startBk(): Promise<number> {
  // Two tables of the same rows: one that is open to everybody, one that wants a signature.
  const tables = {
    users: table(users, { rules: { to: "anonymous", read: true } }),
    signed: table(users, { rules: { read: true } }),
  };
  const made = await createBkServer({ db: `sqlite:${file}`, tables, masterKey });
  await addAccount(made.db as never, { login: httpLogin, secret: httpSecret }, { masterKey });
  for (const name of ["users", "signed"])
    await made.db.bulk(Array.from({ length: httpRows }, (_, i) => ({ op: "put", table: name, row: userOf(i) })) as never);
  close = () => made.close();
  return (await made.listen({ port: 0 })).port;
}

/** What a handler written by hand does: a row by its key. */
async function openRaw(): Promise<(id: string) => string> {
  await entry.create!(file);
  const database = openSqlite(file);
  const filler = await entry.open(file);
  await filler.bulk!(Array.from({ length: httpRows }, (_, i) => userOf(i)));
  await filler.close();
  const get = database.prepare("SELECT * FROM users WHERE id = ?");
  return (id) => {
    const row = get.get(id) as Record<string, unknown> | undefined;
    if (row === undefined) throw new Error("there is no such row");
    row["active"] = row["active"] === 1;
    row["meta"] = JSON.parse(row["meta"] as string);
    return JSON.stringify(row);
  };
}

/** The least that a signature is: who, until when, and an HMAC of the request. */
function checkSignature(method: string, target: string, host: string, signature: string | undefined): void {
  const [login = "", expires = "", digest = ""] = (signature ?? "").split("|");
  if (login !== httpLogin || Number(expires) < Date.now()) throw new Error("not signed");
  const wanted = createHmac("sha256", httpSecret)
    .update(simpleText(method, host, target, expires))
    .digest();
  const given = Buffer.from(digest, "base64");
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new Error("wrong signature");
}

async function startNode(): Promise<number> {
  const read = await openRaw();
  const listener = createNodeServer((request, response) => {
    const url = request.url!;
    const at = url.indexOf("?");
    const path = at < 0 ? url : url.slice(0, at);
    let text = "{}";
    if (path !== "/ping") {
      if (path === "/data/get/signed")
        checkSignature(request.method!, url, request.headers.host!, request.headers["bk-signature"] as string);
      text = read(new URLSearchParams(url.slice(at + 1)).get("id")!);
    }
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  });
  return listening(listener);
}

async function startHono(): Promise<number> {
  const read = await openRaw();
  const json = { "content-type": "application/json" };
  const app = new Hono();
  app.get("/ping", (context) => context.json({}));
  app.get("/data/get/users", (context) => context.body(read(context.req.query("id")!), 200, json));
  app.get("/data/get/signed", (context) => {
    const { pathname, search } = new URL(context.req.url);
    checkSignature("GET", pathname + search, context.req.header("host")!, context.req.header("bk-signature"));
    return context.body(read(context.req.query("id")!), 200, json);
  });
  const answer = getRequestListener(app.fetch as (request: Request) => Response | Promise<Response>);
  return listening(createNodeServer((request, response) => void answer(request, response)));
}

async function listening(listener: ReturnType<typeof createNodeServer>): Promise<number> {
  close = async () => {
    listener.closeAllConnections();
    await new Promise((resolve) => listener.close(resolve));
  };
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return (listener.address() as AddressInfo).port;
}
