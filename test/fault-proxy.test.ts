import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FaultProxy, openFaultProxy } from "./fault-proxy.js";

let server: Server;
let received: string;
let proxy: FaultProxy;
let clients: Socket[];

beforeEach(async () => {
  received = "";
  clients = [];
  server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      received += chunk.toString();
      socket.write(chunk);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  proxy = await openFaultProxy((server.address() as { port: number }).port);
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  await proxy.close();
  await new Promise((resolve) => server.close(resolve));
});

async function open(): Promise<Socket> {
  const client = connect(proxy.port, "127.0.0.1");
  clients.push(client);
  await once(client, "connect");
  return client;
}

async function echo(client: Socket, text: string): Promise<string> {
  client.write(text);
  const [chunk] = (await once(client, "data")) as [Buffer];
  return chunk.toString();
}

/** The error code with which the connection ends, or "ended". */
function ending(client: Socket): Promise<string> {
  return new Promise((resolve) => {
    client.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    client.once("end", () => resolve("ended"));
    client.resume();
  });
}

test("pass hands requests and replies on", async () => {
  expect(await echo(await open(), "hello")).toBe("hello");
});

test("a megabyte comes back whole", async () => {
  const client = await open();
  const sent = "x".repeat(1 << 20);
  let back = 0;
  client.write(sent);
  while (back < sent.length) back += ((await once(client, "data")) as [Buffer])[0].length;
  expect(back).toBe(sent.length);
});

test("refuse refuses new connections, keeps old ones, and pass takes new ones again on the same port", async () => {
  const old = await open();
  await proxy.mode("refuse");
  await expect(open()).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(await echo(old, "still")).toBe("still");
  await proxy.mode("pass");
  expect(await echo(await open(), "again")).toBe("again");
});

test("hang delivers the request and swallows the reply, for that connection for good", async () => {
  const client = await open();
  await proxy.mode("hang");
  let replies = 0;
  client.on("data", () => replies++);
  client.write("lost");
  await expect.poll(() => received).toBe("lost");
  await proxy.mode("pass");
  // A second connection has gone all the way and back, so the swallowed reply had its time too.
  expect(await echo(await open(), "heard")).toBe("heard");
  expect(replies).toBe(0);
});

test("cut-after-request delivers the request and cuts the connection without the reply", async () => {
  const client = await open();
  expect(await echo(client, "first")).toBe("first");
  await proxy.mode("cut-after-request");
  let replies = 0;
  client.on("data", () => replies++);
  client.write("second");
  expect(await ending(client)).toBe("ECONNRESET");
  expect(received).toBe("firstsecond");
  expect(replies).toBe(0);
});

test("delayMs holds the reply back that long", async () => {
  const client = await open();
  await proxy.mode({ delayMs: 50 });
  const began = performance.now();
  expect(await echo(client, "slow")).toBe("slow");
  // Timers may fire up to a millisecond early; there is no upper limit to check.
  expect(performance.now() - began).toBeGreaterThanOrEqual(49);
});

test("cutAll cuts every connection, and new ones work", async () => {
  const both = await Promise.all([open(), open()]);
  await Promise.all(both.map((client) => echo(client, "open")));
  const endings = both.map(ending);
  proxy.cutAll();
  expect(await Promise.all(endings)).toEqual(["ECONNRESET", "ECONNRESET"]);
  expect(await echo(await open(), "new")).toBe("new");
});

test("url keeps everything but the address", () => {
  expect(proxy.url("postgres://me:pw@db.example:5432/app?x=1")).toBe(`postgres://me:pw@127.0.0.1:${proxy.port}/app?x=1`);
});

test("a target without a port is refused", async () => {
  await expect(openFaultProxy("redis://localhost")).rejects.toThrow("redis: URL for the fault proxy names no port");
});

test("a server that is away ends the client's connection", async () => {
  await new Promise((resolve) => server.close(resolve));
  const client = await open();
  expect(["ECONNRESET", "ended"]).toContain(await ending(client));
  await once(server.listen(0, "127.0.0.1"), "listening");
});
